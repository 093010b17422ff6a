"""A fit finds the shift, broadening and scale that were made; nobody's rank depends on others."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from src.checkpoints.model_info import ModelInfo
from src.comparison.candidates import Candidate, make_candidate
from src.comparison.expected_shift import compare_window, half_rise, shift_bounds
from src.comparison.fit import Bounds, fit_candidate
from src.comparison.ranking import first_in_draws, rank
from src.comparison.similarity import MEASURES
from src.comparison.tables import verdict
from src.errors import ConfigError, PredictionError, RecordError
from src.prediction.structure_prediction import SitePrediction, StructurePrediction
from src.xas.broadening import gaussian
from src.xas.normalization import find_e0, normalize
from src.xas.spectrum import Spectrum

ENERGY = np.arange(8960.0, 9080.0, 0.25)
BOUNDS = Bounds(shift=(-8.0, 8.0), broadening=(0.0, 4.0))


def spectrum(height=0.5, at=8993.0, edge=8985.0):
    """An edge with a white line and an oscillation."""
    x = ENERGY - edge
    mu = 0.5 + np.arctan(x / 1.2) / np.pi + height * np.exp(-0.5 * ((ENERGY - at) / 2.5) ** 2)
    mu = mu + 0.1 * np.sin(x / 4.0) * (x > 0) * np.exp(-x.clip(0) / 60.0)
    return Spectrum(ENERGY, mu, unit="dimensionless", source="made")


def measurement(shift=-3.3, width=1.8, scale=1.06, noise=0.0):
    """The spectrum as measured: moved, broadened, scaled."""
    made = gaussian(spectrum(), width)
    grid = np.arange(8970.0, 9040.0, 0.5)
    mu = scale * np.interp(grid - shift, made.energy, made.mu)
    mu = mu + noise * np.random.default_rng(0).standard_normal(len(grid))
    return Spectrum(grid, mu, unit="dimensionless", e0=8981.0)


def made(name="a", height=0.5, half=None):
    """A candidate with such a spectrum, and a band of a constant half width."""
    band = None if half is None else np.full(len(ENERGY), half)
    return Candidate(name, spectrum(height), band, [])


def test_parameters_that_were_made_are_found():
    fit = fit_candidate(measurement(), made(half=0.1), BOUNDS)
    assert fit.shift == pytest.approx(-3.3, abs=0.02)
    assert fit.broadening == pytest.approx(1.8, abs=0.1)
    assert fit.scale == pytest.approx(1.06, abs=0.002)
    assert fit.measures["mse"] < 1e-6
    assert fit.half_width == pytest.approx(0.1 * fit.scale)
    assert fit.at_bound == ()
    wrong = fit_candidate(measurement(), made("b", 0.0), BOUNDS)
    assert wrong.measures["mse"] > 1e-3  # control


def test_a_bound_that_stops_the_fit_is_named():
    fit = fit_candidate(measurement(), made(), Bounds((-2.0, 2.0), (0.0, 4.0)))
    assert "shift" in fit.at_bound
    assert fit.shift == pytest.approx(-2.0, abs=0.01)
    fixed = fit_candidate(measurement(), made(), Bounds((-3.3, -3.3), (0.0, 4.0)))
    assert fixed.shift == -3.3
    assert fixed.at_bound == ()


def candidates():
    """Three candidates of which the second is the measured one."""
    late = replace(made("late", half=0.02), predicted=spectrum(at=9000.0))
    return [made("low", 0.0, 0.02), made("right", half=0.02), late]


def test_the_measured_one_comes_first_by_every_measure():
    ranking = rank(measurement(noise=0.005), candidates(), BOUNDS, "spearman")
    assert ranking.fits[0].name == "right"
    assert ranking.lead > 1.0
    for name, measure in MEASURES.items():
        assert min(ranking.fits, key=lambda fit: fit.measures[name]).name == "right"
        assert measure(ENERGY, spectrum().mu, spectrum().mu) == pytest.approx(0, abs=1e-12)


def test_a_lead_counts_for_less_the_less_sure_the_model_is():
    """Half widths of 50 and 90 % bands of one normal distribution are 0.6745 and 1.6449 sigmas."""
    measured = measurement(noise=0.01)
    fits = rank(measured, candidates(), BOUNDS).fits

    def first(half, coverage=0.9):
        banded = [replace(fit, half_width=np.full(len(measured.mu), half)) for fit in fits]
        return first_in_draws(measured, banded, "r_factor", coverage)

    assert first(0.02) == 1.0
    assert first(1.0) < 0.7
    assert first(0.6745 * 0.4, 0.5) == pytest.approx(first(1.6449 * 0.4), abs=0.01)
    assert first(0.6745 * 0.4) > first(0.6745 * 0.4, 0.5) + 0.05  # negative control
    twins = [fits[0], replace(fits[0], name="twin")]
    assert first_in_draws(measured, twins, "mse") == pytest.approx(0.5, abs=0.1)  # a coin
    assert first_in_draws(measured, fits[:1], "mse") is None


def test_a_shift_is_weighed_as_the_posterior_of_noise_of_unknown_size_weighs_it():
    """R^(-n/2) times a normal distribution, written out, is equal where R times weight is."""
    bounds, extent = Bounds(expected=(-7.0, 1.5)), 50.0
    n = extent / (5.0 * np.sqrt(2.0 * np.pi))
    for shift in (-7.0, -6.0, -3.5, -11.0):
        misfit = 0.01 / bounds.weight(shift, np.array([0.0, extent]))
        likelihood = misfit ** (-n / 2.0) * np.exp(-0.5 * ((shift + 7.0) / 1.5) ** 2)
        assert likelihood == pytest.approx(0.01 ** (-n / 2.0))
    assert Bounds().weight(40.0, np.array([0.0, extent])) == 1.0
    # of two equal shapes the one at the expected shift comes first, and both are fitted alike
    twins = [Candidate(name, s, None, []) for name, s in
             (("near", spectrum()), ("far", spectrum().shifted(-3.0)))]  # fmt: skip
    fits = rank(measurement(), twins, replace(BOUNDS, expected=(-3.0, 1.0))).fits
    assert [fit.name for fit in fits] == ["near", "far"]
    assert [fit.shift for fit in fits] == pytest.approx([-3.3, -0.3], abs=0.02)
    fits = rank(measurement(), twins, replace(BOUNDS, expected=(-0.6, 1.0))).fits
    assert [fit.name for fit in fits] == ["far", "near"]


def test_who_else_is_listed_changes_nothing():
    """Others are alike but for their edges, 6 eV apart or more."""
    measured, expected = measurement(noise=0.005), replace(BOUNDS, expected=(-4.0, 1.5))
    others = [
        replace(made(f"at {de}", half=0.02), predicted=spectrum(0.3, 8993.0 + de, edge=8985.0 + de))
        for de in range(6, 48, 6)
    ]
    sets = [candidates(), [*candidates(), *others], [*others[::-1], *candidates()[::-1]]]

    def results(chosen, bounds):
        ranking = rank(measured, chosen, bounds)
        return ranking.first_in_draws, [
            (f.name, f.shift, f.broadening, f.scale, *f.measures.values(), f.weight)
            for f in ranking.fits
            if f.name in {c.name for c in candidates()}
        ]

    alone, *among = (results(chosen, expected) for chosen in sets)
    assert among == [alone, alone]
    assert alone[1][0][0] == "right"

    def old(chosen):  # negative control: bounds around the mean edge of all, as they once were
        middle = 8981.0 - float(np.mean([find_e0(c.predicted) for c in chosen]))
        return results(chosen, Bounds((middle - 5.0, middle + 5.0), (0.0, 3.0)))

    assert old(sets[0])[1] != old(sets[1])[1]


def test_a_bound_is_moved_once_for_whom_it_stops_and_no_verdict_is_given_at_a_bound():
    measured = measurement(shift=-5.0)
    narrow = Bounds((-4.0, 4.0), (0.0, 4.0))  # -5 is 1 eV beyond, -8 is more than 2
    right, *others = rank(measured, candidates(), narrow).fits
    assert (right.name, right.at_bound) == ("right", ())
    assert right.shift == pytest.approx(-5.0, abs=0.02)
    alone = [rank(measured, [c], narrow).fits[0] for c in candidates()]
    assert {f.name: f.shift for f in alone} == {f.name: f.shift for f in (right, *others)}
    far = rank(measurement(shift=-8.0), candidates(), narrow)
    assert far.fits[0].shift == pytest.approx(-6.0)
    assert far.fits[0].stopped == "shift"
    assert "no answer" in verdict(far)
    assert "no answer" not in verdict(rank(measured, candidates(), narrow))  # control


GRID = np.arange(8800.0, 9200.0, 0.5)


def scan(at=8985.0):
    """A normalized scan with an edge."""
    edge = 0.5 + np.arctan(GRID - at) / np.pi
    return normalize(Spectrum(GRID, edge, source="scan"))


def model(info=None, low=ENERGY[0], high=ENERGY[-1]):
    """As much of a model as the energies compared depend on."""
    return SimpleNamespace(energy_range=(low, high), info=info or ModelInfo())


def test_energies_compared_are_those_that_the_model_covers():
    measured = scan()
    window = compare_window(measured, model(), BOUNDS)
    assert window.energy[0] == pytest.approx(measured.e0 - 15.0)
    assert window.energy[-1] == pytest.approx(measured.e0 + 60.0)
    window = compare_window(measured, model(low=8984.0, high=9043.0), Bounds((-10.0, -4.0)))
    assert window.energy[0] == pytest.approx(8984.0 - 7.0)  # flat below
    assert window.energy[-1] == pytest.approx(9043.0 - 10.0 - 2.0)
    with pytest.raises(RecordError, match="scan: 0 points over 0.0 eV can be compared"):
        compare_window(scan(9100.0), model(high=9050.0), BOUNDS)
    with pytest.raises(RecordError, match="scan: its edge at 8985.0 eV is not within"):
        compare_window(measured, model(low=8984.0), Bounds((4.0, 10.0)))
    energy = np.arange(8985.0, 9040.0)
    rise = np.clip((energy - 8985.0) / 10.0, 0.0, 1.0)
    mean = ModelInfo(target="normalized", energy_grid=energy.tolist(), mean_spectrum=rise.tolist())
    with pytest.raises(ConfigError, match="moves the model's edge to 8964"):
        compare_window(scan(8980.0), model(mean, 8970.0, 9060.0), Bounds((-26.0, -26.0)))


def test_default_bounds_are_around_the_expected_shift_or_the_mean_spectrum():
    energy = np.arange(8985.0, 9040.0)
    rise = np.clip((energy - 8985.0) / 10.0, 0.0, 1.0)
    info = ModelInfo(target="normalized", energy_grid=energy.tolist(), mean_spectrum=rise.tolist())
    assert shift_bounds(info, scan(8984.0)) == pytest.approx((-14.0, 2.0), abs=0.01)
    known = replace(info, expected_shift=-7.5, shift_spread=1.5)
    assert shift_bounds(known, scan(8984.0)) == (-12.0, -3.0)
    with pytest.raises(ConfigError, match="relative to an unspecified"):
        shift_bounds(ModelInfo(), scan())
    # a pre-edge peak and the shoulder of a metal are not half of the rise
    peak = rise + 0.9 * np.exp(-0.5 * (energy - 8986.0) ** 2)
    assert half_rise(Spectrum(energy, peak)) == pytest.approx(8990.0, abs=0.01)


def test_a_prediction_without_an_edge_is_refused():
    def candidate(mu):
        sites = StructurePrediction([SitePrediction("made", 0, [0], ENERGY, mu)])
        return make_candidate(ModelInfo(target="normalized"), "made", sites)

    assert candidate(spectrum().mu).predicted.mu == pytest.approx(spectrum().mu)
    for mu in (np.ones(len(ENERGY)), 0.3 * spectrum().mu):
        with pytest.raises(PredictionError, match="made: the predicted spectrum has no edge"):
            candidate(mu)


def test_settings_out_of_range_are_named():
    with pytest.raises(ConfigError, match="`shift` is 1.0 -1.0 but must be LOW HIGH"):
        Bounds(shift=(1.0, -1.0))
    with pytest.raises(ConfigError, match="must not be negative"):
        Bounds(broadening=(-1.0, 1.0))
    with pytest.raises(ConfigError, match="expected one of r_factor"):
        rank(measurement(), candidates(), BOUNDS, "looks")


def test_a_verdict_ranks_and_does_not_identify():
    """Without the right one another leads as clearly; only a poor fit gives that away."""
    measured = measurement(noise=0.002)
    with_it, without = (
        verdict(rank(measured, [c for c in candidates() if c.name in names], BOUNDS))
        for names in (("right", "low", "late"), ("low", "late"))
    )
    assert with_it.startswith("right leads the 3 candidates: ")
    assert without.startswith("low leads the 2 candidates: ")
    for text in (with_it, without):
        assert "beyond the model's own uncertainty. This only ranks the given candidates" in text
    poor = replace(measured, mu=measured.mu + 0.2 * np.sin(measured.energy / 3.0))
    text = verdict(rank(poor, candidates()[:1], BOUNDS))
    assert "low is the only candidate. This only ranks" in text
    assert "above 0.02, suggests that it is not" in text
    assert "above 0.02" not in with_it  # control

"""A fit finds the shift, broadening and scale that were made, and says which bound stopped it."""

from dataclasses import replace

import numpy as np
import pytest

from src.comparison.fit import Bounds, fit_candidate
from src.comparison.ranking import Candidate, compare_window, first_in_draws, rank
from src.comparison.similarity import MEASURES
from src.errors import ConfigError, RecordError
from src.xas.broadening import gaussian
from src.xas.normalization import normalize
from src.xas.spectrum import Spectrum

ENERGY = np.arange(8960.0, 9080.0, 0.25)
BOUNDS = Bounds(shift=(-8.0, 8.0), broadening=(0.0, 4.0))


def spectrum(height=0.5, at=8993.0, name="made"):
    """An edge at 8985 eV with a white line and an oscillation."""
    x = ENERGY - 8985.0
    mu = 0.5 + np.arctan(x / 1.2) / np.pi + height * np.exp(-0.5 * ((ENERGY - at) / 2.5) ** 2)
    mu = mu + 0.1 * np.sin(x / 4.0) * (x > 0) * np.exp(-x.clip(0) / 60.0)
    return Spectrum(ENERGY, mu, unit="dimensionless", source=name)


def measurement(shift=-3.3, width=1.8, scale=1.06, noise=0.0):
    """The spectrum as measured: moved, broadened, scaled."""
    made = gaussian(spectrum(), width)
    grid = np.arange(8970.0, 9040.0, 0.5)
    mu = scale * np.interp(grid - shift, made.energy, made.mu)
    mu = mu + noise * np.random.default_rng(0).standard_normal(len(grid))
    return Spectrum(grid, mu, unit="dimensionless", e0=8981.0)


def test_parameters_that_were_made_are_found():
    fit = fit_candidate("a", measurement(), spectrum(), np.full(len(ENERGY), 0.1), BOUNDS)
    assert fit.shift == pytest.approx(-3.3, abs=0.02)
    assert fit.broadening == pytest.approx(1.8, abs=0.1)
    assert fit.scale == pytest.approx(1.06, abs=0.002)
    assert fit.measures["mse"] < 1e-6
    assert fit.half_width == pytest.approx(0.1 * fit.scale)
    assert fit.at_bound == ()
    wrong = fit_candidate("b", measurement(), spectrum(0.0), None, BOUNDS)
    assert wrong.measures["mse"] > 1e-3  # control


def test_a_bound_that_stops_the_fit_is_named():
    fit = fit_candidate("a", measurement(), spectrum(), None, Bounds((-2.0, 2.0), (0.0, 4.0)))
    assert "shift" in fit.at_bound
    assert fit.shift == pytest.approx(-2.0, abs=0.01)
    fixed = fit_candidate("a", measurement(), spectrum(), None, Bounds((-3.3, -3.3), (0.0, 4.0)))
    assert fixed.shift == -3.3
    assert fixed.at_bound == ()


def candidates():
    """Three candidates of which the second is the measured one."""
    made = {"low": spectrum(0.0), "right": spectrum(), "late": spectrum(0.5, at=9000.0)}
    widths = np.full(len(ENERGY), 0.02)
    return [Candidate(name, found, widths, []) for name, found in made.items()]


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
    twins = [fits[0], fits[0]]
    assert first_in_draws(measured, twins, "mse") == pytest.approx(0.5, abs=0.1)  # a coin
    assert first_in_draws(measured, fits[:1], "mse") is None


def test_only_energies_that_all_candidates_reach_are_compared():
    grid = np.arange(8800.0, 9200.0, 0.5)
    edge = 0.5 + np.arctan(grid - 8985.0) / np.pi
    measured = normalize(Spectrum(grid, edge, source="scan"))
    window = compare_window(measured, candidates(), BOUNDS)
    assert window.energy[0] >= max(measured.e0 - 15.0, ENERGY[0] + 8.0)
    assert window.energy[-1] <= min(measured.e0 + 60.0, ENERGY[-1] - 8.0)
    far = normalize(Spectrum(grid + 300.0, edge, source="scan"))
    with pytest.raises(RecordError, match="scan: 0 points over 0.0 eV can be compared"):
        compare_window(far, candidates(), BOUNDS)


def test_settings_out_of_range_are_named():
    with pytest.raises(ConfigError, match="`shift` is 1.0 -1.0 but must be LOW HIGH"):
        Bounds(shift=(1.0, -1.0))
    with pytest.raises(ConfigError, match="must not be negative"):
        Bounds(broadening=(-1.0, 1.0))
    with pytest.raises(ConfigError, match="expected one of r_factor"):
        rank(measurement(), candidates(), BOUNDS, "looks")

"""Fractions that were mixed are found within the errors that are stated."""

import numpy as np
import pytest
from scipy.optimize import minimize

from src.comparison.candidates import Candidate
from src.comparison.fit import Bounds
from src.comparison.linear_combination import fit_mixture, fit_predictions, fit_shifts
from src.comparison.tables import mixture_table
from src.errors import ConfigError
from src.xas.broadening import gaussian
from src.xas.spectrum import Spectrum

GRID = np.linspace(-20.0, 60.0, 160)


def components():
    """Three edges with white lines of different height and place."""
    edge = 0.5 + np.arctan(GRID) / np.pi
    lines = ((0.9, 4.0), (0.3, 8.0), (0.5, 14.0))
    return np.stack([edge + h * np.exp(-0.5 * ((GRID - at) / 2.0) ** 2) for h, at in lines])


def mixed(fractions, noise, seed, correlated=False):
    """A mixture with noise, of neighbouring points together if wanted."""
    rng = np.random.default_rng(seed)
    noises = rng.standard_normal(len(GRID) + 20)
    if correlated:
        noises = np.convolve(noises, np.ones(5) / 5**0.5, mode="same")
    return np.asarray(fractions) @ components() + noise * noises[10:-10]


@pytest.mark.parametrize("sum_to_one", [False, True])
def test_fractions_come_back_exactly_without_noise_and_none_is_negative(sum_to_one):
    exact = fit_mixture(components(), mixed([0.2, 0.5, 0.3], 0.0, 0), sum_to_one)
    assert exact.fractions == pytest.approx([0.2, 0.5, 0.3], abs=1e-6)
    assert exact.r_factor < 1e-10
    missing = fit_mixture(components(), mixed([0.0, 1.0, 0.0], 0.01, 3), sum_to_one, bootstrap=20)
    assert (missing.fractions >= 0).all()
    assert missing.fractions == pytest.approx([0.0, 1.0, 0.0], abs=0.03)


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("sum_to_one", [False, True])
def test_stated_errors_hold_the_truth_as_often_as_they_should(correlated, sum_to_one):
    truth = np.array([0.25, 0.45, 0.30])
    pulls, spreads = [], []
    for seed in range(150):
        data = mixed(truth, 0.02, seed, correlated)
        found = fit_mixture(components(), data, sum_to_one, 30 if seed < 20 else 0, seed)
        pulls.append((found.fractions - truth) / found.errors)
        if found.bootstrap is not None:
            spreads.append(found.bootstrap / found.errors)
    within = (np.abs(pulls) < 1.0).mean()
    assert (
        0.58 < within < 0.80
    )  # 0.68 for normal errors, and some more as errors are on the safe side
    assert np.median(spreads) == pytest.approx(1.0, abs=0.35)
    if correlated:  # control: errors that take every point for itself are too small
        naive = np.abs(pulls) * 5**0.5
        assert (naive < 1.0).mean() < 0.5


def test_the_sum_is_one_where_it_must_be_and_the_rest_is_least_squares():
    data = 1.1 * mixed([0.6, 0.1, 0.3], 0.01, 5)
    free, bound = (fit_mixture(components(), data, how).fractions for how in (False, True))
    assert free.sum() == pytest.approx(1.1, abs=0.03)
    assert bound.sum() == pytest.approx(1.0, abs=1e-12)

    def misfit(f):
        return float(np.sum((f @ components() - data) ** 2))

    wanted = minimize(
        misfit, np.ones(3) / 3, bounds=[(0, 1)] * 3, method="SLSQP",
        constraints={"type": "eq", "fun": lambda f: f.sum() - 1.0}, options={"ftol": 1e-12},
    )  # fmt: skip
    assert bound == pytest.approx(wanted.x, abs=1e-4)


def test_what_can_not_be_told_apart_is_refused():
    twice = np.stack([components()[0], 2.0 * components()[0]])
    with pytest.raises(ConfigError, match="too similar"):
        fit_mixture(twice, components()[0])
    with pytest.raises(ConfigError, match="2 energies are too few for 3"):
        fit_mixture(components()[:, :2], components()[0, :2])


@pytest.mark.parametrize("made", [-0.3, 0.0, 0.3])
def test_a_shift_that_was_made_is_found_up_to_the_largest_allowed_one(made):
    """Shifts up to 0.3 eV are tried in steps that end at 0.3 and contain 0."""
    energy = GRID + 9000.0
    component = Spectrum(energy, components()[0])
    measured = Spectrum(energy, np.interp(energy - made, energy, component.mu))
    measured = measured.within(8985.0, 9055.0)
    mixture = fit_shifts(measured, [component], 0.3)
    assert mixture.shifts == pytest.approx([made], abs=1e-12)
    assert mixture.fractions == pytest.approx([1.0])
    still = fit_shifts(measured, [component], 0.0)  # control
    assert still.shifts.tolist() == [0.0]
    assert (still.r_factor > 1e-6) == (made != 0.0)


ENERGY = np.arange(8960.0, 9080.0, 0.25)


def predicted(half=0.0):
    """Two predictions with bands of a half width."""
    x = ENERGY - 8990.0
    mus = [0.5 + np.arctan(x) / np.pi + h * np.exp(-0.5 * ((x - at) / 2.0) ** 2)
           for h, at in ((0.9, 4.0), (0.3, 12.0))]  # fmt: skip
    bands = np.full(len(ENERGY), half) if half else None
    return [Candidate(n, Spectrum(ENERGY, mu), bands, []) for n, mu in zip("ab", mus, strict=True)]


def measured_mixture(shifts, width=2.0, fractions=(0.7, 0.3)):
    """The predictions as measured: each moved by its shift, all broadened."""
    grid = np.arange(8970.0, 9030.0, 0.5)
    pairs = zip(predicted(), shifts, strict=True)
    parts = [gaussian(c.predicted, width).shifted(de) for c, de in pairs]
    return Spectrum(grid, np.asarray(fractions) @ [np.interp(grid, p.energy, p.mu) for p in parts])


def test_predictions_have_one_shift_in_common_and_small_further_ones():
    bounds = Bounds((-12.0, -2.0), expected=(-7.0, 1.7))
    mixture = fit_predictions(measured_mixture((-6.75, -6.25)), predicted(), bounds, 1.0)
    assert mixture.shifts == pytest.approx([-6.75, -6.25], abs=0.26)  # steps of 0.25
    assert mixture.fractions == pytest.approx([0.7, 0.3], abs=0.03)
    assert mixture.common.broadening == pytest.approx(2.0, abs=0.5)
    assert "warning" not in mixture_table("ab", mixture, 1.0)
    apart = fit_predictions(measured_mixture((-5.0, -11.0)), predicted(), bounds, 1.0)
    assert np.ptp(apart.shifts) <= 2.0 + 1e-9  # what moves 6 eV apart is not two structures
    assert apart.r_factor > 10.0 * mixture.r_factor
    apart = fit_predictions(measured_mixture((-8.5, -5.5)), predicted(), bounds, 1.0)
    assert ": shift is at its bound" in mixture_table("ab", apart, 1.0)
    far = fit_predictions(measured_mixture((3.0, 3.0)), predicted(), Bounds((-12.0, -2.0)), 1.0)
    text = mixture_table("ab", far, 1.0)
    assert "common shift is at its bound" in text
    assert "R-factor above 0.02" in text


def test_errors_of_the_model_grow_with_its_bands():
    """Measured at the energies of the predictions, the error of a single one is that of a scale."""
    data, bounds = measured_mixture((0.0, 0.0), 0.0, (1.0, 0.0)), Bounds((0.0, 0.0), (0.0, 0.0))
    wide, narrow = (
        fit_predictions(data, predicted(half)[:1], bounds, 0.0, coverage=0.6827).model_errors
        for half in (0.1, 0.01)
    )
    assert wide == pytest.approx(10.0 * narrow, rel=0.2)
    mu = data.mu  # f = data p / (p p) with p = data + e: df = - e data / (data data)
    distance = data.energy[:, None] - data.energy[None, :]
    covariance = 0.01**2 * np.exp(-0.5 * (distance / 5.0) ** 2)
    assert narrow == pytest.approx(np.sqrt(mu @ covariance @ mu) / (mu @ mu), rel=0.15)
    assert fit_predictions(data, predicted()[:1], bounds, 0.0).model_errors is None

"""Fractions that were mixed are found within the errors that are stated."""

import numpy as np
import pytest
from scipy.optimize import minimize

from src.comparison.linear_combination import fit_mixture, fit_shifts
from src.errors import ConfigError
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
def test_fractions_come_back_exactly_without_noise(sum_to_one):
    found = fit_mixture(components(), mixed([0.2, 0.5, 0.3], 0.0, 0), sum_to_one)
    assert found.fractions == pytest.approx([0.2, 0.5, 0.3], abs=1e-6)
    assert found.r_factor < 1e-10


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


def test_no_fraction_is_negative_and_a_missing_component_gets_none():
    found = fit_mixture(components(), mixed([0.0, 1.0, 0.0], 0.01, 3), bootstrap=20)
    assert (found.fractions >= 0).all()
    assert found.fractions == pytest.approx([0.0, 1.0, 0.0], abs=0.03)


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

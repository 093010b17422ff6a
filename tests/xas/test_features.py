"""Features of spectra against closed forms."""

import numpy as np
import pytest

from src.xas.features import (
    WHITE_LINE_WITHIN,
    error_statistics,
    feature_errors,
    find_features,
    find_inflection,
    find_white_line,
    moments,
    vertex,
)  # fmt: skip

GRID = 8983.173 + 0.25 * np.arange(141)


def edge(center, width, energy=GRID):
    """Arctangent step; its derivative is largest at its centre."""
    return 0.5 + np.arctan((energy - center) / width) / np.pi


def line(center, width, height, energy=GRID):
    """Gaussian."""
    return height * np.exp(-0.5 * ((energy - center) / width) ** 2)


def test_vertex_of_a_parabola_is_exact_on_uneven_points():
    x = np.array([0.0, 1.0, 2.5, 3.0, 5.0])
    y = 4.0 - 0.7 * (x - 2.2) ** 2
    assert vertex(x, y, 2) == pytest.approx((2.2, 4.0), abs=1e-12)
    assert vertex(x, np.ones(5), 2) == (2.5, 1.0)


@pytest.mark.parametrize("center", [8990.0, 8990.0 + 0.25 / 3, 8991.2])
def test_e0_of_an_arctangent_is_its_centre(center):
    """Finite differences of a step 1 eV wide move it by less than a tenth of the grid's step."""
    mu = edge(center, 1.0)
    assert find_inflection(GRID, mu) == pytest.approx(center, abs=0.01)


def test_white_line_of_an_edge_and_a_gaussian():
    """The step's slope moves the Gaussian's maximum; a grid 1000 times finer says where it is."""

    def spectrum(energy):
        return edge(8988.0, 0.8, energy) + line(8995.1, 2.0, 0.9, energy)

    fine = np.arange(8993.0, 8997.0, 0.00025)
    at = int(np.argmax(spectrum(fine)))
    mu = spectrum(GRID)
    energy, height = find_white_line(GRID, mu, find_inflection(GRID, mu))
    assert energy == pytest.approx(fine[at], abs=0.003)
    assert height == pytest.approx(spectrum(fine)[at], abs=1e-5)
    on_the_grid = GRID[int(np.argmax(mu))]
    assert abs(on_the_grid - fine[at]) > 0.03  # what the parabola makes better


def test_maximum_too_far_above_the_edge_is_no_white_line():
    near, far = 9000.0, 8988.0 + WHITE_LINE_WITHIN + 5.0
    step = edge(8988.0, 0.8)
    mu = step + line(near, 1.0, 0.2) + line(far, 1.0, 0.8)
    assert find_white_line(GRID, mu, 8988.0)[0] == pytest.approx(near, abs=0.1)
    assert np.isnan(find_white_line(GRID, step + line(far, 1.0, 0.8), 8988.0)).all()


def test_moments_of_a_gaussian_are_its_centre_and_width():
    energy = np.concatenate([np.arange(0.0, 50.0, 0.5), np.arange(50.0, 101.0, 0.25)])  # uneven
    mu = line(48.0, 3.0, 7.0, energy)
    assert moments(energy, mu) == pytest.approx((48.0, 9.0), abs=0.01)  # h^2 where steps change
    assert abs(np.sum(energy * mu) / np.sum(mu) - 48.0) > 0.3  # a sum that ignores the steps
    flat = moments(energy, np.ones(len(energy)))
    assert flat == pytest.approx((energy[-1] / 2, energy[-1] ** 2 / 12), rel=1e-4)


def test_features_that_are_not_there_are_unknown():
    falling = -np.arange(141.0)
    assert np.isnan(find_inflection(GRID, falling))
    assert np.isnan(find_inflection(GRID, np.exp(np.arange(141.0) / 10)))  # steepest at the end
    assert np.isnan(find_inflection(GRID[:4], np.arange(4.0)))
    assert np.isnan(moments(GRID, falling)).all()
    assert np.isnan(find_white_line(GRID, edge(8988.0, 1.0), float("nan"))).all()


def test_shift_and_scale_of_a_spectrum_are_its_errors():
    spectra = np.stack([edge(c, 0.8) + line(c + 6, 1.5, 0.8) for c in (8988.0, 8990.3)])
    moved = np.stack([edge(c, 0.8) + line(c + 6, 1.5, 0.8) for c in (8988.5, 8990.8)])
    everywhere = np.ones_like(spectra, dtype=bool)
    errors = feature_errors(
        find_features(GRID, moved, everywhere), find_features(GRID, spectra, everywhere)
    )
    assert errors["e0"] == pytest.approx([0.5, 0.5], abs=1e-6)  # two steps of the grid
    assert errors["white_line_energy"] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert errors["white_line_height"] == pytest.approx([0.0, 0.0], abs=1e-6)
    scaled = find_features(GRID, 1.1 * spectra, everywhere)
    errors = feature_errors(scaled, find_features(GRID, spectra, everywhere))
    assert errors["centroid"] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert errors["white_line_height"] == pytest.approx(
        0.1 * find_features(GRID, spectra, everywhere).white_line_height
    )


def test_energies_that_were_not_calculated_are_not_looked_at():
    mu = edge(8988.0, 0.8) + line(8994.0, 1.5, 0.8)
    known = GRID < 9005.0
    spoilt = np.where(known, mu, 50.0)
    a = find_features(GRID, spoilt[None], known[None])
    b = find_features(GRID[known], mu[known][None], np.ones((1, known.sum()), dtype=bool))
    assert vars(a) == vars(b)
    whole = find_features(GRID, spoilt[None], np.ones((1, len(GRID)), dtype=bool))
    assert whole.e0[0] != pytest.approx(a.e0[0], abs=1.0)


def test_summary_leaves_out_what_is_unknown():
    summary = error_statistics(np.array([0.1, -0.3, np.nan, 0.5]))
    assert (summary.sites, summary.median_absolute) == (3, pytest.approx(0.3))
    assert (summary.mean_absolute, summary.bias) == (pytest.approx(0.3), pytest.approx(0.1))
    assert error_statistics(np.array([np.nan])).sites == 0

"""Grids and resampling against closed forms."""

import numpy as np
import pytest

from src.errors import ConfigError
from src.xas.energies import KNOWN_WINDOWS, energy_grid, resample


def test_grid_of_the_copper_benchmark():
    grid = energy_grid(*KNOWN_WINDOWS[("Cu", "K")])
    assert len(grid) == 141
    assert grid == pytest.approx(8983.173 + 0.25 * np.arange(141))


@pytest.mark.parametrize(("stop", "count"), [(1.0, 11), (1.04, 11), (0.96, 10)])
def test_grid_ends_at_the_last_step_within(stop, count):
    assert len(energy_grid(0.0, stop, 0.1)) == count


@pytest.mark.parametrize("arguments", [(1.0, 0.0, 0.1), (0.0, 1.0, 0.0), (0.0, 1.0, -1.0)])
def test_impossible_grid_is_refused(arguments):
    with pytest.raises(ConfigError, match="no grid"):
        energy_grid(*arguments)


ENERGY = np.array([0.0, 1.0, 3.0, 7.0])


def test_straight_lines_are_exact_on_a_grid_that_is_not_uniform():
    grid = np.array([0.0, 0.3, 2.9, 6.5, 7.0])
    values, mask = resample(ENERGY, 2 * ENERGY + 1, grid, extend_below=0.0)
    assert mask.all()
    assert values == pytest.approx(2 * grid + 1)


def test_nothing_is_invented_beyond_the_ends():
    grid = np.array([-2.0, -0.5, 0.0, 7.0, 7.1])
    values, mask = resample(ENERGY, ENERGY + 5, grid, extend_below=1.0)
    assert mask.tolist() == [False, True, True, True, False]
    assert values.tolist() == [0.0, 5.0, 5.0, 12.0, 0.0]
    _, strict = resample(ENERGY, ENERGY, grid, extend_below=0.0)
    assert strict.tolist() == [False, False, True, True, False]


def test_negative_control_interpolation_alone_extends_flat_to_any_distance():
    assert np.interp(1e6, ENERGY, ENERGY + 5) == 12.0

"""Grids and resampling against closed forms."""

import numpy as np
import pytest

from src.errors import ConfigError
from src.xas.energies import KNOWN_WINDOWS, EnergyAxis, even_energies, resample


def test_grid_of_the_copper_benchmark():
    grid = even_energies(*KNOWN_WINDOWS[("Cu", "K")])
    assert len(grid) == 141
    assert grid == pytest.approx(8983.173 + 0.25 * np.arange(141))
    assert [len(even_energies(0.0, stop, 0.1)) for stop in (1.0, 1.04, 0.96)] == [11, 11, 10]


@pytest.mark.parametrize("arguments", [(1.0, 0.0, 0.1), (0.0, 1.0, 0.0), (0.0, 1.0, -1.0)])
def test_impossible_grid_is_refused(arguments):
    with pytest.raises(ConfigError, match="no grid"):
        even_energies(*arguments)


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


def test_axis_counts_from_the_reference_energy_where_there_is_one():
    absolute = EnergyAxis(np.array([8990.0, 8993.0, 9000.0]), 8993.0, n_scored=2)
    assert absolute.relative.tolist() == [-3.0, 0.0, 7.0]
    assert absolute.scored.energy.tolist() == [8990.0, 8993.0]
    assert absolute.scored.relative.tolist() == [-3.0, 0.0]
    relative = EnergyAxis(np.array([-3.0, 7.0]))
    assert relative.relative.tolist() == relative.scored.energy.tolist() == [-3.0, 7.0]
    assert "unspecified" in str(relative)
    assert "unspecified" not in str(absolute)

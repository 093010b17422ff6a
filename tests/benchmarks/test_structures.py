"""Structures to measure on have the size, density and distances that they should."""

import numpy as np
import pytest

from benchmarks.scaling import exponent
from benchmarks.structures import CLOSEST, DENSITY, copper_oxide, disordered, supercell


@pytest.mark.parametrize("n_atoms", [10, 3000])
def test_supercell_has_about_the_wanted_size_and_the_same_density(n_atoms):
    atoms, cell = supercell(n_atoms), copper_oxide()
    assert 0.7 * n_atoms <= len(atoms) <= 1.3 * n_atoms
    assert len(atoms) / atoms.get_volume() == pytest.approx(len(cell) / cell.get_volume())


def test_disordered_box_keeps_atoms_apart_through_its_walls():
    atoms = disordered(200, seed=1)
    distances = atoms.get_all_distances(mic=True)[~np.eye(200, dtype=bool)]
    assert distances.min() >= CLOSEST
    assert len(atoms) / atoms.get_volume() == pytest.approx(DENSITY)
    assert (atoms.numbers == 29).sum() == 100


def test_exponent_is_the_slope_of_the_logarithms_without_small_and_failed_points():
    points = [{"atoms": n, "seconds": 3.0 * n**1.5} for n in (500, 2000, 10_000)]
    points += [{"atoms": 10, "seconds": 99.0}, {"atoms": 20_000, "failed": "exit 1"}]
    assert exponent(points, "seconds") == pytest.approx(1.5)
    assert np.isnan(exponent(points[:1], "seconds"))

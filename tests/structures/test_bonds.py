"""Bonds and drawn images of rock salt, whose cell and neighbors are textbook knowledge."""

from collections import Counter

import numpy as np
import pytest
from ase.build import bulk

from src.structures.bonds import MANY, bonds, with_images

SALT = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
"""Four sodium and four chlorine atoms."""


def test_each_atom_of_rock_salt_has_six_bonds_to_the_other_element():
    first, second, shift = bonds(SALT)
    assert Counter(first.tolist()) == dict.fromkeys(range(8), 6)
    assert (SALT.numbers[first] != SALT.numbers[second]).all()
    vectors = SALT.positions[second] + shift @ SALT.cell.array - SALT.positions[first]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(5.64 / 2)


def test_images_at_corners_faces_and_edges_are_drawn_once():
    index, drawn = with_images(SALT, [])
    assert Counter(drawn.symbols) == {"Na": 8 + 6, "Cl": 12 + 1}
    lattice = (drawn.positions - SALT.positions[index]) @ np.linalg.inv(SALT.cell.array)
    assert lattice == pytest.approx(lattice.round())
    assert len(np.unique(drawn.positions.round(3), axis=0)) == len(drawn)


def test_centers_have_all_their_neighbors():
    index, drawn = with_images(SALT, [0])  # sodium at the corners, six chlorine atoms each
    counts = np.bincount(bonds(drawn)[0], minlength=len(drawn))
    assert (counts[index == 0] == 6).all()
    without = np.bincount(bonds(with_images(SALT, [])[1])[0], minlength=27)
    assert without[0] == 3  # negative control


def test_large_structures_have_no_images():
    large = SALT * (4, 4, 2)
    assert len(large) > MANY
    assert len(with_images(large, [0])[1]) == len(large)

"""Bonds, and which images of a crystal's atoms a figure shows."""

from collections.abc import Collection
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from .environments import BOND_FACTOR
from .graph import pairs_within

MANY = 250
"""Structures of more atoms are drawn without images."""


def bonds(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bonds: both atoms and the lattice vector to the second, as of ``pairs_within``.

    They are shorter than ``BOND_FACTOR`` times the sum of covalent radii.
    """
    radii, numbers = covalent_radii[atoms.numbers], atoms.numbers
    first, second, shift, length = pairs_within(atoms, 2 * BOND_FACTOR * radii.max())
    bonded = length < BOND_FACTOR * (radii[first] + radii[second])
    if len(set(numbers.tolist())) > 1:  # metal atoms of an oxide are not bonded
        bonded &= numbers[first] != numbers[second]
    return first[bonded], second[bonded], shift[bonded]


def with_images(atoms: Atoms, centers: Collection[int]) -> tuple[np.ndarray, Atoms]:
    """A crystal as it is drawn: the cell's atoms, images at its faces, bonded neighbors of centers.

    Returns:
        Index of each atom in the cell, shape (n_drawn,), and all of them, not periodic, with the
        cell if there is one; of more than ``MANY`` atoms only those of the cell.
    """
    rows = np.column_stack([np.arange(len(atoms)), np.zeros((len(atoms), 3), dtype=int)])
    if atoms.pbc.any() and len(atoms) <= MANY:
        shifts = np.array(list(product(*((-1, 0, 1) if one else (0,) for one in atoms.pbc))))
        moved = atoms.get_scaled_positions(wrap=False)[:, None] + shifts
        inside = (abs(moved - 0.5) < 0.501) | ~np.asarray(atoms.pbc)
        image, number = np.nonzero(inside.all(axis=2))
        rows = np.concatenate([rows, np.column_stack([image, shifts[number]])])
        first, second, shift = bonds(atoms)
        around = [
            np.column_stack([second[first == row[0]], shift[first == row[0]] + row[1:]])
            for row in rows
            if row[0] in centers
        ]
        rows = np.concatenate([rows, *around]).astype(int)
    rows = np.array(list(dict.fromkeys(map(tuple, rows.tolist()))))
    pos = atoms.positions[rows[:, 0]] + rows[:, 1:] @ np.asarray(atoms.cell.array)
    cell = atoms.cell if atoms.pbc.any() else None
    return rows[:, 0], Atoms(atoms.numbers[rows[:, 0]], pos, cell=cell)


def cell_edges(cell: np.ndarray) -> np.ndarray:
    """The twelve edges of a cell, shape (12, 2, 3)."""
    corners = np.array(list(product((0, 1), repeat=3)))
    pairs = [(a, b) for a in corners for b in corners if (b - a).sum() == 1 and (b >= a).all()]
    return np.array(pairs) @ cell

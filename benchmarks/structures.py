"""Structures of any size: supercells of a copper oxide, disordered boxes, displaced copies."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read
from scipy.spatial import cKDTree

from .crystals import SLICE

DENSITY = 0.0986
"""Atoms in a cubic Angstrom of a disordered box, as in CuO."""
CLOSEST = 1.7
"""Shortest distance in a disordered box, Angstrom."""


def read_cell(material: Path) -> Atoms:
    """Structure of one material of the slice."""
    atoms = read(material / "POSCAR")
    assert isinstance(atoms, Atoms)
    return atoms


def copper_oxide() -> Atoms:
    """CuO, mp-1692, four atoms."""
    return read_cell(SLICE / "mp-1692")


def slice_structures() -> list[Atoms]:
    """The crystals of the slice in tests/data, by name."""
    return [read_cell(folder) for folder in sorted(SLICE.iterdir()) if folder.is_dir()]


def supercell(n_atoms: int) -> Atoms:
    """CuO repeated to about so many atoms, as nearly a cube as may be."""
    cell = copper_oxide()
    wanted = max(1.0, n_atoms / len(cell))
    side = max(1, round(wanted ** (1 / 3)))
    return cell.repeat((side, side, max(1, round(wanted / side**2))))


def disordered(n_atoms: int, seed: int = 0) -> Atoms:
    """A periodic cube of copper and oxygen in equal parts, packed at random.

    Atoms are added at random places and stay where no earlier one is nearer than ``CLOSEST``.
    """
    rng = np.random.default_rng(seed)
    length = max((n_atoms / DENSITY) ** (1 / 3), 2 * CLOSEST)
    positions = np.empty((0, 3))
    while len(positions) < n_atoms:
        trial = np.concatenate([positions, length * rng.random((n_atoms, 3))])
        pairs = cKDTree(trial, boxsize=length).query_pairs(CLOSEST, output_type="ndarray")
        keep = np.ones(len(trial), dtype=bool)
        for earlier, later in pairs[np.argsort(pairs[:, 1], kind="stable")]:
            keep[later] &= not keep[earlier]
        positions = trial[keep][:n_atoms]
    numbers = np.where(np.arange(n_atoms) % 2 == 0, 29, 8)
    return Atoms(numbers, positions, cell=[length] * 3, pbc=True)


def displaced(atoms: Atoms, seed: int, size: float = 0.02) -> Atoms:
    """A copy without symmetry: every coordinate moved by a normal deviate, Angstrom."""
    copy = atoms.copy()
    copy.positions += np.random.default_rng(seed).normal(0.0, size, (len(atoms), 3))
    return copy

"""Structures, and changes of them that must not change the spectra of their absorbers."""

from collections.abc import Callable

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

Structure = tuple[Atoms, list[int]]
"""A structure and its absorbers; spectra are in the order of the absorbers' indices."""
Change = Callable[[Structure, np.random.Generator], Structure]
"""A change that must not change spectra."""


def example_structures(z: int) -> dict[str, Structure]:
    """A cluster and a triclinic crystal without symmetry, with two absorbers of element z each."""
    cluster = Atoms(
        numbers=[z, 8, 16, 8, z, 8],
        positions=[
            [0, 0, 0], [1.9, 0.2, 0.1], [-0.8, 2.0, 0.4], [0.3, -0.7, 1.8], [2.4, 2.1, 0.6],
            [-1.2, -0.9, -1.5],
        ],
    )  # fmt: skip
    crystal = Atoms(
        numbers=[z, 8, z, 16],
        scaled_positions=[[0.02, 0, 0.03], [0.5, 0.47, 0.1], [0.45, 0.1, 0.55], [0.08, 0.6, 0.5]],
        cell=[[4.1, 0.2, -0.3], [0.9, 3.8, 0.1], [-0.4, 0.7, 4.5]],
        pbc=True,
    )
    return {"cluster": (cluster, [0, 4]), "crystal": (crystal, [0, 2])}


def special_sites(z: int) -> dict[str, Structure]:
    """Absorbers of element z without neighbors, with one, and in exactly symmetric shells."""
    x, y, w = np.eye(3)
    shells = {
        "isolated": np.zeros((0, 3)),
        "one neighbor": np.array([w]),
        "linear": np.array([w, -w]),
        "tetrahedral": np.array([x + y + w, x - y - w, -x + y - w, -x - y + w]) / np.sqrt(3.0),
        "octahedral": np.array([x, -x, y, -y, w, -w]),
    }
    sites: dict[str, Structure] = {}
    for name, directions in shells.items():
        positions = np.vstack([np.zeros((1, 3)), 2.0 * directions])
        sites[name] = Atoms(numbers=[z] + [8] * len(directions), positions=positions), [0]
    return sites


def with_atom(structure: Structure, center: int, distance: float) -> Structure:
    """Add an oxygen atom at a distance, Angstrom, from one atom of a molecule."""
    atoms, absorbers = structure
    place = atoms.positions[center] + distance * np.array([0.48, -0.64, -0.6])
    return atoms + Atoms(numbers=[8], positions=[place]), absorbers


def transform(structure: Structure, matrix: np.ndarray) -> Structure:
    """Apply an orthogonal matrix, shape (3, 3), to positions and cell."""
    atoms, absorbers = structure
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ matrix.T)
    moved.positions = atoms.positions @ matrix.T
    return moved, absorbers


def rotation(structure: Structure, rng: np.random.Generator) -> Structure:
    """Turn a structure at random."""
    return transform(structure, Rotation.random(None, rng).as_matrix())


def reflection(structure: Structure, rng: np.random.Generator) -> Structure:
    """Mirror a structure in a random plane, 1 - 2 n n^T."""
    normal = rng.normal(size=3)
    return transform(structure, np.eye(3) - 2.0 * np.outer(normal, normal) / (normal @ normal))


def translation(structure: Structure, rng: np.random.Generator) -> Structure:
    """Shift all atoms."""
    moved = structure[0].copy()
    moved.positions += rng.uniform(-20, 20, 3)
    return moved, structure[1]


def permutation(structure: Structure, rng: np.random.Generator) -> Structure:
    """Reorder atoms, absorbers among themselves in their old order."""
    atoms, absorbers = structure
    order = rng.permutation(len(atoms))
    places = sorted(np.flatnonzero(np.isin(order, absorbers)))
    order[places] = absorbers
    return atoms[order], [int(place) for place in places]


def supercell(structure: Structure, rng: np.random.Generator) -> Structure:
    """Repeat the cell; the absorbers stay in the first one."""
    atoms, absorbers = structure
    return (atoms.repeat((2, 1, 2)) if atoms.pbc.all() else atoms.copy()), absorbers


def wrapping(structure: Structure, rng: np.random.Generator) -> Structure:
    """Move every atom by another lattice vector."""
    moved = structure[0].copy()
    moved.positions += rng.integers(-2, 3, (len(moved), 3)) @ moved.cell.array
    return moved, structure[1]


ANY_MODE: dict[str, Change] = {
    "rotation": rotation,
    "reflection": reflection,
    "translation": translation,
    "wrapping": wrapping,
}
"""Changes that keep the order of atoms, so that the same seed drops the same features."""
EVALUATION_ONLY: dict[str, Change] = {"permutation": permutation, "supercell": supercell}
"""Changes that give dropout other atoms, so that its random numbers fall differently."""

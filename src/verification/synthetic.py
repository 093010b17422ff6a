"""Synthetic spectra with a known dependence on the structure, bond angles included.

A copper absorber has 4 to 6 neighbors (N, O, S) at random distances and directions, alone or as
the motif of a triclinic crystal whose images the absorber does not reach. Its spectrum:

    mu(E) = step(E) + sum_j a(z_j) exp(-(E - E_0(d_j))^2 / 2 w^2) + A T G(E),
    T = (1 / n) sum_(j < k) P_2(cos theta_jk)

Distances and directions are drawn independently, so nothing that only sees elements and distances
of the neighbors can know more of T than its mean for n neighbors: the best such model has the
mean squared error A^2 mean(G^2) var(T | n), ``angular_floor``.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from torch_geometric.data import Data

from ..structures.graph import atoms_to_graph

HEIGHTS = {7: 0.25, 8: 0.35, 16: 0.5}
"""a(z), height of the two-body term of each neighbor element."""
ANGULAR_HEIGHT = 0.6
"""A, height of the three-body term."""
SMALLEST_ANGLE = np.radians(55.0)
"""Directions of neighbors differ at least by this; the same for all distances."""
CELL_LENGTH = 9.0
"""Lattice vectors are about this long, Angstrom: more than the cutoff and a bond, so that distances
from the absorber to images of its neighbors, which would tell of angles, are beyond the cutoff."""


@dataclass(frozen=True)
class SyntheticSite:
    """An absorber with its neighbors, and their angular order."""

    atoms: Atoms
    """Absorber first; a molecule, or a crystal with one absorber a cell."""
    angular: float
    """T of the module's formula."""


def angular_order(directions: np.ndarray) -> float:
    """T = (1 / n) sum over pairs of P_2(cos theta), of n unit vectors, shape (n, 3)."""
    cosines = np.array([a @ b for a, b in itertools.combinations(directions, 2)])
    return float((1.5 * cosines**2 - 0.5).sum() / len(directions))


def random_site(rng: np.random.Generator, periodic: bool = False) -> SyntheticSite:
    """Draw a site: number, directions, elements and distances of the neighbors.

    If it is periodic, it is wrapped into a random triclinic cell.
    """
    count = int(rng.integers(4, 7))
    directions: list[np.ndarray] = []
    while len(directions) < count:
        trial = rng.normal(size=3)
        trial /= np.linalg.norm(trial)
        if all(trial @ other < np.cos(SMALLEST_ANGLE) for other in directions):
            directions.append(trial)
        elif rng.random() < 0.02:  # a start from which no room is left
            directions.clear()
    distances = rng.uniform(1.8, 2.6, count)
    numbers = rng.choice(list(HEIGHTS), count)
    positions = np.vstack([np.zeros(3), np.array(directions) * distances[:, None]])
    atoms = Atoms(numbers=[29, *numbers], positions=positions)
    if periodic:
        atoms.set_cell(CELL_LENGTH * (np.eye(3) + rng.uniform(-0.08, 0.08, (3, 3))))
        atoms.pbc = True
        atoms.positions += rng.uniform(size=3) @ atoms.cell.array
        atoms.wrap()
    return SyntheticSite(atoms, angular_order(np.array(directions)))


def angular_profile(energy: np.ndarray) -> np.ndarray:
    """G(E): energy dependence of the three-body term, shape (n_energies,)."""
    return np.exp(-((energy - 18.0) ** 2) / (2 * 4.0**2))


def spectrum(site: SyntheticSite, energy: np.ndarray) -> np.ndarray:
    """mu(E) of the module's formula, dimensionless, at eV relative to the edge, (n_energies,)."""
    mu = 0.5 + np.arctan(energy / 1.5) / np.pi
    distances = site.atoms.get_distances(0, range(1, len(site.atoms)), mic=True)
    for z, distance in zip(site.atoms.numbers[1:], distances, strict=True):
        center = 8.0 - 15.0 * (distance - 2.2)
        mu = mu + HEIGHTS[int(z)] * np.exp(-((energy - center) ** 2) / (2 * 2.0**2))
    return mu + ANGULAR_HEIGHT * site.angular * angular_profile(energy)


def make_sites(count: int, seed: int) -> list[SyntheticSite]:
    """Draw sites from a seed; every third is a crystal."""
    rng = np.random.default_rng(seed)
    return [random_site(rng, periodic=number % 3 == 2) for number in range(count)]


def to_graphs(sites: list[SyntheticSite], energy: np.ndarray, r_max: float = 5.0) -> list[Data]:
    """Graphs cut at ``r_max``, Angstrom, with targets ``y`` of shape (1, n_energies).

    ``energy`` is in eV relative to the edge, shape (n_energies,).
    """
    graphs = []
    for site in sites:
        graph = atoms_to_graph(site.atoms, [0], r_max)
        graph.y = torch.as_tensor(spectrum(site, energy), dtype=graph.pos.dtype).unsqueeze(0)
        graphs.append(graph)
    return graphs


def angular_floor(sites: list[SyntheticSite], energy: np.ndarray) -> float:
    """Mean squared error of the best model that sees elements and distances only.

    Args:
        sites: many of each number of neighbors.
        energy: eV relative to the edge, shape (n_energies,).

    Returns:
        A^2 mean(G^2) times the variance of T among sites with the same number of neighbors.
    """
    order = np.array([site.angular for site in sites])
    count = np.array([len(site.atoms) - 1 for site in sites])
    residual = order - np.array([order[count == n].mean() for n in count])
    height = ANGULAR_HEIGHT**2 * (angular_profile(energy) ** 2).mean()
    return float(height * (residual**2).mean())

"""Distorted structures: strained cells, and neighbors of a site moved along their bonds."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ..errors import StructureError
from ..structures.cluster import Cluster, Shell, cut_cluster, find_shells

REACH = 4.0
"""Shells within this distance can be moved, Angstrom."""
APART = 0.2
"""A moved atom and its images are not neighbors of the same site: the cell is repeated until it is
thicker than twice the distance of the neighbor and this, Angstrom."""


@dataclass(frozen=True)
class Geometry:
    """What is done to a structure as it was read; the default is nothing."""

    isotropic: float = 0.0
    """Strain of all lengths, percent."""
    uniaxial: float = 0.0
    """Strain along one lattice vector, or a Cartesian axis of what is not periodic, percent."""
    along: int = 0
    """Which one, 0 to 2."""
    moved: tuple[int, ...] = ()
    """Neighbors of the site that move, numbers in its cluster, see ``surroundings``."""
    shift: float = 0.0
    """By how much their distance grows, Angstrom."""

    @property
    def moves(self) -> bool:
        """Whether neighbors are moved, so that the spectrum is that of one site."""
        return bool(self.moved) and self.shift != 0.0


def surroundings(atoms: Atoms, site: int) -> tuple[Cluster, list[Shell]]:
    """A site with what can be moved around it, and its shells; see ``find_shells``."""
    cluster = cut_cluster(atoms, site, REACH)
    return cluster, find_shells(cluster, REACH)


def distort(atoms: Atoms, geometry: Geometry, site: int | None = None) -> Atoms:
    """Distort a structure: first neighbors of a site move, then all is strained.

    A cell is repeated where it is too thin, so that of a neighbor's images only one is moved toward
    the site; atoms keep their indices, and those of the repeated cells follow.

    Raises:
        StructureError: neighbors move, but no site is chosen or it has no such neighbors.
    """
    made = atoms.copy()
    if geometry.moves:
        made = _with_moved_neighbors(made, geometry, site)
    factor = np.full(3, 1 + geometry.isotropic / 100)
    factor[geometry.along] *= 1 + geometry.uniaxial / 100
    if atoms.pbc.any():
        made.set_cell(np.asarray(made.cell.array) * factor[:, None], scale_atoms=True)
    else:
        made.positions *= factor
    return made


def _with_moved_neighbors(atoms: Atoms, geometry: Geometry, site: int | None) -> Atoms:
    if site is None or site < 0:
        raise StructureError("choose a site whose neighbors are to be moved")
    cluster, numbers = surroundings(atoms, site)[0], list(geometry.moved)
    if not 0 < min(numbers) <= max(numbers) < len(cluster.atoms):
        raise StructureError(f"site {site} has no neighbors {numbers} within {REACH} Angstrom")
    vectors, lengths = cluster.atoms.positions[numbers], cluster.distance[numbers]
    if atoms.pbc.any():
        heights = 1 / np.linalg.norm(np.linalg.pinv(np.asarray(atoms.cell.array)), axis=0)
        needed = np.ceil((2 * lengths.max() + APART) / heights).astype(int)
        atoms = atoms * np.where(atoms.pbc, needed, 1)
    around = cut_cluster(atoms, site, REACH)
    for vector, length in zip(vectors, lengths, strict=True):
        same = np.linalg.norm(around.atoms.positions - vector, axis=1).argmin()
        atoms.positions[around.origin[same]] += geometry.shift * vector / length
    return atoms

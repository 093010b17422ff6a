"""Distorted structures: strained cells, and neighbors of a site moved along their bonds."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ..errors import StructureError
from .cluster import Cluster, Shell, cut_cluster, find_shells

REACH = 4.0
"""Shells within this distance can be moved, Angstrom."""
APART = 0.2
"""A moved atom and its images are not neighbors of the same site: the cell is repeated until it is
thicker than twice the distance of the neighbor and this, Angstrom."""


@dataclass(frozen=True)
class Distortion:
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

    def __post_init__(self) -> None:
        """Raise StructureError for a value that is not finite, or no such lattice vector."""
        numbers = self.isotropic, self.uniaxial, self.shift
        if not np.isfinite(numbers).all() or self.along not in (0, 1, 2):
            raise StructureError(f"{self} is no distortion: finite, `along` 0, 1 or 2 is expected")

    @property
    def text(self) -> str:
        """What is done, in words; empty: nothing."""
        parts = {f"strain {self.isotropic:+g} %": self.isotropic,
                 f"strain along axis {1 + self.along} {self.uniaxial:+g} %": self.uniaxial,
                 f"neighbors {self.shift:+g} Å": self.moves}  # fmt: skip
        return ", ".join(text for text, done in parts.items() if done)

    @property
    def moves(self) -> bool:
        """Whether neighbors are moved, so that the spectrum is that of one site."""
        return bool(self.moved) and self.shift != 0.0


def surroundings(atoms: Atoms, site: int) -> tuple[Cluster, list[Shell]]:
    """A site with what can be moved around it, and its shells; see ``find_shells``."""
    cluster = cut_cluster(atoms, site, REACH)
    return cluster, find_shells(cluster, REACH)


def distort(atoms: Atoms, distortion: Distortion, site: int | None = None) -> Atoms:
    """Distort a structure: first neighbors of a site move, then all is strained.

    A cell is repeated where it is too thin, so that of a neighbor's images only one is moved toward
    the site; atoms keep their indices, and those of the repeated cells follow.

    Raises:
        StructureError: neighbors move, but no site is chosen or it has no such neighbors.
    """
    made = _move_neighbors(atoms, distortion, site) if distortion.moves else atoms.copy()
    factor = np.full(3, 1 + distortion.isotropic / 100)
    factor[distortion.along] *= 1 + distortion.uniaxial / 100
    if atoms.pbc.any():
        made.set_cell(np.asarray(made.cell.array) * factor[:, None], scale_atoms=True)
    else:
        made.positions *= factor
    return made


def _move_neighbors(atoms: Atoms, distortion: Distortion, site: int | None) -> Atoms:
    if site is None or site < 0:
        raise StructureError("choose a site whose neighbors are to be moved")
    cluster, numbers = cut_cluster(atoms, site, REACH), list(distortion.moved)
    if not 0 < min(numbers) <= max(numbers) < len(cluster.atoms):
        raise StructureError(f"site {site} has no neighbors {numbers} within {REACH} Angstrom")
    vectors, lengths = cluster.atoms.positions[numbers], cluster.distance[numbers]
    repeats = np.ones(3, dtype=int)
    if atoms.pbc.any():
        heights = 1 / np.linalg.norm(np.linalg.pinv(np.asarray(atoms.cell.array)), axis=0)
        needed = np.ceil((2 * lengths.max() + APART) / heights).astype(int)
        repeats = np.where(atoms.pbc, needed, 1)
    made = atoms * repeats
    around = cut_cluster(made, site, REACH)
    for vector, length in zip(vectors, lengths, strict=True):
        same = np.linalg.norm(around.atoms.positions - vector, axis=1).argmin()
        made.positions[around.origin[same]] += distortion.shift * vector / length
    return made

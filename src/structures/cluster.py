"""The finite cluster around an absorber that a network sees, every periodic image an atom."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from .graph import check_atoms, pairs_within
from .names import check_index

SAME_PLACE = 1e-6
"""Atoms and images of atoms that are nearer than this are one, Angstrom."""
SAME_SHELL = 0.1
"""Neighbours of one element whose distances follow each other within this are a shell, Angstrom."""


@dataclass(frozen=True)
class Cluster:
    """An absorber, atom 0, and all atoms within a radius, by distance."""

    atoms: Atoms
    """The atoms, not periodic."""
    origin: np.ndarray
    """0-based index of each in the structure, shape (n_atoms,)."""
    distance: np.ndarray
    """Of each from the absorber, Angstrom, shape (n_atoms,), increasing."""


@dataclass(frozen=True)
class Shell:
    """Neighbours of one element at about one distance."""

    element: str
    """Symbol."""
    distance: float
    """Mean distance, Angstrom."""
    members: tuple[int, ...]
    """Their numbers in the cluster."""

    @property
    def label(self) -> str:
        """Number, element and distance, such as `4 O 1.96`."""
        return f"{len(self.members)} {self.element} {self.distance:.2f}"


def cut_cluster(atoms: Atoms, site: int, radius: float) -> Cluster:
    """Unroll a structure around an absorber.

    In a crystal all images of an atom are one atom of the graph, so that none can be moved or
    removed alone; here each is an atom of its own.

    Args:
        atoms: structure, periodic in any directions.
        site: absorber's 0-based index.
        radius: atoms farther away are left out, Angstrom. A network's spectrum is that of the
            crystal where this is ``num_layers * r_max`` or more.

    Returns:
        The cluster.

    Raises:
        StructureError: the structure is not usable, or has no such site.
    """
    check_atoms(atoms)
    check_index(site, "site", len(atoms))
    first, second, shift, distance = pairs_within(atoms, radius)
    own = np.flatnonzero(first == site)
    own = own[np.argsort(distance[own], kind="stable")]
    origin = np.concatenate([[site], second[own]]).astype(int)
    vectors = atoms.positions[second[own]] - atoms.positions[site]
    vectors += shift[own] @ np.asarray(atoms.cell.array)
    positions = np.concatenate([np.zeros((1, 3)), vectors])
    lengths = np.concatenate([[0.0], distance[own]])
    return Cluster(Atoms(atoms.numbers[origin], positions), origin, lengths)


def site_symmetry(cluster: Cluster) -> np.ndarray:
    """Rotations and reflections about the absorber that map a cluster onto itself.

    Args:
        cluster: the absorber's surroundings.

    Returns:
        For each operation the atom that every atom is mapped onto, shape (n_operations, n_atoms);
        the identity alone where all atoms lie in a plane.
    """
    pos, numbers = cluster.atoms.positions, cluster.atoms.numbers
    frame: list[int] = []
    for k in range(1, len(pos)):
        if np.linalg.svd(pos[[*frame, k]], compute_uv=False).min() > 0.1:
            frame.append(k)
        if len(frame) == 3:
            break
    if len(frame) < 3:
        return np.arange(len(pos))[None]
    alike = [
        np.flatnonzero(
            (numbers == numbers[k]) & (abs(cluster.distance - cluster.distance[k]) < SAME_PLACE)
        )
        for k in frame
    ]
    triples = np.array(np.meshgrid(*alike, indexing="ij")).reshape(3, -1).T
    axes, images = pos[frame], pos[triples]
    gram = images @ images.swapaxes(1, 2)
    same_angles = abs(gram - axes @ axes.T).max(axis=(1, 2)) < 100 * SAME_PLACE
    rotations = np.linalg.solve(axes, images[same_angles])  # pos @ rotation is the image
    tree, found = cKDTree(pos), []
    for rotation in rotations:
        apart, atom = tree.query(pos @ rotation)
        if apart.max() < SAME_PLACE and (numbers[atom] == numbers).all():
            found.append(atom)
    return np.stack(found)


def find_shells(cluster: Cluster, radius: float) -> list[Shell]:
    """Shells of neighbours within a radius, nearest first.

    Args:
        cluster: the absorber's surroundings.
        radius: farther neighbours are left out, Angstrom.

    Returns:
        The shells; neighbours of an element whose sorted distances follow each other within
        ``SAME_SHELL`` are one.
    """
    symbols = cluster.atoms.get_chemical_symbols()
    near = [k for k in range(1, len(symbols)) if cluster.distance[k] <= radius]
    groups: list[list[int]] = []
    for element in sorted({symbols[k] for k in near}):
        own = [k for k in near if symbols[k] == element]
        for before, k in zip([None, *own], own, strict=False):
            if before is None or cluster.distance[k] - cluster.distance[before] > SAME_SHELL:
                groups.append([])
            groups[-1].append(k)
    shells = [
        Shell(symbols[group[0]], float(cluster.distance[group].mean()), tuple(group))
        for group in groups
    ]
    return sorted(shells, key=lambda shell: shell.distance)

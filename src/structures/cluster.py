"""The finite cluster around an absorber, in which every periodic image is a separate atom."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from .graph import check_atoms, pairs_within
from .names import check_index

SAME_PLACE = 1e-6
"""Positions that differ by less are the same, Angstrom."""
SAME_SHELL = 0.1
"""Largest gap between successive distances of one shell, Angstrom."""


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
    distance: float
    """Mean distance, Angstrom."""
    members: tuple[int, ...]
    """Their numbers in the cluster."""

    @property
    def label(self) -> str:
        """Number, element and distance, such as `4 O 1.96`."""
        return f"{len(self.members)} {self.element} {self.distance:.2f}"


def cut_cluster(atoms: Atoms, site: int, radius: float) -> Cluster:
    """Unroll a structure around an absorber, so that each image can be moved or removed alone.

    A network predicts the same spectrum as for the crystal if the radius, Angstrom, is
    ``num_layers * r_max`` or more.

    Raises:
        StructureError: the structure is not usable, or has no such site.
    """
    check_atoms(atoms)
    check_index(site, "site", len(atoms))
    first, second, shift, distance = pairs_within(atoms, radius)
    pairs = np.flatnonzero(first == site)
    pairs = pairs[np.argsort(distance[pairs], kind="stable")]
    origin = np.concatenate([[site], second[pairs]]).astype(int)
    vectors = atoms.positions[second[pairs]] - atoms.positions[site]
    vectors += shift[pairs] @ np.asarray(atoms.cell.array)
    positions = np.concatenate([np.zeros((1, 3)), vectors])
    lengths = np.concatenate([[0.0], distance[pairs]])
    return Cluster(Atoms(atoms.numbers[origin], positions), origin, lengths)


def site_symmetry(cluster: Cluster) -> np.ndarray:
    """Rotations and reflections about the absorber that map a cluster onto itself.

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
    tree, operations = cKDTree(pos), []
    for rotation in rotations:
        apart, atom = tree.query(pos @ rotation)
        if apart.max() < SAME_PLACE and (numbers[atom] == numbers).all():
            operations.append(atom)
    return np.stack(operations)


def find_shells(cluster: Cluster, radius: float) -> list[Shell]:
    """Shells of neighbours within a radius, Angstrom, nearest first; see ``SAME_SHELL``."""
    symbols, shells = np.array(cluster.atoms.get_chemical_symbols()), []
    near = (cluster.distance <= radius) & (np.arange(len(symbols)) > 0)
    for element in np.unique(symbols[near]):
        members = np.flatnonzero(near & (symbols == element))
        gaps = np.flatnonzero(np.diff(cluster.distance[members]) > SAME_SHELL)
        for group in np.split(members, gaps + 1):
            mean = float(cluster.distance[group].mean())
            shells.append(Shell(str(element), mean, tuple(group.tolist())))
    return sorted(shells, key=lambda shell: shell.distance)

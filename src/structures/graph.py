"""Structures to graphs: validation and the periodic neighbor list."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase import Atoms
from vesin import NeighborList

from ..errors import StructureError, check_positive
from ..model.graph_input import Graph
from .names import LARGEST_Z, check_index
from .species import FULL_WITHIN

if TYPE_CHECKING:
    from torch_geometric.data import Data

CLOSEST = 0.1
"""Atoms nearer than this are an error, Angstrom."""
DENSEST = 0.5
"""Crystals with less volume an atom are an error, Angstrom^3; their neighbors are countless."""
FARTHEST = 1e4
"""Coordinates and cells beyond this are an error, Angstrom: float32 is too coarse there, and the
number of vesin's boxes overflows."""
QUICKEST = 2.0
"""Cutoff with which close atoms are found fastest, Angstrom; smaller ones make too fine a grid."""


def check_atoms(atoms: Atoms, max_z: int = LARGEST_Z) -> None:
    """Refuse a structure that can't be turned into a graph; ``max_z``: highest atomic number.

    Raises:
        StructureError: no atoms, positions or cell not finite or too far away, a cell without
            volume along its periodic directions, a crystal too dense, an atomic number out of
            range, or partial occupancy. (For atoms that are too close see ``check_distances``.)
    """
    if len(atoms) == 0:
        raise StructureError("the structure has no atoms")
    cell, sizes = np.asarray(atoms.cell.array), abs(atoms.positions).max(axis=1)
    if not np.isfinite(sizes).all():
        raise StructureError(f"the position of atom {np.argmin(np.isfinite(sizes))} is not finite")
    if not np.isfinite(cell).all():
        raise StructureError("the cell is not finite")
    if sizes.max() > FARTHEST:
        index = int(np.argmax(sizes > FARTHEST))
        place = atoms.positions[index].tolist()
        raise StructureError(
            f"atom {index} is at {place} Angstrom, beyond {FARTHEST:g}; wrong unit?"
        )
    if abs(cell).max() > FARTHEST:
        raise StructureError(f"the cell {cell.tolist()} is beyond {FARTHEST:g} Angstrom")
    periodic = cell[np.asarray(atoms.pbc)]
    # volume, area or length that the periodic directions span
    if len(periodic) and np.sqrt(abs(np.linalg.det(periodic @ periodic.T))) < 1e-6:
        raise StructureError(f"the cell is singular along its periodic directions: {cell.tolist()}")
    if all(atoms.pbc) and atoms.cell.volume < DENSEST * len(atoms):
        raise StructureError(
            f"{len(atoms)} atoms in a cell of {atoms.cell.volume:.3g} Angstrom^3; wrong unit?"
        )
    for index, z in enumerate(atoms.numbers):
        if not 1 <= z <= max_z:
            raise StructureError(f"atom {index} has atomic number {z}, expected 1 to {max_z}")
    check_occupancy(atoms)


def check_occupancy(atoms: Atoms) -> None:
    """Raise StructureError for partial or mixed occupancy, which ASE reads but ignores."""
    occupancy = atoms.info.get("occupancy")
    if not isinstance(occupancy, dict):  # some other program's note, not a CIF's table
        return
    for site, species in occupancy.items():
        if not all(isinstance(share, float | int) for share in species.values()):
            raise StructureError(f"site {site}: an occupancy of {species} is not a number")
        if len(species) != 1 or any(
            abs(float(share) - 1.0) > FULL_WITHIN for share in species.values()
        ):
            shares = ", ".join(f"{symbol} {share:g}" for symbol, share in species.items())
            raise StructureError(
                f"site {site} is disordered (occupancy {shares}); make an ordered cell first"
            )


def check_distances(atoms: Atoms, closest: float = CLOSEST) -> None:
    """Raise StructureError where two atoms are nearer than ``closest``; see ``neighbors``."""
    neighbors(atoms, QUICKEST, closest)


def pairs_within(
    atoms: Atoms, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All ordered pairs of atoms nearer than a radius, images of atoms included.

    Args:
        atoms: structure that passed ``check_atoms``.
        radius: Angstrom, positive.

    Returns:
        First atoms i and second atoms j, 0-based, shape (n_pairs,); lattice vectors S, shape
        (n_pairs, 3), in the cell's vectors; and distances |r_j + S cell - r_i|, Angstrom, shape
        (n_pairs,). Sorted by i.
    """
    calculator = NeighborList(cutoff=radius, full_list=True, sorted=True)
    cell, periodic = np.asarray(atoms.cell.array), np.asarray(atoms.pbc)
    first, second, shift, distance = calculator.compute(atoms.positions, cell, periodic, "ijSd")
    return first, second, shift, distance


def neighbors(
    atoms: Atoms, r_max: float, closest: float = CLOSEST
) -> tuple[np.ndarray, np.ndarray]:
    """Graph edges between atoms nearer than ``r_max``, Angstrom; see ``pairs_within``.

    Returns:
        edge_index (2, n_edges), source then target; and edge_shift (n_edges, 3), Angstrom, with
        ``pos[target] - pos[source] + edge_shift`` the vector from source to target.

    Raises:
        ConfigError: ``r_max`` is not positive and finite.
        StructureError: two atoms are nearer than ``closest``.
    """
    check_positive("r_max", r_max)
    target, source, shift, distance = pairs_within(atoms, r_max)
    if len(distance) and distance.min() < closest:
        k = int(np.argmin(distance))
        raise StructureError(
            f"atoms {target[k]} and {source[k]} are {distance[k]:.3f} Angstrom apart, less than"
            f" {closest} Angstrom"
        )
    # vesin's vector points from i to j: pos[j] - pos[i] + S cell; the graph's is its negative
    edge_shift = -(shift @ np.asarray(atoms.cell.array))
    return np.stack([source, target]).astype(np.int64), edge_shift


def structure_graph(
    atoms: Atoms,
    absorbers: Sequence[int],
    r_max: float,
    max_z: int,
    dtype: torch.dtype | None = None,
) -> Graph:
    """Turn a structure into the network's graph.

    Args:
        atoms: structure, periodic in any directions.
        absorbers: 0-based indices of the absorbing atoms.
        r_max: cutoff radius, Angstrom.
        max_z: highest atomic number.
        dtype: type of lengths; None: torch's default type.

    Returns:
        Graph with z (n_atoms,), pos (n_atoms, 3) Angstrom, cell (1, 3, 3) Angstrom, edge_index
        (2, n_edges), edge_shift (n_edges, 3) Angstrom, absorber_mask (n_atoms,) and r_max, the
        radius with which it was cut, which the network compares with its own.

    Raises:
        StructureError: see ``check_atoms`` and ``neighbors``; or an absorber is absent.
        ConfigError: see ``neighbors``.
    """
    check_atoms(atoms, max_z)
    if len(absorbers) == 0:
        raise StructureError("no absorber")
    for index in absorbers:
        check_index(index, "absorber", len(atoms))
    dtype = dtype or torch.get_default_dtype()
    edge_index, edge_shift = neighbors(atoms, r_max)
    absorber_mask = torch.zeros(len(atoms), dtype=torch.bool)
    absorber_mask[list(absorbers)] = True
    return Graph(
        z=torch.as_tensor(atoms.numbers, dtype=torch.long),
        pos=torch.tensor(atoms.positions, dtype=dtype),
        cell=torch.as_tensor(np.asarray(atoms.cell.array), dtype=dtype).unsqueeze(0),
        edge_index=torch.as_tensor(edge_index),
        edge_shift=torch.as_tensor(edge_shift, dtype=dtype),
        absorber_mask=absorber_mask,
        r_max=float(r_max),
    )


def atoms_to_graph(
    atoms: Atoms,
    absorbers: Sequence[int],
    r_max: float,
    max_z: int = 100,
    dtype: torch.dtype | None = None,
) -> "Data":
    """``structure_graph`` as PyG's ``Data``, for training."""
    from torch_geometric.data import Data  # its imports take seconds

    return Data(**vars(structure_graph(atoms, absorbers, r_max, max_z, dtype)))

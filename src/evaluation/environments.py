"""Environments of absorbers, and errors grouped by them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase.data import chemical_symbols, covalent_radii
from torch_geometric.data import Data

from ..model.gnn import edge_vectors

BOND_FACTOR = 1.25
"""Neighbors of the first shell are nearer than this times the sum of their covalent radii.

Radii: Cordero et al., Dalton Trans. 2008, 2832, as in ``ase.data.covalent_radii``.
"""
SHELL_FACTOR = 1.35
"""They are also not farther than this times the nearest neighbor.

Metal atoms of an oxide can be as close as their radii allow: Ni-Ni in NiO is 1.19 times the sum of
radii, but 1.41 times Ni-O.
"""


@dataclass(frozen=True)
class Environment:
    """Surroundings of one absorber."""

    elements: frozenset[str]
    """Elements of its neighbors within the graph's cutoff."""
    coordination: int
    """Neighbors of the first shell, see ``BOND_FACTOR`` and ``SHELL_FACTOR``."""


@dataclass(frozen=True)
class Group:
    """Errors of sites with a common property."""

    name: str
    """Element nearby or coordination number."""
    sites: int
    """Number of sites."""
    mse: float
    """Mean of their mean squared errors."""


def environments(graph: Data) -> list[Environment]:
    """Environment of every absorber of a graph, in the order of its rows.

    Args:
        graph: graph of a structure, see ``atoms_to_graph``.

    Returns:
        One for each absorber, or the first absorber's where a spectrum is a mean over several; an
        absorber without neighbors has no elements and coordination 0.
    """
    source, target = graph.edge_index
    length = torch.linalg.vector_norm(edge_vectors(graph, torch.float64), dim=1)
    radius = torch.as_tensor(covalent_radii)
    bonded = length < BOND_FACTOR * (radius[graph.z[source]] + radius[graph.z[target]])
    absorbers = graph.absorber_mask.nonzero().flatten().tolist()
    rows = graph.get("row_of_site")
    rows = range(len(absorbers)) if rows is None else rows.tolist()
    first = {row: absorber for row, absorber in reversed(list(zip(rows, absorbers, strict=True)))}
    around = []
    for row in sorted(first):
        edges = target == first[row]
        nearest = length[edges].min() if bool(edges.any()) else 0.0
        near = bonded & edges & (length <= SHELL_FACTOR * nearest)
        numbers = graph.z[source[edges]].tolist()
        elements = frozenset(chemical_symbols[z] for z in numbers)
        around.append(Environment(elements, int(near.sum())))
    return around


def group_errors(names: Sequence[Sequence[str]], mse: np.ndarray) -> list[Group]:
    """Mean errors of groups of sites, largest error first.

    Args:
        names: groups that each site belongs to.
        mse: error of each site, shape (n_sites,).
    """
    members: dict[str, list[float]] = {}
    for names_of_site, error in zip(names, mse, strict=True):
        for name in names_of_site:
            members.setdefault(name, []).append(float(error))
    groups = [Group(name, len(errors), float(np.mean(errors))) for name, errors in members.items()]
    return sorted(groups, key=lambda group: (-group.mse, group.name))

"""Environments of absorbers, and errors grouped by them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase.data import chemical_symbols, covalent_radii
from torch_geometric.data import Data

from ..model.gnn import edge_vectors

BOND_FACTOR = 1.25
"""Neighbours of the first shell are nearer than this times the sum of their covalent radii.

Radii: Cordero et al., Dalton Trans. 2008, 2832, as ``ase.data.covalent_radii`` has them.
"""
SHELL_FACTOR = 1.35
"""And not farther than this times the nearest neighbour.

Metals are as near to each other in an oxide as their radii allow: Ni-Ni in NiO is 1.19 times the
sum of radii, but 1.41 times Ni-O.
"""


@dataclass(frozen=True)
class Environment:
    """What is around one absorber."""

    elements: frozenset[str]
    """Elements of its neighbours within the graph's cutoff."""
    coordination: int
    """Neighbours of the first shell, see ``BOND_FACTOR`` and ``SHELL_FACTOR``."""


@dataclass(frozen=True)
class Group:
    """Sites that have something in common."""

    name: str
    """What they have in common."""
    sites: int
    """How many."""
    mse: float
    """Mean of their mean squared errors."""


def environments(graph: Data) -> list[Environment]:
    """Environment of every absorber of a graph, in the order of its rows.

    Args:
        graph: graph of a structure, see ``atoms_to_graph``.

    Returns:
        One for each absorber; an absorber without neighbours has no elements and no bonds.
    """
    source, target = graph.edge_index
    length = torch.linalg.vector_norm(edge_vectors(graph, torch.float64), dim=1)
    radius = torch.as_tensor(covalent_radii)
    bonded = length < BOND_FACTOR * (radius[graph.z[source]] + radius[graph.z[target]])
    found = []
    rows, seen = graph.get("row_of_site"), set()
    for place, absorber in enumerate(graph.absorber_mask.nonzero().flatten().tolist()):
        row = place if rows is None else int(rows[place])
        if row in seen:  # of a mean over several atoms the first one stands for all
            continue
        seen.add(row)
        mine = target == absorber
        nearest = length[mine].min() if bool(mine.any()) else 0.0
        numbers = sorted(set(graph.z[source[mine]].tolist()))
        found.append(
            Environment(
                elements=frozenset(chemical_symbols[z] for z in numbers),
                coordination=int((bonded & mine & (length <= SHELL_FACTOR * nearest)).sum()),
            )
        )
    return found


def by_element(around: Sequence[Environment], mse: np.ndarray) -> list[Group]:
    """Mean errors of the sites near which each element stands, largest error first.

    Args:
        around: surroundings of each site.
        mse: error of each site, shape (n_sites,).

    Returns:
        A group an element; a site belongs to the groups of all its neighbours' elements.
    """
    return _grouped([sorted(one.elements) for one in around], mse)


def by_coordination(around: Sequence[Environment], mse: np.ndarray) -> list[Group]:
    """Mean errors of the sites with each coordination number, by that number."""
    groups = _grouped([[one.coordination] for one in around], mse)
    return sorted(groups, key=lambda group: int(group.name))


def _grouped(names: Sequence[Sequence[Hashable]], mse: np.ndarray) -> list[Group]:
    """Groups of sites by the names that each bears, largest error first."""
    members: dict[Hashable, list[float]] = {}
    for mine, error in zip(names, mse, strict=True):
        for name in mine:
            members.setdefault(name, []).append(float(error))
    groups = [Group(str(name), len(e), float(np.mean(e))) for name, e in members.items()]
    return sorted(groups, key=lambda group: (-group.mse, group.name))

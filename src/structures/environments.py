"""Environment of an absorber: its neighbors, their elements, distances and directions."""

from dataclasses import dataclass

import numpy as np
import torch
from ase.data import chemical_symbols, covalent_radii

from ..model.graph_input import Graph, edge_vectors

BOND_FACTOR = 1.25
"""Neighbors of the first shell are nearer than this times the sum of their covalent radii.

Radii: Cordero et al., Dalton Trans. 2008, 2832, as in ``ase.data.covalent_radii``.
"""
SHELL_FACTOR = 1.35
"""They are also not farther than this times the nearest neighbor.

Metal atoms of an oxide can be as close as their radii allow: Ni-Ni in NiO is 1.19 times the sum of
radii, but 1.41 times Ni-O.
"""
NEAREST_FACTOR = 1.05
"""Elements within this times the distance of the nearest neighbor are nearest neighbors too, such
as both elements of an ordered alloy."""


@dataclass(frozen=True)
class Environment:
    """Surroundings of one absorber within the cutoff of its graph."""

    element: str
    """Element of the absorber."""
    neighbors: int
    """Atoms within the cutoff, images of the absorber among them."""
    coordination: int
    """Neighbors of the first shell, see ``BOND_FACTOR`` and ``SHELL_FACTOR``."""
    distances: dict[str, float]
    """Distance to the nearest neighbor of each element, Angstrom, in increasing order."""
    bond_length: float
    """Mean distance of the first shell, Angstrom; NaN without neighbors."""
    asymmetry: float
    """Length of the mean unit vector to the neighbors: 0 with inversion symmetry or without
    neighbors, 1 where all lie in one direction, about 0.4 on a flat surface."""

    @property
    def elements(self) -> frozenset[str]:
        """Elements of the neighbors within the cutoff."""
        return frozenset(self.distances)

    @property
    def nearest(self) -> dict[str, float]:
        """Elements of the nearest neighbors with distances, Angstrom, see ``NEAREST_FACTOR``."""
        limit = NEAREST_FACTOR * min(self.distances.values(), default=0.0)
        return {symbol: d for symbol, d in self.distances.items() if d <= limit}


def environments(graph: Graph) -> list[Environment]:
    """Environments of the absorbers of a graph, see ``structure_graph``, in their order.

    An absorber without neighbors has no elements and coordination 0.
    """
    source, target = graph.edge_index
    bonds = graph.absorber_mask[target]
    vectors = edge_vectors(graph, torch.float64)[bonds].detach().cpu().numpy()
    sources, targets = source[bonds].cpu().numpy(), target[bonds].cpu().numpy()
    z, found = graph.z.cpu().numpy(), []
    for atom in graph.absorber_mask.nonzero().flatten().tolist():
        own = targets == atom
        around, length = z[sources[own]], np.linalg.norm(vectors[own], axis=1)
        near = length < BOND_FACTOR * (covalent_radii[around] + covalent_radii[z[atom]])
        near &= length <= SHELL_FACTOR * length.min(initial=np.inf)
        distances = {chemical_symbols[k]: float(length[around == k].min()) for k in set(around)}
        mean = (vectors[own] / length[:, None]).sum(axis=0) / max(len(length), 1)
        site = Environment(
            element=chemical_symbols[z[atom]],
            neighbors=len(length),
            coordination=int(near.sum()),
            distances=dict(sorted(distances.items(), key=lambda item: item[1])),
            bond_length=float(length[near].mean()) if near.any() else np.nan,
            asymmetry=float(np.linalg.norm(mean)),
        )
        found.append(site)
    return found

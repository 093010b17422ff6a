"""Which atoms each layer must update, and their neighbors as padded lists.

A spectrum depends on the absorbers' features after the last layer and on their neighbors' features
before it. Going backwards from there gives the atoms every layer has to update; all others are left
out, which changes nothing in the result.
"""

from typing import NamedTuple

import torch
from torch import Tensor


def gather_rows(rows: Tensor, index: Tensor) -> Tensor:
    """``rows[index]`` with a gradient that is summed in one order, however many threads there are.

    Indexing adds gradients atomically on several threads, so that two trainings would differ.

    Args:
        rows: shape (n_rows, ..).
        index: row numbers, any shape.

    Returns:
        Shape (*index.shape, ..).
    """
    return rows.index_select(0, index.flatten()).unflatten(0, index.shape)


class Neighborhood(NamedTuple):
    """Neighbors of the atoms that one layer updates, padded to the largest count.

    Indices point into the feature array the layer reads, which holds the previous layer's atoms.

    Attributes:
        targets: updated atoms, shape (n_targets,).
        sources: their neighbors, shape (n_targets, n_slots); padding points at row 0.
        rows: the targets' rows in the padded edge arrays of ``PaddedEdges``, shape (n_targets,).
        counts: number of neighbors of every target.
    """

    targets: Tensor
    sources: Tensor
    rows: Tensor
    counts: list[int]

    def split(self, most_atoms: int) -> list["Neighborhood"]:
        """Cut into parts of at most so many targets, each padded to its own largest count."""
        if len(self.counts) <= most_atoms:
            return [self]
        parts = []
        for start in range(0, len(self.counts), most_atoms):
            part = slice(start, start + most_atoms)
            counts = self.counts[part]
            sources = self.sources[part, : max(counts)]
            parts.append(Neighborhood(self.targets[part], sources, self.rows[part], counts))
        return parts


class EdgeFeatures(NamedTuple):
    """What the layers know of the edges themselves, one slot an edge.

    Attributes:
        vec: r_ij, Angstrom, shape (n_rows, n_slots, 3).
        mask: True where a slot holds an edge, shape (n_rows, n_slots).
        radial: radial basis, shape (n_rows, n_slots, num_radial).
        sh: spherical harmonics, component normalized, shape (n_rows, n_slots, (lmax + 1)^2).
        envelope: cutoff function u(d), zero at padding, shape (n_rows, n_slots).
    """

    vec: Tensor
    mask: Tensor
    radial: Tensor
    sh: Tensor
    envelope: Tensor

    def of(self, neighborhood: Neighborhood) -> "EdgeFeatures":
        """Edges of some targets, (n_targets, n_slots, ..)."""
        rows, n_slots = neighborhood.rows, neighborhood.sources.shape[1]
        return EdgeFeatures(*(field[rows, :n_slots] for field in self))


class PaddedEdges(NamedTuple):
    """Edges grouped by target atom and padded.

    Attributes:
        edges: edge numbers, shape (n_rows, n_slots); padding points at any edge.
        mask: 1 where a slot holds an edge, 0 where it is padding, shape (n_rows, n_slots).
    """

    edges: Tensor
    mask: Tensor


class MessagePlan(NamedTuple):
    """Everything that the layers need to know about who neighbors whom.

    Attributes:
        atoms: atoms to embed, shape (n_embedded,).
        padded: edges of the atoms that the first layer updates.
        layers: who is updated in each layer and who their neighbors are.
    """

    atoms: Tensor
    padded: PaddedEdges
    layers: list[Neighborhood]


def pad_edges(edge_targets: Tensor, atoms: Tensor, n_atoms: int) -> PaddedEdges:
    """Group edges by the atom they point to.

    Args:
        edge_targets: target atom of every edge, shape (n_edges,), any order.
        atoms: atoms whose edges are wanted, shape (n_rows,).
        n_atoms: number of atoms.

    Returns:
        The padded lists, one row an atom of ``atoms``.
    """
    order = torch.argsort(edge_targets, stable=True)
    counts = torch.bincount(edge_targets, minlength=n_atoms)
    first = (counts.cumsum(0) - counts)[atoms]
    counts = counts[atoms]
    n_slots = int(counts.max()) if counts.numel() else 0
    slots = torch.arange(n_slots, device=edge_targets.device)
    mask = slots < counts.unsqueeze(1)
    edges = order[(first.unsqueeze(1) + slots) * mask] if n_slots else slots.expand(len(atoms), 0)
    return PaddedEdges(edges, mask)


def receptive_fields(edge_index: Tensor, absorber_mask: Tensor, num_layers: int) -> list[Tensor]:
    """Atoms whose features are needed after each layer, from the embedding to the absorbers.

    Args:
        edge_index: source (row 0) and target (row 1) of every edge, shape (2, n_edges).
        absorber_mask: True at absorbers, shape (n_atoms,).
        num_layers: number of layers.

    Returns:
        num_layers + 1 boolean masks of shape (n_atoms,), the embedding's first.
    """
    source, target = edge_index
    needed = [absorber_mask]
    for _ in range(num_layers):
        grown = needed[0].clone()
        grown[source[needed[0][target]]] = True
        needed.insert(0, grown)
    return needed


def plan_messages(edge_index: Tensor, absorber_mask: Tensor, num_layers: int) -> MessagePlan:
    """Plan the messages of all layers.

    Args:
        edge_index: source (row 0) and target (row 1) of every edge, shape (2, n_edges).
        absorber_mask: True at absorbers, shape (n_atoms,).
        num_layers: number of layers, at least 1.

    Returns:
        The plan, one ``Neighborhood`` a layer.
    """
    needed = receptive_fields(edge_index, absorber_mask, num_layers)
    padded = pad_edges(edge_index[1], needed[1].nonzero().squeeze(1), len(absorber_mask))
    position = [mask.cumsum(0) - 1 for mask in needed]
    sources = edge_index[0][padded.edges]
    layers = []
    for before, after in zip(range(num_layers), needed[1:], strict=True):
        targets = after.nonzero().squeeze(1)
        rows = position[1][targets]
        slots = padded.mask[rows]
        layers.append(
            Neighborhood(
                targets=position[before][targets],
                sources=position[before][sources[rows]] * slots,
                rows=rows,
                counts=slots.sum(1).tolist(),
            )
        )
    return MessagePlan(needed[0].nonzero().squeeze(1), padded, layers)

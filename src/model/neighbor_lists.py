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
        rows: shape (n_rows, ...).
        index: row numbers, any shape.

    Returns:
        Shape (*index.shape, ...).
    """
    return rows.index_select(0, index.flatten()).unflatten(0, index.shape)


class Neighborhood(NamedTuple):
    """Neighbors of the atoms that one layer updates, padded to the largest count.

    Indices are rows of the feature array that the layer reads: the previous layer's atoms.
    """

    targets: Tensor
    """Updated atoms, shape (n_targets,)."""
    sources: Tensor
    """Their neighbors, shape (n_targets, n_slots); 0 at padding."""
    rows: Tensor
    """The targets' rows in the padded edge arrays of the plan, shape (n_targets,)."""
    counts: list[int]
    """Number of neighbors of every target."""

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
    """What the layers know of the edges themselves, one slot an edge."""

    vec: Tensor
    """r_ij, Angstrom, shape (n_rows, n_slots, 3)."""
    mask: Tensor
    """False at padding, shape (n_rows, n_slots)."""
    radial: Tensor
    """Radial basis, shape (n_rows, n_slots, num_radial)."""
    sh: Tensor
    """Spherical harmonics, component normalized, shape (n_rows, n_slots, (lmax + 1)^2)."""
    envelope: Tensor
    """Cutoff function u(d), zero at padding, shape (n_rows, n_slots)."""

    def of(self, neighborhood: Neighborhood) -> "EdgeFeatures":
        """Edges of some targets, (n_targets, n_slots, ...)."""
        rows, n_slots = neighborhood.rows, neighborhood.sources.shape[1]
        return EdgeFeatures(*(field[rows, :n_slots] for field in self))


class MessagePlan(NamedTuple):
    """Who neighbors whom in every layer."""

    atoms: Tensor
    """Atoms to embed, shape (n_embedded,)."""
    edges: Tensor
    """Edges of the atoms that the first layer updates, shape (n_rows, n_slots)."""
    mask: Tensor
    """False at padding, where ``edges`` names any edge, shape (n_rows, n_slots)."""
    layers: list[Neighborhood]
    """The atoms updated in each layer, and their neighbors."""


def pad_edges(edge_targets: Tensor, atoms: Tensor, n_atoms: int) -> tuple[Tensor, Tensor]:
    """Group edges by the atom they point to.

    Args:
        edge_targets: target atom of every edge, shape (n_edges,), any order.
        atoms: atoms whose edges are listed, shape (n_rows,).
        n_atoms: number of atoms.

    Returns:
        Edge numbers and a mask that is False at padding, shape (n_rows, n_slots).
    """
    order = torch.argsort(edge_targets, stable=True)
    counts = torch.bincount(edge_targets, minlength=n_atoms)
    first = (counts.cumsum(0) - counts)[atoms]
    counts = counts[atoms]
    n_slots = int(counts.max()) if counts.numel() else 0
    slots = torch.arange(n_slots, device=edge_targets.device)
    mask = slots < counts.unsqueeze(1)
    edges = order[(first.unsqueeze(1) + slots) * mask] if n_slots else slots.expand(len(atoms), 0)
    return edges, mask


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
    """Plan the messages of all layers; arguments as for ``receptive_fields``."""
    needed = receptive_fields(edge_index, absorber_mask, num_layers)
    edges, mask = pad_edges(edge_index[1], needed[1].nonzero().squeeze(1), len(absorber_mask))
    position = [atoms.cumsum(0) - 1 for atoms in needed]
    sources = edge_index[0][edges]
    layers = []
    for before, after in zip(range(num_layers), needed[1:], strict=True):
        targets = after.nonzero().squeeze(1)
        rows = position[1][targets]
        slots = mask[rows]
        layers.append(
            Neighborhood(
                targets=position[before][targets],
                sources=position[before][sources[rows]] * slots,
                rows=rows,
                counts=slots.sum(1).tolist(),
            )
        )
    return MessagePlan(needed[0].nonzero().squeeze(1), edges, mask, layers)

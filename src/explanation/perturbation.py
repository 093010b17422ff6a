"""How a change at a few atoms spreads through a network to the absorber's spectrum.

The sum of messages is linear in the neighbors' features, M_i = sum_j m(r_ij) h_j, so of a changed
structure only the differences are summed:

    removal       delta M_i = sum_(intact edges) m(r_ij) delta h_j - sum_(lost edges) m(r_ij) h_j
    displacement  d M_i     = sum_j m(r_ij) d h_j + sum_(edges of the moved atom) d m(r_ij) h_j

over the atoms that differ, some dozens of the hundreds that a layer updates. Both are exact.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..model.gnn import XANES_E3GNN, Sites
from ..model.graph_input import Graph, edge_vectors
from ..model.layers import InteractionBlock, pad_degrees
from ..model.neighbor_lists import pad_edges, receptive_fields
from ..model.pooling import bond_invariants

ROWS_AT_ONCE = 128
"""Atoms whose messages are summed at once, few enough for the cache."""


class Kernel(NamedTuple):
    """Factors of the messages along some edges, dimensionless."""

    radial: Tensor
    """phi, shape (n_edges, rank)."""
    sh: Tensor
    """Spherical harmonics, shape (n_edges, (lmax + 1)^2)."""

    def of(self, edges: Tensor) -> "Kernel":
        """Those of some edges."""
        return Kernel(self.radial[edges], self.sh[edges])


class Site:
    """A network's features of the atoms around one absorber, layer by layer.

    Features, messages and sources are lists over the layers of arrays (n_atoms, (l + 1)^2,
    channels); only atoms that ``needed`` marks have theirs.
    """

    def __init__(self, network: XANES_E3GNN, graph: Graph) -> None:
        """Run the network on a graph of a cluster around its only absorber, atom 0."""
        self.network = network
        self.layers: list[InteractionBlock] = list(network.layers)  # type: ignore[arg-type]
        self.needed = receptive_fields(graph.edge_index, graph.absorber_mask, network.num_layers)
        used = self.needed[1][graph.edge_index[1]]
        self.source, self.target = graph.edge_index[:, used]
        self.vec = edge_vectors(graph, network.coefficient_mean.dtype)[used]
        self.bonds = (self.target == 0).nonzero().squeeze(1)
        """Edges of the absorber, shape (n_bonds,)."""
        self.kernels: list[Kernel] = [self.kernel(layer, self.vec) for layer in self.layers]
        self.feats = [network.embedding(graph.z).unsqueeze(1)]
        """After each layer, the embedding first."""
        self.messages: list[Tensor] = []
        """Sums of messages."""
        self.sources: list[Tensor] = []
        """What each layer passes on."""
        for layer, kernel, needed in zip(self.layers, self.kernels, self.needed[1:], strict=True):
            before, (atoms,) = self.feats[-1], needed.nonzero(as_tuple=True)
            edges = needed[self.target]
            targets = (needed.cumsum(0) - 1)[self.target[edges]]
            self.sources.append(layer.linear_source(before))
            sources = self.sources[-1], self.source[edges]
            message = sum_messages(layer, *sources, targets, kernel.of(edges), len(atoms))
            after = layer.combine(before[atoms], message)
            for values, parts in ((message, self.messages), (after, self.feats)):
                parts.append(values.new_zeros(len(needed), *values.shape[1:]))
                parts[-1][atoms] = values

    def kernel(self, layer: InteractionBlock, vec: Tensor) -> Kernel:
        """Factors of edges along vectors, Angstrom, shape (n_edges, 3)."""
        edges = self.network.edge_features(vec, vec.new_ones(len(vec)))
        return Kernel(layer.radial_mlp(edges.radial, edges.envelope), edges.sh)

    def unchanged(self, n_variants: int) -> list[Tensor]:
        """Arguments of ``sites`` for the structure as it is, repeated."""
        neighbor_feats = self.feats[-2][self.source[self.bonds]]
        mask = torch.ones(len(self.bonds), dtype=torch.bool)
        values = self.feats[-1][0], neighbor_feats, self.vec[self.bonds], mask
        return [value.expand(n_variants, *value.shape) for value in values]

    def sites(self, feats: Tensor, neighbor_feats: Tensor, vec: Tensor, mask: Tensor) -> Sites:
        """What the readout sees of variants of the absorber.

        Args:
            feats: the absorber's after the last layer, shape (n_variants, (lmax + 1)^2, channels).
            neighbor_feats: before it, shape (n_variants, n_bonds, (l + 1)^2, channels).
            vec: bonds, Angstrom, shape (n_variants, n_bonds, 3).
            mask: False where a bond is gone, shape (n_variants, n_bonds).
        """
        edges = self.network.edge_features(vec, mask)
        padded = pad_degrees(neighbor_feats.flatten(0, 1), self.network.lmax)
        padded = padded.unflatten(0, neighbor_feats.shape[:2])
        return Sites(feats, bond_invariants(padded, edges.sh, self.network.lmax), edges)

    def coefficients(self, *values: Tensor) -> Tensor:
        """Coefficients of variants, shape (n_variants, num_basis); arguments as for ``sites``."""
        return self.network.site_coefficients(self.sites(*values))

    def readout_slopes(self) -> list[Tensor]:
        """Derivatives of every coefficient, each of shape (num_basis, ...).

        By the absorber's features, its neighbors' features, and the bonds' vectors.
        """
        *seen, mask = self.unchanged(self.network.hyperparameters["num_basis"])
        with torch.enable_grad():
            leaves = [values.clone().requires_grad_() for values in seen]
            one_each = self.coefficients(*leaves, mask).diagonal().sum()
        return list(torch.autograd.grad(one_each, leaves))

    def attention(self) -> Tensor:
        """Weight of every atom in the readout, mean over heads, shape (n_atoms,)."""
        sites = self.sites(*self.unchanged(1))
        weights, _ = self.network.attention.weights(sites.features[:, 0], sites.bonds, sites.edges)
        total = weights.new_zeros(len(self.feats[0]))
        return total.index_add(0, self.source[self.bonds], weights[0].mean(dim=1))


def sum_messages(
    layer: InteractionBlock,
    feats: Tensor,
    sources: Tensor,
    targets: Tensor,
    kernel: Kernel,
    n_targets: int,
) -> Tensor:
    """Sums of a layer's messages, shape (n_targets, (lmax + 1)^2, channels).

    Args:
        layer: the layer.
        feats: what is passed on, shape (n_rows, (lmax_in + 1)^2, channels).
        sources: row of ``feats`` of every edge, shape (n_edges,).
        targets: row of the result of every edge, shape (n_edges,).
        kernel: factors of the edges.
        n_targets: rows of the result.
    """
    counts = torch.bincount(targets, minlength=n_targets)
    parts = counts.argsort().split(ROWS_AT_ONCE)  # rows with about as many edges need no padding
    sums = []
    for part in parts:
        slots, mask = pad_edges(targets, part, n_targets)
        radial = kernel.radial[slots] * mask.unsqueeze(2)
        counted = sources[slots], counts[part].tolist()
        sums.append(layer.propagator(feats, *counted, radial, kernel.sh[slots]))
    total = torch.cat(sums)
    return torch.empty_like(total).index_copy_(0, torch.cat(parts), total)


class Rows:
    """Atoms that differ in some variants of a structure, one row each: (variant, atom)."""

    def __init__(self, differs: Tensor) -> None:
        """Number the True entries of an array (n_variants, n_atoms)."""
        self.differs = differs
        self.variant, self.atom = differs.nonzero(as_tuple=True)
        self.number = torch.zeros(differs.shape, dtype=torch.long)
        self.number[differs] = torch.arange(len(self.atom))

    def values_at(self, values: Tensor, variant: Tensor, atom: Tensor) -> Tensor:
        """Rows of ``values`` at (variant, atom), which broadcast; zero where nothing differs."""
        extended = torch.cat([values, values.new_zeros(1, *values.shape[1:])])
        none = torch.full_like(self.number[variant, atom], len(values))
        return extended[torch.where(self.differs[variant, atom], self.number[variant, atom], none)]


Terms = Callable[[int, Tensor, Tensor], list[Kernel]]
"""Of a layer's number, and variants and numbers of edges of changed atoms, (n_edges,) each: the
differences of the edges' factors, as terms of a sum."""
Step = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Of a layer's number, some atoms, and the differences of their features before it and of their
messages: the difference of their features after it."""


def spread(
    site: Site, changed: Tensor, passing_on: Tensor, terms: Terms, step: Step
) -> tuple[Tensor, Tensor]:
    """Differences of what the readout sees, in variants of a structure.

    Args:
        site: the structure as it is.
        changed: atoms that each variant changes, shape (n_variants, n_atoms).
        passing_on: edges that pass on the differences of their sources, (n_variants, n_edges).
        terms: differences of the factors of edges.
        step: difference that a layer makes.

    Returns:
        Those of the absorber's features, shape (n_variants, (lmax + 1)^2, channels), and of its
        neighbors' before the last layer, shape (n_variants, n_bonds, (l + 1)^2, channels).
    """
    touched = changed[:, site.source] | changed[:, site.target]
    rows, values = Rows(torch.zeros_like(changed)), site.feats[0][:0]
    for number, layer in enumerate(site.layers):
        before = rows, values
        needed = site.needed[number + 1]
        used = needed[site.target]
        passing = (rows.differs[:, site.source] & passing_on & used).nonzero(as_tuple=True)
        direct = (touched & used).nonzero(as_tuple=True)
        differs = rows.differs & needed
        for variant, edge in (passing, direct):
            differs[variant, site.target[edge]] = True
        after = Rows(differs)
        # differences along intact edges, then features along edges whose factors differ
        factors = terms(number, *direct)
        feats = [layer.linear_source(values), site.sources[number][site.source[direct[1]]]]
        sources = [rows.number[passing[0], site.source[passing[1]]]]
        sources += [len(values) + torch.arange(len(direct[1]))] * len(factors)
        edges = [passing] + [direct] * len(factors)
        targets = [after.number[variant, site.target[edge]] for variant, edge in edges]
        kernels = [site.kernels[number].of(passing[1]), *factors]
        kernel = Kernel(*map(torch.cat, zip(*kernels, strict=True)))
        joined = torch.cat(feats), torch.cat(sources), torch.cat(targets)
        message = sum_messages(layer, *joined, kernel, len(after.atom))
        previous = rows.values_at(values, after.variant, after.atom)
        rows, values = after, step(number, after.atom, previous, message)
    every = torch.arange(len(changed)).unsqueeze(1)
    of_absorber = rows.values_at(values, every, torch.zeros(1, dtype=torch.long))[:, 0]
    rows, values = before
    return of_absorber, rows.values_at(values, every, site.source[site.bonds])


def without_atoms(site: Site, taken: Tensor) -> Tensor:
    """Coefficients of the spectra without some atoms, shape (n_variants, num_basis).

    Args:
        site: the structure with them.
        taken: atoms to take away in each variant, shape (n_variants, n_atoms).
    """
    intact = ~(taken[:, site.source] | taken[:, site.target])

    def terms(number: int, _variant: Tensor, edge: Tensor) -> list[Kernel]:
        kernel = site.kernels[number].of(edge)
        return [Kernel(-kernel.radial, kernel.sh)]

    def step(number: int, atoms: Tensor, d_feats: Tensor, d_message: Tensor) -> Tensor:
        feats, message = site.feats[number][atoms], site.messages[number][atoms]
        after = site.layers[number].combine(feats + d_feats, message + d_message)
        return after - site.feats[number + 1][atoms]

    d_feats, d_neighbors = spread(site, taken, intact, terms, step)
    feats, neighbor_feats, vec, _ = site.unchanged(len(taken))
    mask = intact[:, site.bonds]
    return site.coefficients(feats + d_feats, neighbor_feats + d_neighbors, vec, mask)


def bond_slopes(site: Site, moved: Tensor, directions: Tensor, readout: list[Tensor]) -> Tensor:
    """Derivatives of the coefficients as atoms move, per Angstrom, shape (n_variants, num_basis).

    Args:
        site: the structure.
        moved: the atom that moves in each variant, shape (n_variants, n_atoms).
        directions: unit vectors along which they move, shape (n_variants, 3).
        readout: the site's ``readout_slopes``.
    """
    sign = moved[:, site.target].to(directions) - moved[:, site.source].to(directions)
    d_vec = sign.unsqueeze(2) * directions.unsqueeze(1)

    def terms(number: int, variant: Tensor, edge: Tensor) -> list[Kernel]:
        kernel = site.kernels[number].of(edge)
        with forward_ad.dual_level():
            vec = forward_ad.make_dual(site.vec[edge], d_vec[variant, edge])
            varied = site.kernel(site.layers[number], vec)
            d_radial, d_sh = (forward_ad.unpack_dual(part).tangent for part in varied)
        changes = [Kernel(d_radial, kernel.sh)]
        if d_sh is not None:  # with lmax 0 the harmonics are constant
            changes.append(Kernel(kernel.radial, d_sh))
        return changes

    def step(number: int, atoms: Tensor, d_feats: Tensor, d_message: Tensor) -> Tensor:
        with forward_ad.dual_level():
            feats = forward_ad.make_dual(site.feats[number][atoms], d_feats)
            message = forward_ad.make_dual(site.messages[number][atoms], d_message)
            return forward_ad.unpack_dual(site.layers[number].combine(feats, message)).tangent

    every_edge = torch.ones_like(d_vec[..., 0], dtype=torch.bool)
    differences = *spread(site, moved, every_edge, terms, step), d_vec[:, site.bonds]
    parts = [d.flatten(1) @ by.flatten(1).T for d, by in zip(differences, readout, strict=True)]
    return torch.stack(parts).sum(dim=0)

"""Irreps to irreps: linear maps, gate, dropout, norm and the interaction block.

Features are arrays of shape (n_atoms, (lmax + 1)^2, channels), channels last, with the components
of l = 0 to lmax one after the other in e3nn's order and the parity of spherical harmonics, (-1)^l.
"""

import math

import torch
from torch import Tensor, nn

from .convolution import Propagator
from .hyperparameters import Hyperparameters
from .neighbor_lists import EdgeFeatures, Neighborhood
from .spherical_harmonics import degree_of_component

ATOMS_AT_ONCE = 1024
"""Atoms updated at once, so that memory besides the features does not grow with the structure."""


def pad_degrees(node_feats: Tensor, lmax: int) -> Tensor:
    """Add zeros for the degrees up to ``lmax`` that the features do not have yet."""
    return nn.functional.pad(node_feats, (0, 0, 0, (lmax + 1) ** 2 - node_feats.shape[1]))


class EquivariantLinear(nn.Module):
    """Channel mixing for each degree apart: h'[l m, c'] = sum_c h[l m, c] W_l[c, c']."""

    def __init__(self, lmax: int, channels: int) -> None:
        """Draw weights of variance 1 / channels."""
        super().__init__()
        self.lmax = lmax
        self.weight = nn.Parameter(torch.randn(lmax + 1, channels, channels) / math.sqrt(channels))

    def forward(self, node_feats: Tensor) -> Tensor:
        """Mix channels, (n_atoms, (lmax + 1)^2, channels) to the same shape."""
        parts = node_feats.split([2 * l + 1 for l in range(self.lmax + 1)], dim=1)
        return torch.cat([part @ self.weight[l] for l, part in enumerate(parts)], dim=1)


class Gate(nn.Module):
    """Non-linearity: every irrep times a sigmoid of a linear map of the scalars.

    h'_lc = h_lc sigmoid(W s + b)_lc with the scalars s = h_0. For l > 0 the gate of Weiler et al.,
    arXiv:1807.02547, section 4.3; for l = 0 the gated linear unit of Dauphin et al.,
    arXiv:1612.08083, eq. 1.
    """

    degree: Tensor

    def __init__(self, lmax: int, channels: int) -> None:
        """Make the linear map to one gate an irrep."""
        super().__init__()
        self.to_gates = nn.Linear(channels, (lmax + 1) * channels)
        self.register_buffer("degree", degree_of_component(lmax), persistent=False)

    def forward(self, node_feats: Tensor) -> Tensor:
        """Apply the gate, (n_atoms, (lmax + 1)^2, channels) to the same shape."""
        gates = self.to_gates(node_feats[:, 0]).sigmoid()
        return node_feats * gates.unflatten(1, (-1, node_feats.shape[2]))[:, self.degree]


class EquivariantDropout(nn.Module):
    """Dropout of whole irreps: the 2 l + 1 components of a channel are kept or dropped together."""

    degree: Tensor

    def __init__(self, lmax: int, probability: float) -> None:
        """Keep the probability that an irrep is dropped."""
        super().__init__()
        self.probability = probability
        self.register_buffer("degree", degree_of_component(lmax), persistent=False)

    def forward(self, node_feats: Tensor) -> Tensor:
        """Drop irreps in training mode, (n_atoms, (lmax + 1)^2, channels) to the same shape."""
        n_atoms, _, channels = node_feats.shape
        n_degrees = int(self.degree[-1]) + 1
        kept = nn.functional.dropout(
            node_feats.new_ones(n_atoms, n_degrees, channels), self.probability, self.training
        )
        return node_feats * kept[:, self.degree]


class EquivariantNorm(nn.Module):
    """Divide an atom's features, all degrees together, by one root mean square.

    x / sqrt(eps + mean_(l, c) |x_lc|^2 / (2 l + 1)), then a weight an irrep and a bias a scalar.
    The scalars are in the mean, so l > 0 features that a site's symmetry makes vanish stay at
    rounding error instead of being blown up; the gain is at most 1 / sqrt(eps).
    """

    degree: Tensor
    share: Tensor

    def __init__(self, lmax: int, channels: int, eps: float = 1e-2) -> None:
        """Start as the plain division."""
        super().__init__()
        self.eps = eps
        degree = degree_of_component(lmax)
        self.register_buffer("degree", degree, persistent=False)
        self.register_buffer(
            "share", 1.0 / ((lmax + 1) * channels * (2.0 * degree + 1.0)), persistent=False
        )
        self.weight = nn.Parameter(torch.ones(lmax + 1, channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, node_feats: Tensor) -> Tensor:
        """Normalize, (n_atoms, (lmax + 1)^2, channels) to the same shape."""
        mean_square = (node_feats.square().sum(2) * self.share).sum(1)
        normed = node_feats * torch.rsqrt(mean_square + self.eps).view(-1, 1, 1)
        scaled = normed * self.weight[self.degree]
        return torch.cat([scaled[:, :1] + self.bias, scaled[:, 1:]], dim=1)


class RadialMLP(nn.Module):
    """phi(d): the hidden part of the radial MLP, faded to zero with its slope at the cutoff."""

    def __init__(self, num_radial: int, hidden: int, radial_rank: int) -> None:
        """Make two layers from ``num_radial`` basis functions to ``radial_rank`` functions."""
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(num_radial, hidden), nn.SiLU(), nn.Linear(hidden, radial_rank)
        )

    def forward(self, edge_radial: Tensor, envelope: Tensor) -> Tensor:
        """phi, shape (..., radial_rank).

        Args:
            edge_radial: radial basis, shape (..., num_radial).
            envelope: u(d), zero at padding and beyond the cutoff, shape (...,).
        """
        return self.network(edge_radial) * envelope.unsqueeze(-1)


class InteractionBlock(nn.Module):
    """One layer: h_i' = norm(h_i + dropout(gate(U h_i + sum_j m_ij / sqrt(n_avg)))).

    n_avg is a constant, so the sum keeps its meaning when an atom enters or leaves the cutoff; its
    square root keeps the variance of a sum of n_avg independent messages at one.
    """

    def __init__(self, lmax_in: int, hp: Hyperparameters) -> None:
        """Make the parts; ``lmax_in`` is the highest degree of the features that are read."""
        super().__init__()
        self.lmax = hp.lmax
        self.message_scale = hp.avg_num_neighbors**-0.5
        self.radial_mlp = RadialMLP(hp.num_radial, 64, hp.radial_rank)
        self.linear_source = EquivariantLinear(lmax_in, hp.channels)
        self.linear_self = EquivariantLinear(lmax_in, hp.channels)
        self.propagator = Propagator(lmax_in, hp.lmax, hp.channels, hp.radial_rank)
        self.gate = Gate(hp.lmax, hp.channels)
        self.dropout = EquivariantDropout(hp.lmax, hp.dropout)
        self.norm = EquivariantNorm(hp.lmax, hp.channels)

    def forward(
        self, node_feats: Tensor, neighborhood: Neighborhood, edges: EdgeFeatures
    ) -> Tensor:
        """Updated features, shape (n_targets, (lmax + 1)^2, channels).

        Args:
            node_feats: features the layer reads, shape (n_atoms, (lmax_in + 1)^2, channels).
            neighborhood: the updated atoms and their neighbors.
            edges: radial basis, harmonics and envelope of the padded edges.
        """
        source_feats = self.linear_source(node_feats)
        updated = []
        for part in neighborhood.split(ATOMS_AT_ONCE):
            near = edges.of(part)
            radial = self.radial_mlp(near.radial, near.envelope)  # phi(d_ij)
            message = self.propagator(source_feats, part.sources, part.counts, radial, near.sh)
            updated.append(self.combine(node_feats[part.targets], message))
        return torch.cat(updated)

    def combine(self, target_feats: Tensor, message: Tensor) -> Tensor:
        """Features after the layer, (n_targets, (lmax + 1)^2, channels).

        Args:
            target_feats: features before it, shape (n_targets, (lmax_in + 1)^2, channels).
            message: sum of messages, shape (n_targets, (lmax + 1)^2, channels).
        """
        self_feats = pad_degrees(self.linear_self(target_feats), self.lmax)  # U h_i
        update = self.dropout(self.gate(self_feats + message * self.message_scale))
        return self.norm(pad_degrees(target_feats, self.lmax) + update)

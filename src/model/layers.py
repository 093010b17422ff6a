"""Irreps to irreps: linear maps, propagator, gate, dropout, norm and the interaction block.

Features are arrays of shape (n_atoms, (lmax + 1)^2, channels), channels last, with the components
of l = 0, 1, .. lmax one after the other in e3nn's order and the parity of spherical harmonics,
(-1)^l.
"""

import functools
import math

import torch
from e3nn import o3
from torch import Tensor, nn

from .neighborhood import Neighborhood


def degree_of_component(lmax: int) -> Tensor:
    """Degree l of every component of a feature array, shape ((lmax + 1)^2,)."""
    return torch.cat([torch.full((2 * degree + 1,), degree) for degree in range(lmax + 1)])


def degree_slice(degree: int) -> slice:
    """Components of one degree in a feature array."""
    return slice(degree**2, (degree + 1) ** 2)


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
        mixed = [node_feats[:, degree_slice(l)] @ self.weight[l] for l in range(self.lmax + 1)]
        return torch.cat(mixed, dim=1)


def coupling_paths(lmax_in: int, lmax: int) -> list[tuple[int, int, int]]:
    """Triples (l1 <= lmax_in, l2 <= lmax, l3 <= lmax) that couple and keep the parity of harmonics.

    Triangle rule and l1 + l2 + l3 even, ordered by l3.
    """
    return [
        (l1, l2, l3)
        for l3 in range(lmax + 1)
        for l1 in range(lmax_in + 1)
        for l2 in range(lmax + 1)
        if abs(l1 - l2) <= l3 <= l1 + l2 and (l1 + l2 + l3) % 2 == 0
    ]


@functools.cache
def coupling_matrix(lmax_in: int, lmax: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Clebsch-Gordan coefficients of all paths.

    Rows are (path, m3) in the order of ``coupling_paths``, columns (l2 m2, l1 m1); entries are
    sqrt(2 l3 + 1) times the Wigner 3j symbols in e3nn's real basis. Kept apart from the weights, so
    that a network that is converted to float64 gets coefficients exact to float64.

    Returns:
        Matrix of shape (sum over paths of 2 l3 + 1, (l2 m2, l1 m1): (lmax + 1)^2 (lmax_in + 1)^2).
    """
    rows = []
    # the cache outlives an inference_mode block, whose tensors could not be used in training later
    with torch.inference_mode(False), torch.no_grad():
        for l1, l2, l3 in coupling_paths(lmax_in, lmax):
            block = torch.zeros(2 * l3 + 1, (lmax + 1) ** 2, (lmax_in + 1) ** 2).double()
            symbols = o3.wigner_3j(l1, l2, l3, dtype=torch.float64)
            block[:, degree_slice(l2), degree_slice(l1)] = symbols.permute(2, 1, 0)
            rows.append(math.sqrt(2 * l3 + 1) * block.flatten(1))
        return torch.cat(rows).to(dtype=dtype, device=device)


class Propagator(nn.Module):
    r"""Neighbour sum of the messages m_ij = TP(h_j, Y(r_ij)) MLP(d_ij), contracted once an atom.

    The last linear map of the radial MLP, MLP(d) = W phi(d), does not depend on the neighbour, so
    it commutes with the sum; and so do the Clebsch-Gordan contraction and the channel mixing:

        A_i[k, l2 m2, l1 m1, c] = sum_j phi_k(d_ij) Y[l2 m2](r_ij) h_j[l1 m1, c]
        B_i[l2 m2, l1 m1, c]    = sum_k W[k, l2, l1, c] A_i[k, l2 m2, l1 m1, c]
        M_i[l3 m3, c']          = sum_(l1 l2 m1 m2 c) C[l1 m1, l2 m2, l3 m3] B_i V[l1 l2 l3, c, c']

    It equals ``e3nn.o3.FullyConnectedTensorProduct`` with the weights W[., l2, l1, c] phi(d_ij)
    V[l1 l2 l3, c, c'] an edge, which ``tests/model/test_layers.py`` checks to 1e-10.
    """

    degree_in: Tensor
    degree: Tensor

    def __init__(self, lmax_in: int, lmax: int, channels: int, radial_rank: int) -> None:
        """Work out the paths and draw the weights.

        Args:
            lmax_in: highest degree of the features h_j.
            lmax: highest degree of harmonics and messages.
            channels: channels of each degree.
            radial_rank: number of radial functions phi.
        """
        super().__init__()
        self.lmax_in, self.lmax = lmax_in, lmax
        paths = coupling_paths(lmax_in, lmax)
        self.path_counts = [sum(path[2] == l3 for path in paths) for l3 in range(lmax + 1)]
        self.register_buffer("degree_in", degree_of_component(lmax_in), persistent=False)
        self.register_buffer("degree", degree_of_component(lmax), persistent=False)
        self.radial_weight = nn.Parameter(
            torch.randn(radial_rank, lmax + 1, lmax_in + 1, channels) / math.sqrt(radial_rank)
        )
        self.path_weight = nn.ParameterList(
            torch.randn(count * channels, channels) / math.sqrt(count * channels)
            for count in self.path_counts
        )

    def forward(self, source_feats: Tensor, edge_filter: Tensor) -> Tensor:
        """Sum the messages.

        Args:
            source_feats: h_j of every slot, (n_targets, n_slots, (lmax_in + 1)^2, channels).
            edge_filter: phi_k Y[l2 m2] of every slot, zero at padding, shape
                (n_targets, n_slots, radial_rank, (lmax + 1)^2).

        Returns:
            M_i, shape (n_targets, (lmax + 1)^2, channels).
        """
        channels = source_feats.shape[-1]
        pairs = edge_filter.flatten(2).transpose(1, 2) @ source_feats.flatten(2)
        weight = self.radial_weight[:, self.degree][:, :, self.degree_in]
        weighted = (pairs.view(-1, *weight.shape) * weight).sum(1)
        coupling = coupling_matrix(self.lmax_in, self.lmax, weighted.dtype, weighted.device)
        return self._mix(coupling @ weighted.view(len(weighted), -1, channels))

    def _mix(self, coupled: Tensor) -> Tensor:
        """Channel mixing of all paths that end in the same degree."""
        n_targets, _, channels = coupled.shape
        mixed, start = [], 0
        for l3, count in enumerate(self.path_counts):
            stop = start + count * (2 * l3 + 1)
            by_path = coupled[:, start:stop].view(n_targets, count, 2 * l3 + 1, channels)
            joined = by_path.transpose(1, 2).reshape(n_targets, 2 * l3 + 1, count * channels)
            mixed.append(joined @ self.path_weight[l3])
            start = stop
        return torch.cat(mixed, dim=1)


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
        """Normalise, (n_atoms, (lmax + 1)^2, channels) to the same shape."""
        mean_square = torch.einsum("nac,nac,a->n", node_feats, node_feats, self.share)
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
        """Evaluate phi.

        Args:
            edge_radial: radial basis, shape (..., num_radial).
            envelope: u(d), zero at padding and beyond the cutoff, shape (...,).

        Returns:
            phi, shape (..., radial_rank).
        """
        return self.network(edge_radial) * envelope.unsqueeze(-1)


class InteractionBlock(nn.Module):
    """One layer: h_i' = norm(h_i + dropout(gate(U h_i + sum_j m_ij / sqrt(n_avg)))).

    n_avg is a constant, so the sum keeps its meaning when an atom enters or leaves the cutoff; its
    square root keeps the variance of a sum of n_avg independent messages at one.
    """

    def __init__(
        self,
        lmax_in: int,
        lmax: int,
        channels: int,
        num_radial: int,
        radial_rank: int,
        avg_num_neighbors: float,
        dropout: float,
    ) -> None:
        """Make the parts; ``lmax_in`` is the features' highest degree, see ``XANES_E3GNN``."""
        super().__init__()
        self.lmax = lmax
        self.message_scale = avg_num_neighbors**-0.5
        self.radial_mlp = RadialMLP(num_radial, 64, radial_rank)
        self.linear_source = EquivariantLinear(lmax_in, channels)
        self.linear_self = EquivariantLinear(lmax_in, channels)
        self.propagator = Propagator(lmax_in, lmax, channels, radial_rank)
        self.gate = Gate(lmax, channels)
        self.dropout = EquivariantDropout(lmax, dropout)
        self.norm = EquivariantNorm(lmax, channels)

    def forward(
        self,
        node_feats: Tensor,
        neighborhood: Neighborhood,
        edge_radial: Tensor,
        edge_sh: Tensor,
        envelope: Tensor,
    ) -> Tensor:
        """Update the atoms of ``neighborhood.targets``.

        Args:
            node_feats: features the layer reads, shape (n_atoms, (lmax_in + 1)^2, channels).
            neighborhood: who is updated and who their neighbours are.
            edge_radial: radial basis of every slot, shape (n_targets, n_slots, num_radial).
            edge_sh: spherical harmonics of every slot, (n_targets, n_slots, (lmax + 1)^2).
            envelope: cutoff function, zero at padding, shape (n_targets, n_slots).

        Returns:
            Updated features, shape (n_targets, (lmax + 1)^2, channels).
        """
        radial = self.radial_mlp(edge_radial, envelope)
        edge_filter = radial.unsqueeze(-1) * edge_sh.unsqueeze(-2)
        source_feats = self.linear_source(node_feats)[neighborhood.sources]
        message = self.propagator(source_feats, edge_filter) * self.message_scale
        target_feats = node_feats[neighborhood.targets]
        own = pad_degrees(self.linear_self(target_feats), self.lmax)
        update = self.dropout(self.gate(own + message))
        return self.norm(pad_degrees(target_feats, self.lmax) + update)

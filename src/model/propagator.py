"""Neighbour sums: spherical tensors coupled by Clebsch-Gordan coefficients, once an atom."""

import functools
import math

import torch
from e3nn import o3
from torch import Tensor, nn


def degree_of_component(lmax: int) -> Tensor:
    """Degree l of every component of a feature array, shape ((lmax + 1)^2,)."""
    return torch.cat([torch.full((2 * degree + 1,), degree) for degree in range(lmax + 1)])


def degree_slice(degree: int) -> slice:
    """Components of one degree in a feature array."""
    return slice(degree**2, (degree + 1) ** 2)


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
    V[l1 l2 l3, c, c'] an edge, which ``tests/model/test_propagator.py`` checks to 1e-10.
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

"""Neighbor sums: spherical tensors coupled by Clebsch-Gordan coefficients, once an atom."""

import math

import torch
from torch import Tensor, nn

from .neighbor_sum import neighbor_sum
from .spherical_harmonics import coupling_matrix, coupling_paths


class Propagator(nn.Module):
    r"""Neighbor sum of the messages m_ij = TP(h_j, Y(r_ij)) MLP(d_ij), contracted once an atom.

    The last linear map of the radial MLP, MLP(d) = W phi(d), does not depend on the neighbor, so
    it commutes with the sum; and so do the Clebsch-Gordan contraction and the channel mixing:

        A_i[k, l2 m2, l1 m1, c] = sum_j phi_k(d_ij) Y[l2 m2](r_ij) h_j[l1 m1, c]
        B_i[l2 m2, l1 m1, c]    = sum_k W[k, l2, l1, c] A_i[k, l2 m2, l1 m1, c]
        M_i[l3 m3, c']          = sum_(l1 l2 m1 m2 c) C[l1 m1, l2 m2, l3 m3] B_i V[l1 l2 l3, c, c']

    It equals ``e3nn.o3.FullyConnectedTensorProduct`` with the weights W[., l2, l1, c] phi(d_ij)
    V[l1 l2 l3, c, c'] an edge, which ``tests/model/test_convolution.py`` checks to 1e-10.
    """

    def __init__(self, lmax_in: int, lmax: int, channels: int, radial_rank: int) -> None:
        """Draw the weights; ``lmax_in`` is the highest degree of h_j, ``lmax`` of Y and M_i."""
        super().__init__()
        self.lmax_in, self.lmax = lmax_in, lmax
        paths = coupling_paths(lmax_in, lmax)
        self.path_counts = [sum(path[2] == l3 for path in paths) for l3 in range(lmax + 1)]
        self.radial_weight = nn.Parameter(
            torch.randn(radial_rank, lmax + 1, lmax_in + 1, channels) / math.sqrt(radial_rank)
        )
        self.path_weight = nn.ParameterList(
            torch.randn(count * channels, channels) / math.sqrt(count * channels)
            for count in self.path_counts
        )

    def forward(
        self,
        source_feats: Tensor,
        sources: Tensor,
        counts: list[int],
        radial: Tensor,
        edge_sh: Tensor,
    ) -> Tensor:
        """M_i, shape (n_targets, (lmax + 1)^2, channels); arguments as for ``neighbor_sum``."""
        weight = self.radial_weight
        summed = neighbor_sum(source_feats, sources, counts, radial, edge_sh, weight)  # B_i
        coupling = coupling_matrix(self.lmax_in, self.lmax, summed.dtype, summed.device)
        coupled = coupling @ summed.flatten(1, 2)
        sizes = [count * (2 * l3 + 1) for l3, count in enumerate(self.path_counts)]
        messages = []
        for l3, ending in enumerate(coupled.split(sizes, dim=1)):  # all paths that end in l3
            by_path = ending.unflatten(1, (self.path_counts[l3], 2 * l3 + 1))
            messages.append(by_path.transpose(1, 2).flatten(2) @ self.path_weight[l3])
        return torch.cat(messages, dim=1)

"""Atoms to absorber: rotation invariants, and attention with the absorber as query."""

import math

import torch
from torch import Tensor, nn

from .layers import RadialMLP
from .neighbor_lists import EdgeFeatures
from .spherical_harmonics import degree_slice


def bond_invariants(neighbor_feats: Tensor, edge_sh: Tensor, lmax: int) -> Tensor:
    """Projections of a neighbor's features on the bond.

        sum_m h_j[l m, c] Y[l m](r_ij) / sqrt(2 l + 1)

    for every l and c.

    Args:
        neighbor_feats: features, shape (..., (lmax + 1)^2, channels).
        edge_sh: spherical harmonics of the bond, component normalized, shape (..., (lmax + 1)^2).
        lmax: highest degree.

    Returns:
        Rotation invariants, degree by degree, shape (..., (lmax + 1) * channels).
    """
    parts = []
    for l in range(lmax + 1):
        feats, sh = neighbor_feats[..., degree_slice(l), :], edge_sh[..., degree_slice(l)]
        parts.append(torch.einsum("...mc,...m->...c", feats, sh) / math.sqrt(2 * l + 1))
    return torch.cat(parts, dim=-1)


def magnitudes(node_feats: Tensor, lmax: int, eps: float = 1e-2) -> Tensor:
    """Smooth norms of every l > 0 channel, sqrt(|h_lc|^2 / (2 l + 1) + eps^2) - eps.

    Zero with zero slope where symmetry makes the feature vanish.

    Args:
        node_feats: features, shape (n_atoms, (lmax + 1)^2, channels).
        lmax: highest degree.
        eps: size below which a norm is rounded off.

    Returns:
        Invariants, shape (n_atoms, lmax * channels).
    """
    squares = [node_feats[:, degree_slice(l)].square().mean(dim=1) for l in range(1, lmax + 1)]
    stacked = torch.cat(squares, dim=1) if squares else node_feats.new_zeros(len(node_feats), 0)
    return torch.sqrt(stacked + eps**2) - eps


class AbsorberAttention(nn.Module):
    """Context of an absorber: attention over the neighbors within the cutoff, absorber as query.

        a_ij = u(d_ij) exp(q_i k_ij) / (exp(q_i k_0) + sum_j u(d_ij) exp(q_i k_ij))
        context_i = sum_j a_ij v_ij

    Keys and values see the neighbor's scalars, its projections on the bond and the distance. The
    envelope u makes a neighbor fade in and out; the constant key k_0, whose value is zero, takes
    the weight that neighbors leave, all of it when there is none. Multi-head form of Vaswani et
    al., arXiv:1706.03762, eq. 1.
    """

    def __init__(self, lmax: int, channels: int, num_radial: int, num_heads: int) -> None:
        """Make query, key and value maps; sizes as in ``Hyperparameters``."""
        super().__init__()
        self.num_heads, self.head_size = num_heads, channels // num_heads
        self.query = nn.Linear(channels, channels)
        self.radial_mlp = RadialMLP(num_radial, 64, channels)
        self.key_value = nn.Sequential(
            nn.Linear((lmax + 2) * channels, channels), nn.SiLU(), nn.Linear(channels, 2 * channels)
        )
        self.null_key = nn.Parameter(torch.zeros(num_heads, self.head_size))

    def forward(self, absorber_scalars: Tensor, bond_feats: Tensor, edges: EdgeFeatures) -> Tensor:
        """Context, shape (n_absorbers, channels); zero without neighbors.

        Args:
            absorber_scalars: l = 0 features of the absorbers, shape (n_absorbers, channels).
            bond_feats: ``bond_invariants`` of every neighbor, shape
                (n_absorbers, n_slots, (lmax + 1) channels).
            edges: the absorbers' edges, (n_absorbers, n_slots, ...).
        """
        weights, values = self.weights(absorber_scalars, bond_feats, edges)
        return torch.einsum("njh,njhd->nhd", weights, values).flatten(1)

    def weights(
        self, absorber_scalars: Tensor, bond_feats: Tensor, edges: EdgeFeatures
    ) -> tuple[Tensor, Tensor]:
        """Attention weights and the values they weight; arguments as for ``forward``.

        Returns:
            a, shape (n_absorbers, n_slots, num_heads), zero at padding, sums over slots below 1;
            and v, shape (n_absorbers, n_slots, num_heads, head_size).
        """
        envelope, heads = edges.envelope, (self.num_heads, self.head_size)
        bonds = torch.cat([bond_feats, self.radial_mlp(edges.radial, envelope)], dim=-1)
        key, value = self.key_value(bonds).unflatten(-1, (2, *heads)).unbind(2)
        query = self.query(absorber_scalars).unflatten(1, heads) / math.sqrt(self.head_size)
        logits = torch.einsum("nhd,njhd->njh", query, key)
        null_logit = torch.einsum("nhd,hd->nh", query, self.null_key).unsqueeze(1)
        # u exp(q k) = exp(q k + log u), so that a neighbor that has faded out, or an empty slot,
        # does not decide the shift; that changes nothing but keeps exp from over- and underflowing
        tiny = torch.finfo(envelope.dtype).tiny
        faded = logits + envelope.clamp(min=tiny).log().unsqueeze(-1)
        faded = faded.masked_fill((envelope <= 0.0).unsqueeze(-1), -math.inf)
        shift = torch.cat([null_logit, faded], dim=1).amax(dim=1, keepdim=True).detach()
        weight = torch.exp(faded - shift)
        total = torch.exp(null_logit - shift) + weight.sum(dim=1, keepdim=True)
        return weight / total, value

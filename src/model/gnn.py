"""XANES_E3GNN: from a structure's graph to the absorption spectrum of every absorber."""

import inspect
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ConfigError, check_positive
from .basis import RadialBasis, SpectralBasis, polynomial_envelope
from .graph_input import Graph, check_graph, edge_vectors, message_plan
from .hyperparameters import Hyperparameters
from .layers import InteractionBlock, pad_degrees
from .neighbor_lists import EdgeFeatures, gather_rows
from .pooling import AbsorberAttention, bond_invariants, magnitudes
from .scattering import PathAmplitudes, ScatteringWaves
from .spherical_harmonics import spherical_harmonics

ABSORBERS_AT_ONCE = 256
"""Absorbers read out at once; their neighbors' features are gathered, so this bounds memory."""

ROUNDING = 1e-2
"""Energies this far outside the basis are taken for its ends, eV: float32 of 9,000 eV."""


class Sites(NamedTuple):
    """Some absorbers and their neighbors, as the readout sees them."""

    features: Tensor
    """h_i^T of the absorbers, shape (n_absorbers, (lmax + 1)^2, channels)."""
    bonds: Tensor
    """``bond_invariants`` of h_j^(T-1), shape (n_absorbers, n_slots, (lmax + 1) channels)."""
    edges: EdgeFeatures
    """Of the bonds, (n_absorbers, n_slots, ...)."""


class XANES_E3GNN(nn.Module):  # noqa: N801
    r"""E(3)-equivariant graph network for X-ray absorption near-edge spectra.

        h_i^0     = embedding(z_i)
        h_i^(t+1) = norm(h_i^t + gate(U h_i^t + sum_j TP(h_j^t, Y(r_ij)) MLP(d_ij) / sqrt(n_avg)))
        x_i       = (scalars of h_i^T, attention_i over neighbors' h_j^(T-1), |h_i^T[l > 0]|)
        chi_i(E)  = sum_p a_p(E) sin 2 k_i(E) s_p + b_p(E) cos 2 k_i(E) s_p
        c_i       = c_mean + c_scale (MLP(x_i) + chi_i on the basis B)
        mu_i(E)   = B(E) c_i

    for every absorber i; p are the scattering paths over one and two of its neighbors, see
    ``ScatteringWaves``. A spectrum depends on atoms within ``num_layers * r_max`` of its absorber
    and on nothing else.
    """

    coefficient_mean: Tensor
    coefficient_scale: Tensor

    def __init__(self, *args: Any, **hyperparameters: Any) -> None:
        """Build the network; arguments and their checks are those of ``Hyperparameters``."""
        super().__init__()
        hp = Hyperparameters(*args, **hyperparameters)
        self.hyperparameters: dict[str, Any] = asdict(hp)
        self.max_z, self.r_max, self.lmax = hp.max_z, hp.r_max, hp.lmax
        self.num_layers, self.num_amplitudes = hp.num_layers, hp.num_amplitudes
        self.embedding = nn.Embedding(hp.max_z + 1, hp.channels)
        self.radial_basis = RadialBasis(hp.num_radial, hp.r_max)
        self.spectral_basis = SpectralBasis(hp.num_basis, hp.basis_scales, hp.emin, hp.emax)
        self.layers = nn.ModuleList(
            InteractionBlock(hp.lmax if number else 0, hp) for number in range(hp.num_layers)
        )
        self.attention = AbsorberAttention(hp.lmax, hp.channels, hp.num_radial, hp.num_heads)
        n_invariants, hidden = (hp.lmax + 2) * hp.channels, 4 * hp.channels
        self.readout = nn.Sequential(
            nn.LayerNorm(n_invariants),
            nn.Linear(n_invariants, hidden),
            nn.SiLU(),
            nn.Dropout(hp.dropout),
            nn.Linear(hidden, hp.num_basis),
        )
        if hp.num_amplitudes:
            sizes = hp.lmax, hp.channels, hp.num_radial, hp.num_amplitudes
            self.paths = PathAmplitudes(*sizes, hp.r_max)
            self.waves = ScatteringWaves(self.spectral_basis, hp.num_amplitudes)
        self.register_buffer("coefficient_mean", torch.zeros(hp.num_basis))
        self.register_buffer("coefficient_scale", torch.ones(()))

    def forward(self, data: Graph) -> Tensor:
        """Coefficients of every absorber's spectrum on the spectral basis.

        Args:
            data: graph (or PyG's ``Data``) with ``z`` (n_atoms,), ``pos`` (n_atoms, 3) in
                Angstrom, ``edge_index`` (2, n_edges) from neighbor to atom, ``absorber_mask``
                (n_atoms,) and, if periodic, ``edge_shift`` (n_edges, 3) in Angstrom. ``r_max``, if
                present, must be the network's. A batch of ``collate_graphs`` may bring its
                ``plan`` for this number of layers.

        Returns:
            c, shape (n_absorbers, num_basis), ordered by graph, then atom.

        Raises:
            ValueError: the graph does not fit the network; see ``check_graph``.
        """
        return torch.cat([self.site_coefficients(sites) for sites in self.sites(data)])

    def sites(self, data: Graph) -> Iterator[Sites]:
        """Pass the messages and yield h_i^T and h_j^(T-1), for a bounded number of absorbers."""
        check_graph(data, self.max_z, self.r_max)
        plan = message_plan(data, self.num_layers)
        edge_vec = edge_vectors(data, self.coefficient_mean.dtype)[plan.edges]
        edges = self.edge_features(edge_vec, plan.mask)  # functions of d_ij, Y(r_ij)
        node_feats = self.embedding(data.z[plan.atoms]).unsqueeze(1)  # h^0
        for layer, neighborhood in zip(self.layers, plan.layers, strict=True):
            previous, node_feats = node_feats, layer(node_feats, neighborhood, edges)  # h^(t+1)

        neighbor_feats = pad_degrees(previous, self.lmax)
        parts = neighborhood.split(ABSORBERS_AT_ONCE)
        features = node_feats.split(ABSORBERS_AT_ONCE)
        for part, features_i in zip(parts, features, strict=True):
            bonds, features_j = edges.of(part), gather_rows(neighbor_feats, part.sources)
            yield Sites(features_i, bond_invariants(features_j, bonds.sh, self.lmax), bonds)

    def site_invariants(self, sites: Sites) -> Tensor:
        """x: scalars, context and magnitudes, shape (n_absorbers, (lmax + 2) channels)."""
        scalars = sites.features[:, 0]
        context = self.attention(scalars, sites.bonds, sites.edges)
        return torch.cat([scalars, context, magnitudes(sites.features, self.lmax)], dim=1)

    def site_coefficients(self, sites: Sites) -> Tensor:
        """C of some absorbers, shape (n_absorbers, num_basis)."""
        return self.coefficient_mean + self.coefficient_scale * self.deviations(sites)

    def deviations(self, sites: Sites) -> Tensor:
        """MLP(x) and the waves of the scattering paths, shape (n_absorbers, num_basis)."""
        coefficients = self.readout(self.site_invariants(sites))  # MLP(x)
        if self.num_amplitudes:
            paths, shift = self.paths(sites.features[:, 0], sites.bonds, sites.edges)  # a, b, s; V
            coefficients = coefficients + self.waves(paths, shift)  # chi on the basis
        return coefficients

    def predict_spectra(self, data: Graph, energy_grid: Tensor) -> Tensor:
        """Spectra mu(E) = B(E) c of every absorber.

        Args:
            data: graph or batch, see ``forward``.
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).

        Returns:
            mu, unit of the training target, shape (n_absorbers, n_energies), by graph, then atom.

        Raises:
            ValueError: the graph does not fit the network.
            ConfigError: an energy is outside the basis, as absolute ones would be.
        """
        self.check_energies(energy_grid)
        return self(data) @ self.spectral_basis(energy_grid).T

    def edge_features(self, edge_vec: Tensor, mask: Tensor) -> EdgeFeatures:
        """Radial basis, spherical harmonics and envelope, which is zero at padding.

        Args:
            edge_vec: r_ij, Angstrom, shape (n_rows, n_slots, 3).
            mask: False at padding, shape (n_rows, n_slots).
        """
        edge_length = torch.linalg.vector_norm(edge_vec, dim=-1)
        return EdgeFeatures(
            vec=edge_vec,
            mask=mask,
            radial=self.radial_basis(edge_length),
            sh=spherical_harmonics(self.lmax, edge_vec),
            envelope=polynomial_envelope(edge_length, self.r_max) * mask,
        )

    @torch.no_grad()
    def set_target_statistics(self, energy_grid: Tensor, mean: Tensor, scale: float) -> None:
        """Make the untrained network predict the training set's mean spectrum.

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).
            mean: mean training spectrum, unit of the target, shape (n_energies,).
            scale: typical deviation from the mean, same unit, positive.

        Raises:
            ConfigError: an energy is outside the basis, the mean is not finite or of another shape,
                or the scale is not positive and finite.
        """
        self.check_energies(energy_grid)
        if mean.shape != energy_grid.shape or not bool(torch.isfinite(mean).all()):
            raise ConfigError(
                f"`mean` has shape {tuple(mean.shape)} but must be {len(energy_grid)} finite values"
            )
        check_positive("scale", scale)
        self.coefficient_mean.copy_(self.spectral_basis.fit(energy_grid, mean))
        self.coefficient_scale.fill_(scale)
        for output in self.outputs().values():
            for weight in output.parameters():
                nn.init.zeros_(weight)

    def check_energies(self, energy_grid: Tensor) -> None:
        """Raise ConfigError for energies, relative and in eV, that the spectral basis lacks."""
        if energy_grid.ndim != 1 or len(energy_grid) == 0:
            raise ConfigError(
                f"`energy_grid` has shape {tuple(energy_grid.shape)} but must be (n_energies,)"
            )
        low, high = float(energy_grid.min()), float(energy_grid.max())
        emin, emax = self.hyperparameters["emin"], self.hyperparameters["emax"]
        if not (low >= emin - ROUNDING and high <= emax + ROUNDING):  # NaN is not either
            raise ConfigError(
                f"`energy_grid` is {low:.3f} to {high:.3f} eV but must be within {emin:.3f} to"
                f" {emax:.3f} eV, relative to the reference energy"
            )

    def outputs(self) -> dict[str, nn.Module]:
        """Last maps, whose results depend on the energy basis, by name."""
        last: set[nn.Module] = {self.readout[-1]}
        if self.num_amplitudes:
            last |= {self.paths.single_out, self.paths.pair_out}
        return {name: module for name, module in self.named_modules() if module in last}


# what help() and editors show: the arguments by name, with their defaults
_fields = list(inspect.signature(Hyperparameters).parameters.values())
_self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
XANES_E3GNN.__init__.__signature__ = inspect.Signature([_self, *_fields])  # type: ignore[attr-defined]

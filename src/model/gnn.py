"""XANES_E3GNN: from a structure's graph to the absorption spectrum of every absorber."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from e3nn import o3
from torch import Tensor, nn
from torch_geometric.data import Data

from ..errors import ConfigError
from ..runtime.kinds import check_kinds
from .basis import RadialBasis, SpectralBasis, polynomial_envelope
from .graph_input import check_graph, edge_vectors
from .layers import InteractionBlock, pad_degrees
from .neighbor_lists import EdgeFeatures, gather_rows, plan_messages
from .pooling import AbsorberAttention, bond_invariants, magnitudes
from .scattering import PathAmplitudes, ScatteringWaves

ABSORBERS_AT_ONCE = 256
"""Absorbers read out at once; their neighbours' features are gathered, so this bounds memory."""

ROUNDING = 1e-2
"""Energies this far outside the basis are taken for its ends, eV: float32 of 9,000 eV."""
LONGEST_RADIUS = 50.0
"""Cutoff radii beyond it are a slip, Angstrom; a crystal has a million neighbours within it."""
WIDEST_BASIS = 10_000.0
"""Bases of more energies than this are a slip, eV."""


class Surroundings(NamedTuple):
    """Some absorbers and what surrounds them, as the readout sees it.

    Attributes:
        features: of the absorbers after the last layer, (n_absorbers, (lmax + 1)^2, channels).
        bonds: ``bond_invariants`` of their neighbours, (n_absorbers, n_slots, (lmax + 1) channels).
        edges: radial basis, harmonics and envelope, (n_absorbers, n_slots, ..).
        edge_vec: r_ij, Angstrom, (n_absorbers, n_slots, 3).
        mask: whether a slot holds a neighbour, (n_absorbers, n_slots).
    """

    features: Tensor
    bonds: Tensor
    edges: EdgeFeatures
    edge_vec: Tensor
    mask: Tensor


class XANES_E3GNN(nn.Module):  # noqa: N801
    r"""E(3)-equivariant graph network for X-ray absorption near-edge spectra.

        h_i^0     = embedding(z_i)
        h_i^(t+1) = norm(h_i^t + gate(U h_i^t + sum_j TP(h_j^t, Y(r_ij)) MLP(d_ij) / sqrt(n_avg)))
        x_i       = (scalars of h_i^T, attention_i over neighbours' h_j^(T-1), |h_i^T[l > 0]|)
        c_i       = c_mean + c_scale MLP(x_i)
        mu_i(E)   = B(E) c_i

    for every absorber i. A spectrum depends on atoms within ``num_layers * r_max`` of its absorber
    and on nothing else.
    """

    coefficient_mean: Tensor
    coefficient_scale: Tensor

    def __init__(
        self,
        max_z: int = 100,
        num_layers: int = 4,
        lmax: int = 2,
        channels: int = 64,
        r_max: float = 5.0,
        num_radial: int = 8,
        num_basis: int = 128,
        basis_scales: Sequence[float] = (0.1, 0.5, 1.0),
        emin: float = -10.0,
        emax: float = 50.0,
        avg_num_neighbors: float = 40.0,
        dropout: float = 0.0,
        radial_rank: int = 8,
        num_heads: int = 4,
        num_amplitudes: int = 12,
    ) -> None:
        """Build the network.

        Args:
            max_z: highest atomic number.
            num_layers: interaction layers, at least 1.
            lmax: highest degree of messages and features, 0 to 4.
            channels: channels of each degree.
            r_max: cutoff radius of messages and attention, Angstrom.
            num_radial: Bessel functions of the distance.
            num_basis: functions of the energy, the edge step included.
            basis_scales: relative widths of the Gaussians, see ``SpectralBasis``.
            emin: lowest energy of the basis, eV relative to the reference energy.
            emax: highest energy of the basis, eV relative to the reference energy.
            avg_num_neighbors: mean number of neighbours within ``r_max`` in the training set.
            dropout: probability that a channel is dropped in training, 0 to below 1.
            radial_rank: hidden radial functions phi of each layer's MLP, see ``Propagator``.
            num_heads: attention heads, a divisor of ``channels``.
            num_amplitudes: Gaussians in E of a scattering path's amplitude; 0: no paths.

        Raises:
            ConfigError: an argument is out of its range.
        """
        super().__init__()
        self.hyperparameters: dict[str, Any] = {
            "max_z": max_z,
            "num_layers": num_layers,
            "lmax": lmax,
            "channels": channels,
            "r_max": r_max,
            "num_radial": num_radial,
            "num_basis": num_basis,
            "basis_scales": list(basis_scales),
            "emin": emin,
            "emax": emax,
            "avg_num_neighbors": avg_num_neighbors,
            "dropout": dropout,
            "radial_rank": radial_rank,
            "num_heads": num_heads,
            "num_amplitudes": num_amplitudes,
        }
        _check_hyperparameters(self.hyperparameters)
        self.max_z, self.num_layers, self.lmax, self.r_max = max_z, num_layers, lmax, r_max
        self.num_amplitudes = num_amplitudes
        self.embedding = nn.Embedding(max_z + 1, channels)
        self.radial_basis = RadialBasis(num_radial, r_max)
        self.spectral_basis = SpectralBasis(num_basis, basis_scales, emin, emax)
        self.layers = nn.ModuleList(
            InteractionBlock(
                lmax_in=0 if layer == 0 else lmax,
                lmax=lmax,
                channels=channels,
                num_radial=num_radial,
                radial_rank=radial_rank,
                avg_num_neighbors=avg_num_neighbors,
                dropout=dropout,
            )
            for layer in range(num_layers)
        )
        self.attention = AbsorberAttention(lmax, channels, num_radial, num_heads)
        hidden = 4 * channels
        self.readout = nn.Sequential(
            nn.LayerNorm((lmax + 2) * channels),
            nn.Linear((lmax + 2) * channels, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_basis),
        )
        if num_amplitudes:
            size = (lmax + 1) * channels + num_radial
            self.paths = PathAmplitudes(size, channels, num_radial, num_amplitudes, r_max)
            self.waves = ScatteringWaves(self.spectral_basis, num_amplitudes)
        self.register_buffer("coefficient_mean", torch.zeros(num_basis))
        self.register_buffer("coefficient_scale", torch.ones(()))

    def forward(self, data: Data) -> Tensor:
        """Coefficients of every absorber's spectrum on the spectral basis.

        Args:
            data: graph (a ``Data`` or a ``Batch``) with ``z`` (n_atoms,), ``pos`` (n_atoms, 3) in
                Angstrom, ``edge_index`` (2, n_edges) from neighbour to atom, ``absorber_mask``
                (n_atoms,) and, if periodic, ``edge_shift`` (n_edges, 3) in Angstrom. A batch of
                ``collate_graphs`` may bring its ``plan`` for this number of layers.

        Returns:
            c, shape (n_absorbers, num_basis), ordered by graph, then atom.

        Raises:
            ValueError: see ``check_graph``.
        """
        parts = [self.site_coefficients(part) for part in self.surroundings(data)]
        return torch.cat(parts)

    def surroundings(self, data: Data) -> Iterator[Surroundings]:
        """What the readout sees of the absorbers, a bounded number of them at a time.

        Args:
            data: see ``forward``.

        Raises:
            ValueError: see ``check_graph``.
        """
        check_graph(data, self.max_z, self.r_max)
        dtype = self.coefficient_mean.dtype
        plan = data.get("plan")
        if plan is None or len(plan.layers) != self.num_layers:
            plan = plan_messages(data.edge_index, data.absorber_mask, self.num_layers)
        atoms, padded, neighborhoods = plan
        edge_vec = edge_vectors(data, dtype)[padded.edges]
        edges = self.edge_features(edge_vec, padded.mask)
        node_feats = self.embedding(data.z[atoms]).unsqueeze(1)
        for layer, neighborhood in zip(self.layers, neighborhoods, strict=True):
            previous, node_feats = node_feats, layer(node_feats, neighborhood, edges)

        neighbor_feats, start = pad_degrees(previous, self.lmax), 0
        for part in neighborhood.split(ABSORBERS_AT_ONCE):
            near, n_slots = edges.of(part), part.sources.shape[1]
            yield Surroundings(
                node_feats[start : start + len(part.counts)],
                bond_invariants(gather_rows(neighbor_feats, part.sources), near.sh, self.lmax),
                near,
                edge_vec[part.rows, :n_slots],
                padded.mask[part.rows, :n_slots],
            )
            start += len(part.counts)

    def site_invariants(self, around: Surroundings) -> Tensor:
        """Features of the absorbers that no rotation changes.

        Args:
            around: absorbers and their neighbours.

        Returns:
            Scalars, context and magnitudes, shape (n_absorbers, (lmax + 2) channels).
        """
        scalars = around.features[:, 0]
        context = self.attention(scalars, around.bonds, around.edges)
        return torch.cat([scalars, context, magnitudes(around.features, self.lmax)], dim=1)

    def site_coefficients(self, around: Surroundings) -> Tensor:
        """Coefficients of the absorbers' spectra: a smooth part and waves.

        Args:
            around: absorbers and their neighbours.

        Returns:
            c, shape (n_absorbers, num_basis).
        """
        invariants = self.site_invariants(around)
        coefficients = self.readout(invariants)
        if self.num_amplitudes:
            bonds = torch.cat([around.bonds, around.edges.radial], dim=-1)
            scalars = around.features[:, 0]
            paths, potential = self.paths(scalars, bonds, around.edge_vec, around.mask)
            coefficients = coefficients + self.waves(paths, potential)
        return self.coefficient_mean + self.coefficient_scale * coefficients

    def edge_features(self, edge_vec: Tensor, mask: Tensor) -> EdgeFeatures:
        """Radial basis, spherical harmonics and envelope of padded edges.

        Args:
            edge_vec: r_ij, Angstrom, shape (n_rows, n_slots, 3).
            mask: True where a slot holds an edge, shape (n_rows, n_slots).

        Returns:
            The features, the envelope zero at padding.
        """
        edge_length = torch.linalg.vector_norm(edge_vec, dim=-1)
        degrees = list(range(self.lmax + 1))
        return EdgeFeatures(
            radial=self.radial_basis(edge_length),
            sh=o3.spherical_harmonics(degrees, edge_vec, True, "component"),
            envelope=polynomial_envelope(edge_length, self.r_max) * mask,
        )

    def predict_spectra(self, data: Data, energy_grid: Tensor) -> Tensor:
        """Spectra mu(E) = B(E) c of every absorber.

        Args:
            data: graph or batch, see ``forward``.
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).

        Returns:
            mu, unit of the training target, shape (n_absorbers, n_energies), by graph, then atom.

        Raises:
            ValueError: see ``check_graph``.
            ConfigError: an energy is outside the basis, as absolute ones would be.
        """
        self.check_energies(energy_grid)
        return self(data) @ self.spectral_basis(energy_grid).T

    @torch.no_grad()
    def set_target_statistics(self, energy_grid: Tensor, mean: Tensor, scale: float) -> None:
        """Make the untrained network predict the training set's mean spectrum.

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).
            mean: mean training spectrum, shape (n_energies,).
            scale: typical deviation from the mean, unit of the spectrum, positive.

        Raises:
            ConfigError: an energy is outside the basis, the mean is not finite or of another shape,
                or the scale is not positive and finite.
        """
        self.check_energies(energy_grid)
        if mean.shape != energy_grid.shape or not bool(torch.isfinite(mean).all()):
            raise ConfigError(
                f"`mean` has shape {tuple(mean.shape)} but must be {len(energy_grid)} finite values"
            )
        if not 0 < scale < math.inf:
            raise ConfigError(f"`scale` is {scale} but must be positive and finite")
        self.coefficient_mean.copy_(self.spectral_basis.fit(energy_grid, mean))
        self.coefficient_scale.fill_(scale)
        for output in self.outputs().values():
            for weight in output.parameters():
                nn.init.zeros_(weight)

    def check_energies(self, energy_grid: Tensor) -> None:
        """Refuse energies that the spectral basis does not know.

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).

        Raises:
            ConfigError: another shape, or an energy is not within ``emin`` .. ``emax``.
        """
        if energy_grid.ndim != 1 or len(energy_grid) == 0:
            raise ConfigError(
                f"`energy_grid` has shape {tuple(energy_grid.shape)} but must be (n_energies,)"
            )
        low, high = float(energy_grid.min()), float(energy_grid.max())
        emin, emax = self.hyperparameters["emin"], self.hyperparameters["emax"]
        if not (low >= emin - ROUNDING and high <= emax + ROUNDING):  # NaN is not either
            raise ConfigError(
                f"`energy_grid` is {low:.3f} .. {high:.3f} eV but must be within {emin:.3f} .."
                f" {emax:.3f} eV, relative to the reference energy"
            )

    def outputs(self) -> dict[str, nn.Module]:
        """Last maps, whose results depend on the energy basis, by name."""
        names = ["readout.4"]
        if self.num_amplitudes:
            names += ["paths.single_out", "paths.pair_out"]
        return {name: self.get_submodule(name) for name in names}


def _check_hyperparameters(values: dict[str, Any]) -> None:
    """Raise ConfigError for a constructor argument of another kind or out of its range."""
    check_kinds(values, XANES_E3GNN.__init__.__annotations__)
    for name in ("max_z", "num_layers", "channels", "num_radial", "radial_rank", "num_heads"):
        if values[name] < 1:
            raise ConfigError(f"`{name}` is {values[name]} but must be at least 1")
    for name in ("r_max", "avg_num_neighbors"):
        if not (values[name] > 0 and math.isfinite(values[name])):
            raise ConfigError(f"`{name}` is {values[name]} but must be positive")
    if values["r_max"] > LONGEST_RADIUS:
        raise ConfigError(f"`r_max` is {values['r_max']} but must be at most {LONGEST_RADIUS}")
    if not 0 <= values["lmax"] <= 4:
        raise ConfigError(f"`lmax` is {values['lmax']} but must be within 0 .. 4")
    if values["num_amplitudes"] < 0:
        raise ConfigError(
            f"`num_amplitudes` is {values['num_amplitudes']} but must not be negative"
        )
    for name in ("emin", "emax"):
        if not math.isfinite(values[name]):
            raise ConfigError(f"`{name}` is {values[name]} but must be finite")
    if values["emax"] - values["emin"] > WIDEST_BASIS:
        raise ConfigError(
            f"`emin` {values['emin']} and `emax` {values['emax']} are more than {WIDEST_BASIS} eV"
            " apart"
        )
    if not 0.0 <= values["dropout"] < 1.0:
        raise ConfigError(f"`dropout` is {values['dropout']} but must be within 0 and below 1")

"""The networks of other codes, written plainly on e3nn, with the same call as ours.

Both read the graph that XANES_E3GNN reads and share its radial basis, envelope and spectral basis.
What differs is how messages are made. As in those codes, every atom of the cell is updated in every
layer, and the absorber attends to all atoms of its cell.
"""

import torch
from e3nn import o3
from e3nn.nn import Gate
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import scatter, softmax

from src.model.basis import RadialBasis, SpectralBasis, polynomial_envelope
from src.model.graph_input import edge_vectors


def make_gate(irreps: o3.Irreps) -> Gate:
    """Gate whose output has these irreps: SiLU for scalars, a sigmoid an irrep for the others."""
    scalars = o3.Irreps([part for part in irreps if part.ir.l == 0])
    gated = o3.Irreps([part for part in irreps if part.ir.l > 0])
    gates = o3.Irreps([(gated.num_irreps, "0e")]).simplify()
    return Gate(scalars, [torch.nn.functional.silu], gates, [torch.sigmoid], gated)


def radial_network(num_radial: int, outputs: int) -> nn.Sequential:
    """Radial MLP from the basis to the weights of one edge."""
    return nn.Sequential(nn.Linear(num_radial, 64), nn.SiLU(), nn.Linear(64, outputs, bias=False))


class FullyConnectedLayer(nn.Module):
    """Messages of one fully connected tensor product an edge, averaged over neighbors."""

    def __init__(self, irreps_in: str, irreps_sh: str, irreps: str, num_radial: int) -> None:
        """Make the product, its radial MLP, the self-connection and the gate."""
        super().__init__()
        self.gate = make_gate(o3.Irreps(irreps))
        self.product = o3.FullyConnectedTensorProduct(
            irreps_in, irreps_sh, self.gate.irreps_in, shared_weights=False, internal_weights=False
        )
        self.radial = radial_network(num_radial, self.product.weight_numel)
        self.own = o3.Linear(irreps_in, self.gate.irreps_in)

    def forward(
        self, node_feats: Tensor, edge_index: Tensor, edge_sh: Tensor, edge_radial: Tensor
    ) -> Tensor:
        """Update all atoms, shape (n_atoms, dimension of the irreps)."""
        source, target = edge_index
        weights = self.radial(edge_radial)
        messages = self.product(node_feats[source], edge_sh, weights)
        mean = scatter(messages, target, dim=0, dim_size=len(node_feats), reduce="mean")
        return self.gate(self.own(node_feats) + mean)


class ChannelwiseLayer(nn.Module):
    """Messages of one channel-wise ("uvu") tensor product an edge, summed, then mixed an atom.

    The form of NequIP (arXiv:2101.03164, eq. 9) and MACE (arXiv:2206.07697, eq. 8).
    """

    def __init__(
        self, irreps_in: str, irreps_sh: str, irreps: str, num_radial: int, avg_num_neighbors: float
    ) -> None:
        """Make the product, its radial MLP, the linear maps and the gate."""
        super().__init__()
        self.gate = make_gate(o3.Irreps(irreps))
        self.message_scale = avg_num_neighbors**-0.5
        first, second = o3.Irreps(irreps_in), o3.Irreps(irreps_sh)
        wanted = {part.ir for part in o3.Irreps(irreps)}
        paths = [
            (i, j, part.mul, ir)
            for i, part in enumerate(first)
            for j, harmonic in enumerate(second)
            for ir in part.ir * harmonic.ir
            if ir in wanted
        ]
        # sorted, so that the linear map sees one block a degree
        order = sorted(range(len(paths)), key=lambda k: paths[k][3])
        middle = o3.Irreps([(paths[k][2], paths[k][3]) for k in order])
        instructions = [(paths[k][0], paths[k][1], n, "uvu", True) for n, k in enumerate(order)]
        self.linear_source = o3.Linear(first, first)
        self.product = o3.TensorProduct(
            first, second, middle, instructions, shared_weights=False, internal_weights=False
        )
        self.radial = radial_network(num_radial, self.product.weight_numel)
        self.mix = o3.Linear(middle.simplify(), self.gate.irreps_in)
        self.own = o3.Linear(first, self.gate.irreps_in)

    def forward(
        self, node_feats: Tensor, edge_index: Tensor, edge_sh: Tensor, edge_radial: Tensor
    ) -> Tensor:
        """Update all atoms, shape (n_atoms, dimension of the irreps)."""
        source, target = edge_index
        weights = self.radial(edge_radial)
        messages = self.product(self.linear_source(node_feats)[source], edge_sh, weights)
        total = scatter(messages, target, dim=0, dim_size=len(node_feats), reduce="sum")
        return self.gate(self.own(node_feats) + self.mix(total * self.message_scale))


class CellAttention(nn.Module):
    """Context of an absorber: attention over the scalars of all atoms of its cell."""

    def __init__(self, channels: int, num_heads: int) -> None:
        """Make query, key and value maps."""
        super().__init__()
        self.num_heads, self.scale = num_heads, (channels // num_heads) ** -0.5
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)

    def forward(self, scalars: Tensor, absorbers: Tensor, graph: Tensor) -> Tensor:
        """Attend.

        Args:
            scalars: l = 0 features, shape (n_atoms, channels).
            absorbers: their atom numbers, shape (n_absorbers,).
            graph: graph of every atom, shape (n_atoms,).

        Returns:
            Context, shape (n_absorbers, channels).
        """
        row, atom = (graph[absorbers].unsqueeze(1) == graph).nonzero().T
        query = self.query(scalars[absorbers]).unflatten(1, (self.num_heads, -1))
        key, value = self.key_value(scalars).unflatten(1, (2, self.num_heads, -1)).unbind(1)
        logits = (query[row] * key[atom]).sum(-1) * self.scale
        weight = softmax(logits, row, num_nodes=len(absorbers))
        messages = (weight.unsqueeze(-1) * value[atom]).flatten(1)
        return scatter(messages, row, dim=0, dim_size=len(absorbers), reduce="sum")


class Reference(nn.Module):
    """What both networks have in common: geometry, layers, attention, readout at the absorbers."""

    def __init__(self, layers: list[nn.Module], lmax: int, channels: int, r_max: float) -> None:
        """Put the parts around some layers.

        Args:
            layers: interaction layers; the first reads scalars alone.
            lmax: highest degree of the harmonics.
            channels: l = 0 channels.
            r_max: cutoff radius, Angstrom.
        """
        super().__init__()
        self.irreps_sh = o3.Irreps.spherical_harmonics(lmax)
        self.channels, self.r_max = channels, r_max
        self.embedding = nn.Embedding(101, channels)
        self.radial_basis = RadialBasis(8, r_max)
        self.layers = nn.ModuleList(layers)
        self.attention = CellAttention(channels, num_heads=4)
        self.readout = nn.Sequential(
            nn.Linear(2 * channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, 128)
        )
        self.spectral_basis = SpectralBasis(128, (0.1, 0.5, 1.0), -10.0, 50.0)

    def predict_spectra(self, data: Data, energy_grid: Tensor) -> Tensor:
        """Spectra of every absorber.

        Args:
            data: graph or batch as ``XANES_E3GNN`` takes it.
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).

        Returns:
            mu, shape (n_absorbers, n_energies), by graph, then atom.
        """
        edge_vec = edge_vectors(data, self.embedding.weight.dtype)
        edge_length = torch.linalg.vector_norm(edge_vec, dim=1)
        edge_sh = o3.spherical_harmonics(self.irreps_sh, edge_vec, True, "component")
        envelope = polynomial_envelope(edge_length, self.r_max)
        edge_radial = self.radial_basis(edge_length) * envelope.unsqueeze(1)
        node_feats = self.embedding(data.z)
        for layer in self.layers:
            node_feats = layer(node_feats, data.edge_index, edge_sh, edge_radial)
        scalars = node_feats[:, : self.channels]
        absorbers = data.absorber_mask.nonzero().squeeze(1)
        graph = data.get("batch")
        graph = torch.zeros_like(data.z) if graph is None else graph
        context = self.attention(scalars, absorbers, graph)
        coefficients = self.readout(torch.cat([scalars[absorbers], context], dim=1))
        return coefficients @ self.spectral_basis(energy_grid).T


class FullyConnectedReference(Reference):
    """One ``e3nn.o3.FullyConnectedTensorProduct`` an edge, weights of its own from a radial MLP."""

    def __init__(
        self, irreps: str = "64x0e+32x1o+16x2e", num_layers: int = 4, r_max: float = 5.0
    ) -> None:
        """Build the network.

        Args:
            irreps: hidden features, l = 0 first.
            num_layers: layers.
            r_max: cutoff radius, Angstrom.
        """
        hidden = o3.Irreps(irreps)
        channels, lmax = hidden[0].mul, hidden.lmax
        irreps_sh = str(o3.Irreps.spherical_harmonics(lmax))
        inputs = [f"{channels}x0e"] + [irreps] * (num_layers - 1)
        layers: list[nn.Module] = [FullyConnectedLayer(one, irreps_sh, irreps, 8) for one in inputs]
        super().__init__(layers, lmax, channels, r_max)


class ChannelwiseReference(Reference):
    """One channel-wise ``e3nn.o3.TensorProduct`` an edge, mixed an atom."""

    def __init__(
        self,
        channels: int = 64,
        lmax: int = 2,
        num_layers: int = 4,
        r_max: float = 5.0,
        avg_num_neighbors: float = 40.0,
    ) -> None:
        """Build the network.

        Args:
            channels: channels of each degree.
            lmax: highest degree.
            num_layers: layers.
            r_max: cutoff radius, Angstrom.
            avg_num_neighbors: constant that sums are divided by the root of.
        """
        irreps_sh = str(o3.Irreps.spherical_harmonics(lmax))
        irreps = str(o3.Irreps([(channels, (l, (-1) ** l)) for l in range(lmax + 1)]))
        inputs = [f"{channels}x0e"] + [irreps] * (num_layers - 1)
        layers: list[nn.Module] = [
            ChannelwiseLayer(one, irreps_sh, irreps, 8, avg_num_neighbors) for one in inputs
        ]
        super().__init__(layers, lmax, channels, r_max)

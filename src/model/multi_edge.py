"""One network for the spectra of many absorbers, at several edges and by several codes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from .gnn import ABSORBERS_AT_ONCE, XANES_E3GNN
from .graph_input import Graph


class MultiEdgeNetwork(XANES_E3GNN):
    r"""``XANES_E3GNN`` whose absorbers differ in element z, edge e and code p.

        s_i = scalars of h_i^T + u_e + v_p
        c_i = c_mean[e, z_i] + c_scale[e, z_i] (MLP(x_i) + chi_i on the basis B)

    u and v are learned; the readout and the scattering paths see s_i in place of the scalars. The
    energies of a spectrum count from a reference of its element and edge, and it is divided by
    their edge step, so that spectra of all elements are alike; see ``EdgeScale``.

    A graph names edge and code of every absorber by their numbers in ``hyperparameters["edges"]``
    and ``["codes"]``: ``core_level`` and ``code``, both (n_absorbers,).
    """

    def __init__(self, edges: Sequence[str], codes: Sequence[str], **hyperparameters: Any) -> None:
        """Build the network.

        Args:
            edges: absorption edges, such as K.
            codes: codes of the calculations, with their versions.
            hyperparameters: those of ``XANES_E3GNN``.
        """
        super().__init__(**hyperparameters)
        self.edges, self.codes = list(edges), list(codes)
        channels = self.hyperparameters["channels"]
        self.edge_embedding = nn.Embedding(len(self.edges), channels)
        self.code_embedding = nn.Embedding(len(self.codes), channels)
        for embedding in (self.edge_embedding, self.code_embedding):
            nn.init.zeros_(embedding.weight)
        self.hyperparameters |= {"edges": self.edges, "codes": self.codes}
        shape = len(self.edges), self.max_z + 1
        self.coefficient_mean = torch.zeros(*shape, self.hyperparameters["num_basis"])
        self.coefficient_scale = torch.ones(shape)

    def forward(self, data: Graph) -> Tensor:
        """Coefficients of every absorber's normalized spectrum, see ``XANES_E3GNN.forward``."""
        marks = self.edge_embedding(data.core_level) + self.code_embedding(data.code)  # u + v
        deviations = []
        for sites, mark in zip(self.sites(data), marks.split(ABSORBERS_AT_ONCE), strict=True):
            scalars = sites.features[:, :1] + mark.unsqueeze(1)
            marked = torch.cat([scalars, sites.features[:, 1:]], dim=1)
            deviations.append(self.deviations(sites._replace(features=marked)))
        place = data.core_level, data.z[data.absorber_mask]
        scale = self.coefficient_scale[place].unsqueeze(1)
        return self.coefficient_mean[place] + scale * torch.cat(deviations)

    @torch.no_grad()
    def set_table(self, energy_grid: Tensor, mean: Tensor, scale: Tensor) -> None:
        """Make the untrained network predict a mean spectrum of every element and edge.

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).
            mean: normalized spectra, shape (n_edges, max_z + 1, n_energies).
            scale: typical deviation from them, positive, shape (n_edges, max_z + 1).
        """
        self.check_energies(energy_grid)
        flat = mean.flatten(0, 1).T  # (n_energies, n)
        self.coefficient_mean.copy_(
            self.spectral_basis.fit(energy_grid, flat).T.reshape(self.coefficient_mean.shape)
        )
        self.coefficient_scale.copy_(scale)
        for output in self.outputs().values():
            for weight in output.parameters():
                nn.init.zeros_(weight)

    @torch.no_grad()
    def specialize(self, z: int, edge: str, code: str, constant: float) -> XANES_E3GNN:
        """The same network for one element, edge and code alone.

        u + v is a bias of the scalars, as the last layer, which only updates absorbers, has one.

        Args:
            z: atomic number of the absorbers.
            edge: one of the network's edges.
            code: one of its codes.
            constant: what spectra of this element and edge were divided by, their unit.

        Returns:
            A network whose spectra are in that unit.

        Raises:
            ConfigError: the network does not know the edge or the code.
        """
        for name, value, known in (("edge", edge, self.edges), ("code", code, self.codes)):
            if value not in known:
                raise ConfigError(f"`{name}` is {value} but the model knows {', '.join(known)}")
        number, source = self.edges.index(edge), self.codes.index(code)
        own = {k: v for k, v in self.hyperparameters.items() if k not in ("edges", "codes")}
        network = XANES_E3GNN(**own)
        weights = {k: v for k, v in self.state_dict().items() if k in network.state_dict()}
        weights["coefficient_mean"] = constant * self.coefficient_mean[number, z]
        weights["coefficient_scale"] = constant * self.coefficient_scale[number, z]
        last = f"layers.{self.num_layers - 1}.norm.bias"
        mark = self.edge_embedding.weight[number] + self.code_embedding.weight[source]
        weights[last] = weights[last] + mark
        network.to(mark).load_state_dict(weights)
        return network.train(self.training)

"""The network as called in training: from a process's part of a batch to spectra."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from ..dataset.batch import mean_rows
from ..errors import ConfigError
from ..model.gnn import XANES_E3GNN


class SpectraNetwork(nn.Module):
    """Spectra of a part of a batch, as one ``forward``.

    Gradients of several processes meet only in modules called by ``forward``, and every process
    must call it: an empty part has no spectra but a zero that gives every weight a zero gradient.
    """

    def __init__(self, model: XANES_E3GNN, precision: str = "float32") -> None:
        """Wrap a network; its weights are shared, not copied.

        With ``precision`` "bfloat16" what ``torch.autocast`` allows is done in it; the spectral
        basis, whose functions differ by less than bfloat16 resolves, stays in the network's type.

        Raises:
            ConfigError: mixed precision of a network that is not float32.
        """
        super().__init__()
        self.model, self.mixed = model, precision == "bfloat16"
        if self.mixed and model.coefficient_mean.dtype != torch.float32:
            raise ConfigError(
                f"`precision` is bfloat16 but the network is {model.coefficient_mean.dtype};"
                " mixed precision is for float32"
            )

    def forward(self, batch: Data | None, energy_grid: Tensor) -> Tensor:
        """Spectra on ``energy_grid``, eV relative to the reference energy, shape (n_energies,).

        Returns:
            mu, shape (n_rows, n_energies), see ``mean_rows``; for an empty part, None, a zero of
            shape () that depends on every weight.
        """
        if batch is None:
            # sums of nothing: a weight times zero would be NaN where the weight is not finite
            empty = [weight.flatten()[:0].sum() for weight in self.model.parameters()]
            return torch.stack(empty).sum()
        model = self.model
        with torch.autocast(energy_grid.device.type, torch.bfloat16, enabled=self.mixed):
            coefficients = model(batch)
        coefficients = mean_rows(coefficients, batch.get("row_of_site"))  # as mu is linear in them
        return coefficients.to(energy_grid.dtype) @ model.spectral_basis(energy_grid).T

"""Spectra and loss of one batch, in training and in validation."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from ..dataset.batch import mean_rows
from ..model.gnn import XANES_E3GNN

Row = dict[str, float]
"""Metrics of an epoch: epoch, lr, train_* and val_* terms of the loss, seconds."""


def training_spectra(
    model: XANES_E3GNN, batch: Data, energy_grid: Tensor, precision: str = "float32"
) -> Tensor:
    """Spectra of a batch, with gradients.

    Args:
        model: network, in training mode.
        batch: graphs.
        energy_grid: energies relative to the reference energy, eV, shape (n_energies,).
        precision: "bfloat16": what ``torch.autocast`` allows is done in it; the spectral basis,
            whose functions differ by less than bfloat16 resolves, keeps the network's type.

    Returns:
        mu, shape (n_rows, n_energies), see ``mean_rows``.
    """
    with torch.autocast(energy_grid.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        coefficients = model(batch)
    coefficients = mean_rows(coefficients, batch.get("row_of_site"))  # as mu is linear in them
    return coefficients.to(energy_grid.dtype) @ model.spectral_basis(energy_grid).T


@torch.no_grad()
def validation_terms(
    network: XANES_E3GNN,
    part: Data | None,
    energy_grid: Tensor,
    scored: Tensor,
    criterion: nn.Module,
) -> Tensor:
    """Terms of the loss summed over the spectra of a batch, and the number of spectra.

    Args:
        network: network, in evaluation mode.
        part: graphs; None: there are none.
        energy_grid: energies of ``y``, eV, shape (n_energies,).
        scored: which of them count, bool, shape (n_energies,), on the same device.
        criterion: a ``SpectrumLoss``.

    Returns:
        total, mse, gradient and number, float64, shape (4,); zeros where no spectrum has a scored
        energy.
    """
    if part is None or not bool(part.y_mask[:, scored.cpu()].any()):
        return torch.zeros(4, dtype=torch.float64)
    part = part.to(energy_grid.device, non_blocking=True)
    spectra = mean_rows(network.predict_spectra(part, energy_grid), part.get("row_of_site"))
    target, mask = part.y.to(spectra.dtype)[:, scored], part.y_mask[:, scored]
    terms = criterion(spectra[:, scored], target, energy_grid[scored], mask=mask)
    n_spectra = mask.any(dim=1).sum()
    return (n_spectra * torch.stack([*terms, torch.ones_like(terms[0])]).double()).cpu()


def named_terms(prefix: str, terms: Tensor) -> Row:
    """Name the three terms of a loss."""
    total, mse, gradient = terms.tolist()
    return {f"{prefix}_total": total, f"{prefix}_mse": mse, f"{prefix}_gradient": gradient}

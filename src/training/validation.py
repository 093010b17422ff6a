"""Terms of the validation loss, summed over graphs."""

import math

import torch
from torch import Tensor
from torch_geometric.data import Data

from ..dataset.batch import mean_rows
from ..loss import SpectrumLoss
from ..model.gnn import XANES_E3GNN
from .state import Row


@torch.no_grad()
def sum_loss(
    network: XANES_E3GNN,
    part: Data | None,
    energy_grid: Tensor,
    window: tuple[float, float] | None,
    lambda_grad: float,
) -> Tensor:
    """Terms of the loss summed over the spectra of a batch, and the number of spectra.

    Args:
        network: network, in evaluation mode.
        part: graphs; None: there are none.
        energy_grid: energies of ``y``, eV, shape (n_energies,).
        window: first and last energy that count, eV; None: all.
        lambda_grad: weight of the derivative term, eV^2.

    Returns:
        total, mse, gradient and number, float64, shape (4,); zeros where no spectrum has an energy
        in the window.
    """
    low, high = window or (-math.inf, math.inf)
    inside = (energy_grid >= low - 1e-6) & (energy_grid <= high + 1e-6)
    if part is None or not bool(part.y_mask[:, inside.cpu()].any()):
        return torch.zeros(4, dtype=torch.float64)
    part = part.to(energy_grid.device, non_blocking=True)
    spectra = mean_rows(network.predict_spectra(part, energy_grid), part.get("row_of_site"))
    prediction = spectra[:, inside]
    target, mask = part.y.to(prediction.dtype)[:, inside], part.y_mask[:, inside]
    terms = SpectrumLoss(lambda_grad)(prediction, target, energy_grid[inside], mask=mask)
    n_spectra = mask.any(dim=1).sum()
    return (n_spectra * torch.stack([*terms, torch.ones_like(terms[0])]).double()).cpu()


def named_terms(prefix: str, terms: Tensor) -> Row:
    """Name the three terms of a loss."""
    total, mse, gradient = terms.tolist()
    return {f"{prefix}_total": total, f"{prefix}_mse": mse, f"{prefix}_gradient": gradient}

"""Validation: the loss of a network on graphs that it was not trained on."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch_geometric.data import Data

from ..dataset.batch import mean_rows
from ..errors import ConfigError
from ..loss import SpectrumLoss
from ..model.gnn import XANES_E3GNN
from ..runtime.distributed import Team


@torch.no_grad()
def mean_loss(
    network: XANES_E3GNN,
    parts: Iterable[Data | None],
    energy_grid: Tensor,
    window: tuple[float, float] | None,
    lambda_grad: float,
    team: Team,
) -> Tensor:
    """Mean terms of the loss over the spectra of all processes; every spectrum counts once.

    Args:
        network: network, in evaluation mode.
        parts: this process's graphs, in batches; None: no part in a batch.
        energy_grid: energies of ``y``, eV, shape (n_energies,).
        window: first and last energy that count, eV; None: all.
        lambda_grad: weight of the derivative term, eV^2.
        team: the processes.

    Returns:
        total, mse and gradient, float64, shape (3,).

    Raises:
        ConfigError: no spectrum has an energy in the window.
    """
    sums = team.total(sum_loss(network, parts, energy_grid, window, lambda_grad))
    if not sums[3] > 0:
        low, high = window or (-math.inf, math.inf)
        raise ConfigError(f"no validation spectrum has an energy within {low:g} .. {high:g} eV")
    return sums[:3] / sums[3]


@torch.no_grad()
def sum_loss(
    network: XANES_E3GNN,
    parts: Iterable[Data | None],
    energy_grid: Tensor,
    window: tuple[float, float] | None,
    lambda_grad: float,
) -> Tensor:
    """Terms of the loss summed over spectra, and the number of spectra: float64, shape (4,).

    Args: see ``mean_loss``.
    """
    low, high = window or (-math.inf, math.inf)
    inside = (energy_grid >= low - 1e-6) & (energy_grid <= high + 1e-6)
    score = SpectrumLoss(lambda_grad)
    sums = torch.zeros(4, dtype=torch.float64)  # the three terms and the number of spectra
    for part in parts:
        if part is None or not bool(part.y_mask[:, inside].any()):
            continue
        part = part.to(energy_grid.device, non_blocking=True)
        spectra = mean_rows(network.predict_spectra(part, energy_grid), part.get("row_of_site"))
        prediction = spectra[:, inside]
        target, mask = part.y.to(prediction.dtype)[:, inside], part.y_mask[:, inside]
        terms = score(prediction, target, energy_grid[inside], mask=mask)
        n_spectra = mask.any(dim=1).sum()
        sums += (n_spectra * torch.stack([*terms, torch.ones_like(terms[0])]).double()).cpu()
    return sums

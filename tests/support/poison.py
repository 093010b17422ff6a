"""Losses, gradients and weights that are not finite, for the tests that inject them."""

import torch
from conftest import random_molecule

from src import SpectrumLoss, TrainingConfig
from src.loss import SpectrumLossTerms
from src.model.gnn import XANES_E3GNN

ENERGY = torch.linspace(-10.0, 30.0, 41)
MARK = 7.0
"""A spectrum that holds this number is poison to ``Poison``; others are far below it."""
HUGE = 3e38
"""A weight that is finite, but of which two add up to infinity."""


class Poison(SpectrumLoss):
    """A loss that is not finite, or whose gradient is not, for one spectrum."""

    def __init__(self, kind):
        """Keep the kind: loss, gradient or none."""
        super().__init__()
        self.kind = kind

    def forward(self, prediction, target, energy_grid, weights=None, mask=None):
        """The loss, poisoned where the mark is among the targets."""
        terms = super().forward(prediction, target, energy_grid, weights, mask)
        if self.kind == "none" or not bool((target == MARK).any()):
            return terms
        if self.kind == "loss":
            return SpectrumLossTerms(terms.total * float("nan"), terms.mse, terms.gradient)
        zero = (prediction - prediction).square().sum().sqrt()  # 0, with the slope 0 / 0
        return SpectrumLossTerms(terms.total + zero, terms.mse, terms.gradient)


def graphs(n_graphs, first_seed=0, poisoned=None):
    """Molecules with Gaussian spectra, one of which may hold the mark."""
    made = []
    for seed in range(first_seed, first_seed + n_graphs):
        graph = random_molecule(seed, n_atoms=5)
        centers = torch.linspace(-5.0, 25.0, 12)[[seed % 12, (seed + 5) % 12]]
        graph.y = torch.exp(-((ENERGY - centers[:, None]) ** 2) / 40)
        graph.pos, graph.edge_shift = graph.pos.float(), None
        made.append(graph)
    if poisoned is not None:
        made[poisoned].y[1, 3] = MARK
    return made


def network():
    """A small network."""
    torch.manual_seed(0)
    return XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=24, dropout=0.2)


def settings(folder, name, **changes):
    """A training with all its files."""
    paths = {
        f"{kind}_path": folder / f"{name}.{ending}"
        for kind, ending in (("save", "pt"), ("checkpoint", "ckpt"), ("metrics", "csv"))
    }
    values = {"epochs": 3, "lr": 3e-3, "batch_size": 4, "seed": 1, **changes}
    return TrainingConfig(energy_grid=ENERGY, **paths, **values)


def poison_element(model, number):
    """Make the embedding of one element overflow; all weights stay finite."""
    with torch.no_grad():
        model.embedding.weight[number] = HUGE
    return model

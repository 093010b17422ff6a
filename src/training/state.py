"""The state of a training: everything that is needed to continue it."""

import math
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ..model.gnn import XANES_E3GNN
from .step import Row

MODULES = ("model", "averaged", "optimizer")
"""Fields that have a state of their own."""
no_terms = partial(torch.zeros, 3, dtype=torch.float64)


@dataclass
class TrainingState:
    """How far a training has come, the same on all processes.

    It has no random generator: the order of batches, dropout and displacements follow from seed,
    epoch and batch alone. Nor has it a schedule, which is a function of epoch and batch.
    """

    model: XANES_E3GNN
    """Network that is trained."""
    averaged: AveragedModel
    """Exponential average of its weights, which is validated and saved."""
    optimizer: torch.optim.Optimizer
    """AdamW with its moments."""
    epoch: int = 0
    """Epochs done."""
    batch: int = 0
    """Batches done of the current epoch."""
    sums: Tensor = field(default_factory=no_terms)
    """Terms of the loss summed over the spectra of these batches, float64, shape (3,)."""
    n_seen: int = 0
    """Number of these spectra."""
    seconds: float = 0.0
    """Seconds spent on these batches when the state was written."""
    best_epoch: int = -1
    """Epoch that validated best, from 0; -1: none yet."""
    best_val: float = math.inf
    """Its validation error."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    """Its averaged weights."""
    rows: list[Row] = field(default_factory=list)
    """Metrics of all epochs done."""

    def add_batch(self, terms: Tensor, n_spectra: int) -> None:
        """Count a batch with mean loss terms ``terms``, shape (3,)."""
        self.sums = self.sums + n_spectra * terms
        self.n_seen += n_spectra
        self.batch += 1

    def add_epoch(self, row: Row) -> None:
        """Count an epoch; its averaged weights are kept if it validated best."""
        if row["val_mse"] < self.best_val:
            self.best_val, self.best_epoch = row["val_mse"], self.epoch
            weights = self.averaged_network.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}
        self.rows = [*self.rows, row]
        self.epoch += 1
        self.batch, self.sums, self.n_seen, self.seconds = 0, no_terms(), 0, 0.0

    @property
    def averaged_network(self) -> XANES_E3GNN:
        """The network with averaged weights."""
        return cast(XANES_E3GNN, self.averaged.module)

    def state_dict(self) -> dict[str, Any]:
        """All fields by name, as tensors and plain values."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return values | {name: values[name].state_dict() for name in MODULES}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        for entry in fields(self):
            if entry.name in MODULES:
                getattr(self, entry.name).load_state_dict(state[entry.name])
            else:
                setattr(self, entry.name, state[entry.name])

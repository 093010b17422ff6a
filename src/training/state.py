"""How far a training has come, as plain values that a state file keeps."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from .metrics_file import Row


def _no_terms() -> Tensor:
    """Sum of no loss terms."""
    return torch.zeros(3, dtype=torch.float64)


@dataclass
class Progress:
    """What is done, and what came of it; all but the weights and the optimiser's moments."""

    epoch: int = 0
    """Epochs done."""
    batch: int = 0
    """Batches done of the epoch that is under way."""
    sums: Tensor = field(default_factory=_no_terms)
    """Terms of the loss, summed over the spectra of these batches, float64, shape (3,)."""
    n_seen: int = 0
    """Number of these spectra."""
    skipped: int = 0
    """Batches of this epoch that were left out, their loss or gradient not being finite."""
    left_out: list[str] = field(default_factory=list)
    """Records, or numbers of graphs, that made them so; all of a batch where one can't tell."""
    seconds: float = 0.0
    """Seconds spent on these batches."""
    slowed: float = 1.0
    """Factor of all learning rates; below 1 after the loss has exploded."""
    best_epoch: int = -1
    """Epoch that validated best, from 0; -1: none yet."""
    best_val: float = math.inf
    """Its validation error."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    """Its averaged weights."""
    rows: list[Row] = field(default_factory=list)
    """Metrics of all epochs done."""

    def add_batch(self, terms: Tensor, n_spectra: int) -> None:
        """Count a batch; ``terms``: its mean loss terms, shape (3,)."""
        self.sums = self.sums + n_spectra * terms
        self.n_seen += n_spectra
        self.batch += 1

    def skip_batch(self, names: list[str]) -> None:
        """Count a batch that was left out, and what made it not finite."""
        self.skipped += 1
        self.left_out = [*self.left_out, *(name for name in names if name not in self.left_out)]
        self.batch += 1

    def end_epoch(self, row: Row, weights: dict[str, Tensor]) -> None:
        """Count an epoch; its weights are kept if it validated best."""
        if row["val_mse"] < self.best_val:
            self.best_val, self.best_epoch = row["val_mse"], self.epoch
            self.best_weights = {name: value.clone() for name, value in weights.items()}
        self.rows = [*self.rows, row]
        self.epoch += 1
        self.batch, self.sums, self.n_seen, self.seconds = 0, _no_terms(), 0, 0.0
        self.skipped, self.left_out = 0, []

    def hours(self) -> float:
        """Time that the epochs done took, in all processes one after the other, in hours."""
        return sum(row["seconds"] for row in self.rows) / 3600.0

    def values(self) -> dict[str, Any]:
        """The fields by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def of(cls, state: dict[str, Any]) -> "Progress":
        """The part of a state that is progress; version 0.1.0 kept none within an epoch."""
        return cls(**{e.name: state[e.name] for e in fields(cls) if e.name in state})

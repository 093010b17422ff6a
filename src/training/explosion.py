"""A loss that explodes: what counts as one, and what is tried."""

import math
from collections.abc import Sequence

from ..errors import ConfigError
from .logbook import Row

FACTOR = 10.0
"""A training loss this many times the lowest of all earlier epochs has exploded."""
SETTLED = 3
"""Epochs before which nothing is compared; a loss may rise from the mean spectrum's at first."""
SLOWER = 0.5
"""Factor of the learning rate after an explosion."""


class LossExplosion(ConfigError):
    """The loss, or its gradient, is not finite or far above what it was."""


def check_row(row: Row, earlier: Sequence[Row]) -> None:
    """Raise LossExplosion where the figures of an epoch are not finite or have exploded.

    Args:
        row: figures of the epoch.
        earlier: those of the epochs before it.
    """
    for name, value in row.items():
        if name.startswith(("train_", "val_")) and not math.isfinite(value):
            raise LossExplosion(f"epoch {row['epoch']:g}: {name} is {value}")
    lowest = min((before["train_total"] for before in earlier), default=math.inf)
    if len(earlier) >= SETTLED and row["train_total"] > FACTOR * lowest:
        raise LossExplosion(
            f"epoch {row['epoch']:g}: train_total is {row['train_total']:.4g}, over"
            f" {FACTOR:g} times the lowest before, {lowest:.4g}"
        )

"""A loss that explodes: what counts as one, and what is tried."""

import math
from collections.abc import Sequence

from ..errors import ConfigError
from .metrics_file import Row

FACTOR = 10.0
"""A training loss this many times the lowest of all earlier epochs has exploded."""
SETTLED = 3
"""Epochs before which nothing is compared; a loss may rise from the mean spectrum's at first."""
SLOWER = 0.5
"""Factor of the learning rate after an explosion."""

TERMS = tuple(f"{of}_{term}" for of in ("train", "val") for term in ("mse", "gradient", "total"))
"""Figures that must be finite, the one to be named first."""


class LossExplosion(ConfigError):
    """The loss, or its gradient, is not finite or far above what it was."""


def check_row(row: Row, earlier: Sequence[Row]) -> None:
    """Raise LossExplosion where the figures of an epoch are not finite or have exploded.

    Args:
        row: figures of the epoch.
        earlier: those of the epochs before it.
    """
    for name in TERMS:
        if not math.isfinite(row.get(name, 0.0)):
            raise LossExplosion(f"epoch {row['epoch']:g}: {name} is {row[name]}")
    lowest = min((before["train_total"] for before in earlier), default=math.inf)
    if len(earlier) >= SETTLED and row["train_total"] > FACTOR * lowest:
        raise LossExplosion(
            f"epoch {row['epoch']:g}: train_total is {row['train_total']:.4g}, over"
            f" {FACTOR:g} times the lowest before, {lowest:.4g}"
        )

"""Figures of a training: a row an epoch, and the files they go to."""

import csv
import io
from pathlib import Path

from ..config import TrainingConfig
from ..errors import ConfigError
from ..files.durable import write_text_durably

Row = dict[str, float]
"""One line of the metrics: epoch, lr, train_* and val_* terms of the loss, seconds; ``skipped``
where batches may be left out."""


def check_folders(config: TrainingConfig) -> None:
    """Raise ConfigError before the training where its files could not be written after it."""
    for name in ("save_path", "checkpoint_path", "metrics_path"):
        path = getattr(config, name)
        if path is not None and not Path(path).parent.is_dir():
            raise ConfigError(f"`{name}` is {path} but the folder {Path(path).parent} is not there")


def write_metrics(path: Path, rows: list[Row]) -> None:
    """Write the metrics of all epochs as CSV, replacing the file in one step."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text_durably(path, out.getvalue())

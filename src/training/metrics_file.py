"""Figures of a training: a row an epoch, and the files they go to."""

import csv
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ConfigError
from ..runtime.atomic_files import write_text_durably
from ..runtime.logs import logged_to
from .config import TrainingConfig

logger = logging.getLogger(__name__)
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


class LogFile(logging.FileHandler):
    """A file of what is logged, whose failure is told once and ends no training."""

    failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, a name of logging's
        """Say, to the other handlers, that the file can't be written."""
        if not self.failed:
            self.failed = True
            logger.warning("%s: can't be written, lines are missing in it", self.baseFilename)

    def close(self) -> None:
        """Close the file, with or without the lines that it could not take."""
        with suppress(OSError):
            super().close()


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Write what the library logs to the end of a file as well."""
    handler = LogFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    try:
        with logged_to(handler):
            yield
    finally:
        handler.close()

"""Files of a training: its output folder, metrics and log."""

import csv
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ConfigError
from ..runtime.atomic_files import versions, write_text_durably
from ..runtime.streams import logged_to
from .config import TrainingConfig
from .state import Row

logger = logging.getLogger(__name__)
WRITTEN = ("last.ckpt", "model.pt", "metrics.csv", "config.yaml", "training.png")
"""Files of an output folder that are written beside their place."""


def prepare_folder(folder: Path, resume: bool) -> set[str]:
    """Make the output folder, or check that it holds what a training can go on from.

    Returns:
        Names of what was there before.

    Raises:
        ConfigError: it already holds a training, or none to resume.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; name a folder")
    if resume and not versions(folder / "last.ckpt"):
        raise ConfigError(
            f"{folder}: nothing to resume, there is no last.ckpt; a training that ended before its"
            " first state begins without --resume"
        )
    if not resume and holds_training(folder):
        raise ConfigError(f"{folder}: already holds a training; give --resume or another folder")
    folder.mkdir(parents=True, exist_ok=True)
    return {path.name for path in folder.iterdir()}


def keep_config(path: Path, config: str) -> None:
    """Write the settings; another file of that name, such as one given to `--config`, is kept."""
    if not path.exists() or path.read_bytes() != config.encode():
        write_text_durably(path, config, keep=2)


def remove_if_not_begun(folder: Path, there: set[str]) -> None:
    """Take away what was written for a training that was refused before its first batch.

    Args:
        folder: output folder.
        there: names in it that are older than the training.
    """
    if holds_training(folder):
        return
    for name in {"config.yaml", "log.txt"} - there:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # not empty, so not ours alone
        folder.rmdir()


def holds_training(folder: Path) -> bool:
    """Whether a folder has what a training, or one of several members, leaves."""
    left = any((folder / name).exists() for name in ("model.pt", "metrics.csv"))
    return left or bool(versions(folder / "last.ckpt")) or any(folder.glob("member-*/last.ckpt"))


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

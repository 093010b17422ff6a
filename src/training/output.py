"""The output folder of a training."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import yaml

from ..dataset.location import DatabaseURL
from ..errors import ConfigError, XanesError
from ..runtime.atomic_files import (
    MODEL_FILE,
    hold,
    remove_leftovers,
    versions,
    write_text_durably,
)
from ..runtime.logs import log_file
from ..runtime.provenance import hide_passwords
from .config import TrainJob
from .step import Row

WRITTEN = ("last.ckpt", MODEL_FILE, "metrics.csv", "config.yaml", "training.png")
"""Files of an output folder that are written beside their place."""


@contextmanager
def output_folder(folder: Path, resume: bool) -> Iterator[None]:
    """Make the output folder of a training or check it, lock it, and log to its log.txt.

    What was written for a training that is refused before its first state is removed.

    Raises:
        ConfigError: see ``check_folder``; or another process works in the folder.
    """
    check_folder(folder, resume)
    folder.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in folder.iterdir()}
    try:
        with hold(folder / "log.txt"):
            remove_leftovers(folder, WRITTEN)
            with log_file(folder / "log.txt"):
                yield
    except XanesError:
        if not contains_training(folder):
            for name in {"config.yaml", "log.txt"} - before:
                (folder / name).unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                folder.rmdir()
        raise


def check_folder(folder: Path, resume: bool) -> None:
    """Check the output folder of a training, or of several members.

    Raises:
        ConfigError: it already contains a training, or none to resume, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; name a folder")
    if resume and not contains_state(folder):
        raise ConfigError(
            f"{folder}: nothing to resume, it has no last.ckpt; a training that ended before its"
            " first state starts without --resume"
        )
    if not resume and contains_training(folder):
        raise ConfigError(f"{folder}: already contains a training; --resume or another folder")


def contains_training(folder: Path) -> bool:
    """Whether a folder has what a training, or one of several members, leaves."""
    left = any((folder / name).exists() for name in (MODEL_FILE, "metrics.csv"))
    return left or contains_state(folder)


def contains_state(folder: Path) -> bool:
    """Whether a folder has the state of a training, or of a member."""
    return bool(versions(folder / "last.ckpt")) or any(folder.glob("member-*/last.ckpt"))


def as_yaml(job: TrainJob) -> str:
    """Settings of a training as YAML, passwords hidden."""
    return hide_passwords(yaml.safe_dump(_plain(job), sort_keys=False))


def _plain(value: Any) -> Any:
    """Settings as YAML has them."""
    if isinstance(value, Path | DatabaseURL):
        return str(value)
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def keep_config(folder: Path, config: str) -> None:
    """Write the settings; another config.yaml, such as one given to `--config`, is kept."""
    path = folder / "config.yaml"
    if not path.exists() or path.read_bytes() != config.encode():
        write_text_durably(path, config, keep=2)


def write_metrics(path: Path, rows: list[Row]) -> None:
    """Write the metrics of all epochs as CSV."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text_durably(path, out.getvalue())

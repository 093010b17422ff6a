"""What a command is to write must not be what it reads, nor two of its results one file."""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..checkpoints.pretrained import IN_FOLDER
from ..errors import ConfigError

WRITTEN = ("output", "id_list", "predictions", "table", "plot")
"""Fields of jobs that name files to write; all other paths are read."""
IN_PLACE = (("CalibrateJob", "model"),)
"""Jobs and what they read that may be written over: bands are added to a model."""
OF_TRAINING = (IN_FOLDER, "last.ckpt", "metrics.csv", "log.txt", "training.png")
"""Files that a training writes in the folder that is its output."""


def check_apart(job: Any) -> None:
    """Refuse paths of a job that would destroy what it is given or has just written.

    Raises:
        ConfigError: two fields name one file, or a path holds a NUL; the fields are named.
    """
    written: list[tuple[str, Path]] = []
    for name, path in named_paths(job, written=True):
        _check_other(name, path, written)
        written += [(name, path), *((name, path / file) for file in OF_TRAINING)]
    for name, path in named_paths(job, written=False):
        if (type(job).__name__, name) not in IN_PLACE:
            _check_other(name, path, written)
            _check_other(name, path / IN_FOLDER, written)


def named_paths(job: Any, written: bool) -> Iterator[tuple[str, Path]]:
    """Paths of a job that are to be written, or to be read, with the names of their fields."""
    for entry in fields(job):
        if (entry.name in WRITTEN) != written:
            continue
        value = getattr(job, entry.name)
        for path in value if isinstance(value, list) else [value]:
            if not isinstance(path, Path):
                continue
            if "\0" in str(path):
                raise ConfigError(f"`{entry.name}` is {str(path)!r}, but no name holds a NUL")
            yield entry.name, path


def _check_other(name: str, path: Path, others: list[tuple[str, Path]]) -> None:
    """Raise ConfigError where a path is the file of another field."""
    for other, taken in others:
        if same_file(path, taken):
            raise ConfigError(
                f"`{name}` and `{other}` are the same file, {path}; what stands there would be lost"
            )


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths are one file, through links too; a device or a folder is none."""
    if one.exists() and other.exists():
        return one.is_file() and os.path.samefile(one, other)
    return one.resolve() == other.resolve()

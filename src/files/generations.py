"""A file that is written again and again, with the versions before it kept beside it."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import CheckpointError

logger = logging.getLogger(__name__)
T = TypeVar("T")


def older(path: Path, age: int) -> Path:
    """Name of the version that was ``age`` writes ago: last.ckpt.1, last.ckpt.2, .."""
    return path.with_name(f"{path.name}.{age}") if age else path


def keep_older(path: Path, keep: int) -> None:
    """Give the present file the name of an older version; it keeps its own name, too.

    To be called when the next version is about to take its place, so that at every moment there is
    a file of the plain name.

    Args:
        path: file, which need not exist yet.
        keep: versions to keep, the next one included.
    """
    if not path.exists() or keep < 2:
        return
    for age in range(keep - 2, 0, -1):
        if older(path, age).exists():
            older(path, age).replace(older(path, age + 1))
    beside = path.with_name(f".{path.name}.{os.getpid()}.older")
    beside.unlink(missing_ok=True)
    os.link(path, beside)
    beside.replace(older(path, 1))


def read_newest(path: Path, read: Callable[[Path], T]) -> T:
    """Read a file, or with a warning the newest older version that is whole.

    Args:
        path: file.
        read: reads the file that it is given, and raises CheckpointError where it can't.

    Returns:
        What ``read`` gives.

    Raises:
        CheckpointError: no version can be read; the message is that of the file itself.
    """
    try:
        return read(path)
    except CheckpointError as error:
        age = 1
        while older(path, age).exists():
            try:
                found = read(older(path, age))
            except CheckpointError as worse:
                logger.warning("%s", worse)
            else:
                logger.warning("%s; going on from %s instead", error, older(path, age))
                return found
            age += 1
        raise

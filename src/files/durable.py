"""Files that are there whole or not at all, whatever happens while they are written."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from ..errors import CheckpointError
from .generations import keep_older


def write_durably(
    path: Path,
    write: Callable[[Path], object],
    check: Callable[[Path], object],
    keep: int = 1,
) -> None:
    """Write a file beside its place, read it back, then put it there in one step.

    The content reaches the disk before the name does, and the folder after it, so that after a
    loss of power there is the old file or the new one.

    Args:
        path: file to write; its folder must exist.
        write: writes the file that it is given.
        check: reads it back and raises where something is wrong.
        keep: versions to keep, see ``keep_older``.

    Raises:
        CheckpointError: the folder is missing, or the system can't write there; what was there
            before is still there.
    """
    if not path.parent.is_dir():
        raise CheckpointError(f"{path}: the folder {path.parent} does not exist")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        check(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        keep_older(path, keep)
        beside.replace(path)
    except OSError as error:
        raise CheckpointError(f"{path}: can't be written, {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def file_digest(path: Path) -> str:
    """Checksum of a file's content."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            total.update(piece)
    return f"sha256 {total.hexdigest()}"


def first_line(error: Exception) -> str:
    """First line of an error's message."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last; only POSIX systems open folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

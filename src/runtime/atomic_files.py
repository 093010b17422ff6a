"""Files that are there whole or not at all, whatever happens while they are written."""

import errno
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import CheckpointError, ConfigError
from .generations import keeping_older, sync_file

NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM}
"""What file systems that can't sync a folder say (SMB, some of FUSE), or one that can't be read."""


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
        keep: versions to keep, see ``keeping_older``.

    Raises:
        CheckpointError: the folder is missing, the path is no file, or the system can't write
            there; what was there before is still there.
    """
    if not path.parent.is_dir():
        raise CheckpointError(f"{path}: the folder {path.parent} does not exist")
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path}: can't be written, it is a folder or a device")
    path = path.resolve()  # what a link stands for is written, not the link
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        check(beside)
        sync_file(beside)
        with keeping_older(path, keep):
            beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(f"{path}: can't be written, {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # the folder may be gone; the error under way says more
            beside.unlink()


def check_writable(path: Path | None) -> None:
    """Refuse a file that can't be written before the work is done, not after it; None: no file.

    Raises:
        ConfigError: its folder does not exist, or it is a folder.
    """
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder {path.parent} does not exist")
    if path is not None and path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file")


def write_text_durably(path: Path, text: str, keep: int = 1) -> None:
    """Write text as ``write_durably`` does; a device, such as /dev/stdout, is written to directly.

    Args:
        path: file to write.
        text: its content.
        keep: versions to keep, see ``keeping_older``.

    Raises:
        CheckpointError: see ``write_durably``; also where what was written does not read back.
    """

    def check(beside: Path) -> None:
        if beside.read_bytes() != text.encode():
            raise CheckpointError(f"{path}: can't be written, it does not read back")

    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_text(text)
        return
    write_durably(path, lambda beside: beside.write_bytes(text.encode()), check, keep)


def file_digest(path: Path, size: int | None = None) -> str:
    """Checksum of a file's content, or of its first ``size`` bytes."""
    total, left = hashlib.sha256(), path.stat().st_size if size is None else size
    with path.open("rb") as file:
        while piece := file.read(min(2**20, left)):
            total.update(piece)
            left -= len(piece)
    return f"sha256 {total.hexdigest()}"


def first_line(error: Exception) -> str:
    """First line of an error's message."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder last, where the file system can; only POSIX opens folders."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise

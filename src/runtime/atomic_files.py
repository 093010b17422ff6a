"""Files written completely or not at all, their older versions, and a lock."""

import errno
import hashlib
import json
import logging
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ..errors import CheckpointError, ConfigError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)
T = TypeVar("T")
HELD = {errno.EACCES, errno.EAGAIN}
"""What a system says of a lock that another process holds."""
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


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write values as JSON; what is not finite becomes null, as JSON has no NaN.

    Args:
        path: file to write.
        values: dictionaries, lists, text, numbers, and NumPy's numbers and arrays.

    Raises:
        CheckpointError: see ``write_durably``.
    """
    write_text_durably(path, json.dumps(_plain(values), indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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


def abridged(value: object) -> str:
    """A value in a message; of a long list only its size and ends."""
    if isinstance(value, list) and len(value) > 3:
        return f"{len(value)} values, {value[0]} to {value[-1]}"
    return repr(value)


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


def older(path: Path, age: int) -> Path:
    """Name of the version that was ``age`` writes ago: last.ckpt.1, last.ckpt.2, .."""
    return path.with_name(f"{path.name}.{age}") if age else path


def versions(path: Path) -> list[Path]:
    """The file and the older versions of it that are there, the newest first."""
    path = path.resolve()  # they are beside what a link stands for
    if not path.parent.is_dir():
        return []
    name = re.compile(rf"{re.escape(path.name)}(?:\.([1-9][0-9]*))?")
    found = [(name.fullmatch(there.name), there) for there in path.parent.iterdir()]
    aged = [(int(match[1] or 0), there) for match, there in found if match and there.is_file()]
    return [there for _, there in sorted(aged)]


@contextmanager
def keeping_older(path: Path, keep: int) -> Iterator[None]:
    """Keep the present file as an older version, when another has taken its place in the context.

    At every moment the plain name has a file, and what it had before has a name, too.

    Args:
        path: file, which need not exist yet.
        keep: versions to keep, the next one included.
    """
    if not path.exists() or keep < 2:
        yield
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}.older")
    try:
        aside.unlink(missing_ok=True)
        try:
            os.link(path, aside)
        except OSError:  # exFAT, SMB, some of FUSE have no links
            shutil.copyfile(path, aside)
            sync_file(aside)
        yield
        for age in range(keep - 2, 0, -1):
            if older(path, age).exists():
                older(path, age).replace(older(path, age + 1))
        aside.replace(older(path, 1))
    finally:
        with suppress(OSError):  # the folder may be gone; the error under way says more
            aside.unlink()


def sync_file(path: Path) -> None:
    """Make a file's content last."""
    with path.open("r+b") as written:  # not all systems sync what is open for reading
        os.fsync(written.fileno())


def read_newest(path: Path, read: Callable[[Path], T]) -> tuple[Path, T]:
    """Read a file, or with a warning the newest older version that is whole.

    Args:
        path: file.
        read: reads the file that it is given, and raises CheckpointError where it can't.

    Returns:
        The file that was read, and what ``read`` gives.

    Raises:
        CheckpointError: no version can be read; the message is that of the file itself.
    """
    try:
        return path, read(path)
    except CheckpointError as error:
        for there in versions(path):
            if there == path.resolve():
                continue
            try:
                found = read(there)
            except CheckpointError as worse:
                logger.warning("%s", worse)
            else:
                logger.warning("%s; going on from %s instead", error, there)
                return there, found
        raise


def remove_leftovers(folder: Path, names: Sequence[str]) -> None:
    """Remove what killed processes were writing.

    Args:
        folder: where no other process writes these files now.
        names: files whose unfinished versions are removed.
    """
    known = "|".join(re.escape(name) for name in names)
    unfinished = re.compile(rf"\.({known})\.[0-9]+\.(part|older)")
    for there in folder.iterdir():
        if unfinished.fullmatch(there.name):
            there.unlink(missing_ok=True)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a file as long as the context lasts; a process that dies holds nothing.

    The lock is POSIX's, which processes that read batches do not inherit, so that none of them
    outlives a killed training with it. The file stays when the context ends.

    Args:
        path: file, made if it is not there.

    Raises:
        ConfigError: another process holds it.
    """
    with path.open("ab") as file:
        try:
            if fcntl is not None:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                raise ConfigError(
                    f"{path.parent}: another process is at work here; end it, or name another"
                    " folder"
                ) from error
            logger.warning(
                "%s: can't be locked (%s); see that no other process trains here",
                *(path.parent, error.strerror),
            )
        yield

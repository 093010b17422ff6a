"""A file that is written again and again, with the versions before it kept beside it."""

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ..errors import CheckpointError

logger = logging.getLogger(__name__)
T = TypeVar("T")


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
        _duplicate(path, aside)
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


def _duplicate(path: Path, copy: Path) -> None:
    """Give a file a second name, or where the file system has no links a copy."""
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy)
    except OSError:  # exFAT, SMB, some of FUSE
        shutil.copyfile(path, copy)
        sync_file(copy)

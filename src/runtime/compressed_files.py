"""Compressed files: how large they may be once unpacked, found out without keeping what is in them.

A megabyte of gzip may stand for a gigabyte, of bzip2 for far more. A large file that is meant can
be unpacked by its owner, who then sees what it is.
"""

import bz2
import gzip
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ": lzma.open, b"BZh": bz2.open}
"""What opens a file, by its first bytes: gzip, xz and bzip2."""
BY_ENDING = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
"""The same by the ending of its name, by which ASE goes."""
LARGEST_EXPANDED = 1_000_000_000
"""Bytes or characters of a compressed file, unpacked, beyond which it is not read."""
DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What the openers are seen to raise on damaged files."""
PIECE = 2**20


def is_packed(path: Path) -> bool:
    """Whether a file starts as compressed ones do."""
    with path.open("rb") as file:
        return file.read(8).startswith(tuple(OPENERS))


def expands_beyond(path: Path, size: int) -> bool:
    """Whether a file whose name says that it is compressed holds more than ``size`` bytes.

    Raises:
        OSError, EOFError, LZMAError, zlib.error: see ``DAMAGED``.
    """
    opener: Any = BY_ENDING.get(path.suffix)
    if opener is None:
        return False
    total = 0
    with opener(path, "rb") as file:
        while piece := file.read(PIECE):
            total += len(piece)
            if total > size:
                return True
    return False


def open_expanded(path: Path) -> IO[str]:
    """A file's text, unpacked as by ``read_expanded``; every byte is a character."""
    opener: Any = BY_ENDING.get(path.suffix, open)
    file: IO[str] = opener(path, "rt", encoding="latin-1")
    return file


def read_expanded(path: Path) -> bytes:
    """Content of a file, unpacked where its name says that it is compressed."""
    opener: Any = BY_ENDING.get(path.suffix, open)
    with opener(path, "rb") as file:
        content: bytes = file.read()
    return content


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A file without its compression, for readers that seek, which unpacks from the start again."""
    opener: Any = BY_ENDING.get(path.suffix)
    if opener is None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        with opener(path, "rb") as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file)
        yield plain

"""Text files, compressed or not, with errors that name the file."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ...errors import RecordError

OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ": lzma.open, b"BZh": bz2.open}
"""What opens a file, by its first bytes: gzip, xz and bzip2."""
LONGEST_LINE = 10_000_000
"""Characters of a line beyond which a file is no text of ours."""


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a file of UTF-8 text, decompressed if its first bytes say so.

    Raises:
        RecordError: missing, not text, or damaged; raised while it is read, too.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(8)
    opener = next((o for magic, o in OPENERS.items() if head.startswith(magic)), open)
    try:
        with opener(path, "rt", encoding="utf-8") as text:
            yield cast(IO[str], text)
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not UTF-8 text ({error.reason})") from error
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise RecordError(f"{path}: damaged or cut ({error})") from error


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, from 1, without their ends.

    Raises:
        RecordError: see ``open_text``; or a line is too long to be one.
    """
    with open_text(path) as text:
        number = 0
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise RecordError(f"{path}: line {number}: more than {LONGEST_LINE} characters")
            yield number, line.rstrip("\r\n")

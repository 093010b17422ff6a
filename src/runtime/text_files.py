"""Reading text files, compressed or not: their type, lines and numbers."""

import bz2
import gzip
import lzma
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, cast

from ..errors import RecordError

SQLITE_MAGIC = b"SQLite format 3\0"
ZIP_MAGIC = b"PK\x03\x04"
"""First bytes of a file that torch writes."""
SAFETENSORS_HEADER = b'{"'
"""What follows the 8 bytes of the header's length in a safetensors file."""
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ": lzma.open, b"BZh": bz2.open}
BY_ENDING = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
"""By the ending of the name, as ASE chooses."""
LARGEST_EXPANDED = 1_000_000_000
"""Size of an unpacked file, bytes or characters, beyond which it is not read."""
DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What the openers raise on damaged files."""
PIECE = 2**20
LONGEST_LINE = 10_000_000
"""Characters of a line beyond which a file is not text."""
DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", flags=re.ASCII)
"""A number as C and Fortran write it; not `1_000`, `nan` or digits of other scripts."""
COUNT = re.compile(r"\d{1,8}", flags=re.ASCII)


def is_sqlite(path: Path) -> bool:
    """Whether a path is a file of SQLite."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def printable(text: str) -> str:
    """Text in one line: blanks for line ends and what else can't be printed."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def is_model_file(path: Path) -> bool:
    """Whether a file looks like one with weights, safetensors or torch's."""
    with path.open("rb") as file:
        start = file.read(8 + len(SAFETENSORS_HEADER))
    return start.startswith(ZIP_MAGIC) or start[8:] == SAFETENSORS_HEADER


def expands_too_far(path: Path) -> bool:
    """Whether a file whose name says that it is compressed is too large when unpacked.

    Raises:
        OSError, EOFError, LZMAError, zlib.error: see ``DAMAGED``.
    """
    opener: Any = BY_ENDING.get(path.suffix)
    if opener is None:
        return False
    with opener(path, "rb") as file:
        pieces = iter(lambda: len(file.read(PIECE)), 0)
        return any(total > LARGEST_EXPANDED for total in accumulate(pieces))


def open_expanded(path: Path) -> IO[str]:
    """A file's text, unpacked as by ``read_expanded``; every byte is a character."""
    opener: Any = BY_ENDING.get(path.suffix, open)
    file: IO[str] = opener(path, "rt", encoding="latin-1")
    return file


def read_expanded(path: Path) -> bytes:
    """Content of a file, unpacked if its name says that it is compressed."""
    opener: Any = BY_ENDING.get(path.suffix, open)
    with opener(path, "rb") as file:
        content: bytes = file.read()
    return content


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Path of the unpacked file, for readers that seek."""
    opener: Any = BY_ENDING.get(path.suffix)
    if opener is None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        with opener(path, "rb") as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file)
        yield plain


def opener_of(path: Path) -> Any:
    """What opens a file, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(max(map(len, OPENERS)))
    return next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), open)


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a text file, unpacked if its first bytes say so; see ``check_text`` for other bytes.

    Raises:
        RecordError: missing or damaged; raised while it is read, too.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    try:
        with opener_of(path)(path, "rt", encoding="utf-8", errors="surrogateescape") as text:
            yield cast(IO[str], text)
    except DAMAGED as error:
        raise RecordError(f"{path}: damaged or cut ({error})") from error


def raw_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, from 1, and their ends.

    Raises:
        RecordError: see ``open_text``; or a line or a compressed file is too large.
    """
    with open_text(path) as text:
        number, size, largest = 0, 0, LARGEST_EXPANDED
        packed = opener_of(path) is not open
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise RecordError(f"{path}: line {number}: more than {LONGEST_LINE} characters")
            size += len(line)
            if packed and size > largest:
                raise RecordError(f"{path}: more than {largest} characters; unpack it first")
            yield number, line


def check_text(path: Path | str, number: int, line: str) -> str:
    """Return the line; RecordError where it is not UTF-8."""
    if not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError:
            raise RecordError(f"{path}: line {number}: not UTF-8 text") from None
    return line


def check_end(path: Path | str, number: int, line: str) -> str:
    """Return the line without its end; RecordError where it has none: the file is truncated."""
    if not line.endswith("\n"):
        raise RecordError(
            f"{path}: line {number}: the last line has no line end; the file is truncated (if it"
            " is complete, add one)"
        )
    return line[:-1]


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, from 1, without their ends.

    Raises:
        RecordError: see ``raw_lines`` and ``check_text``.
    """
    for number, line in raw_lines(path):
        yield number, check_text(path, number, line).rstrip("\n")


def whole_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Like ``numbered_lines``, of a file that a program wrote: its last line must have an end."""
    for number, line in raw_lines(path):
        yield number, check_end(path, number, check_text(path, number, line))


def parse_number(word: str) -> float:
    """Read one number.

    Raises:
        ValueError: it is not a number, or too large.
    """
    if DECIMAL.fullmatch(word) is None:
        raise ValueError(f"{word[:30]!r} is not a number")
    value = float(word.replace("D", "e").replace("d", "e"))
    if abs(value) == float("inf"):
        raise ValueError(f"{word[:30]!r} is not finite")
    return value


def parse_numbers(where: str, words: list[str], count: int | None = None) -> list[float]:
    """Read ``count`` numbers (None: any), or raise RecordError that begins with ``where``."""
    if count not in (None, len(words)):
        raise RecordError(
            f"{where}: expected {count} number{'s' if count != 1 else ''}, found {len(words)}:"
            f" {' '.join(words)[:40]!r}"
        )
    try:
        return [parse_number(word) for word in words]
    except ValueError as error:
        raise RecordError(f"{where}: {error}") from None

"""Text files, compressed or not, with errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ..errors import RecordError
from . import compressed_files as expanded

LONGEST_LINE = 10_000_000
"""Characters of a line beyond which a file is no text of ours."""


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a file of text, decompressed if its first bytes say so.

    Bytes that are not UTF-8 become lone surrogates, see ``check_text``.

    Raises:
        RecordError: missing or damaged; raised while it is read, too.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(8)
    opener = next((o for magic, o in expanded.OPENERS.items() if head.startswith(magic)), open)
    try:
        with opener(path, "rt", encoding="utf-8", errors="surrogateescape") as text:
            yield cast(IO[str], text)
    except expanded.DAMAGED as error:
        raise RecordError(f"{path}: damaged or cut ({error})") from error


def raw_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of a file with their numbers, from 1, and with the ends that they have.

    Raises:
        RecordError: see ``open_text``; or a line is too long to be one, or a compressed file is
            too large.
    """
    with open_text(path) as text:
        number, size, largest = 0, 0, expanded.LARGEST_EXPANDED
        packed = expanded.is_packed(path)
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise RecordError(f"{path}: line {number}: more than {LONGEST_LINE} characters")
            size += len(line)
            if packed and size > largest:
                raise RecordError(
                    f"{path}: more than {largest} characters when unpacked; if it is meant to be so"
                    " large, unpack it first"
                )
            yield number, line


def check_text(path: Path, number: int, line: str) -> str:
    """The line, of which every byte was UTF-8.

    Raises:
        RecordError: a byte was not.
    """
    if not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError:
            raise RecordError(f"{path}: line {number}: not UTF-8 text") from None
    return line


def check_end(path: Path, number: int, line: str) -> str:
    """The line without its end, which it must have: the last line of a cut file has none.

    Raises:
        RecordError: it has none.
    """
    if not line.endswith("\n"):
        raise RecordError(
            f"{path}: line {number}: the last line has no line end; the file is cut (if it is"
            " whole, add one)"
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
    """The same of a file that a program wrote, whose last line has an end.

    Raises:
        RecordError: see ``numbered_lines`` and ``check_end``.
    """
    for number, line in raw_lines(path):
        yield number, check_end(path, number, check_text(path, number, line))


def check_whole(path: Path) -> None:
    """Refuse a file that a program wrote and whose last line has no end.

    Raises:
        RecordError: see ``whole_lines``.
    """
    for _ in whole_lines(path):
        pass

"""Extended xyz as text: frames of atoms with a comment line of named values.

A frame is a line with the number of atoms, a comment line of `key=value` (among them `Properties`,
which names the columns, `Lattice` and `pbc`), and a line an atom. The format:
https://github.com/libAtoms/extxyz, whose ASE reader is the reference in the tests. It is read here
because ASE turns nine values into a matrix and needs 20 ms a frame.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from ..dataset.record import Rejected
from ..errors import RecordError
from ..runtime.numbers import COUNT, parse_number
from ..runtime.text_files import check_end, check_text, raw_lines
from .extxyz_text import atom_count, is_number, parse_atoms, parse_comment, property_columns

DEFAULT_PROPERTIES = "species:S:1:pos:R:3"


@dataclass(frozen=True)
class Frame:
    """One frame."""

    where: str
    """File and number of the frame, from 1, for messages."""
    info: dict[str, str]
    """Values of the comment line as text, without quotes."""
    atoms: Atoms
    """Structure; periodic only where the frame has a lattice."""

    def numbers(self, key: str) -> np.ndarray:
        """Numbers of a value, shape (n,).

        Raises:
            RecordError: the frame lacks it, or it holds something else.
        """
        text = self.text(key).strip()
        if text.startswith("["):  # the only place of a comma; elsewhere it is a decimal one
            text = re.sub(r"[\[\],]", " ", text)
        words = text.split()
        try:
            return np.array([parse_number(word) for word in words])
        except ValueError:
            wrong = next(word for word in words if not is_number(word))
            raise RecordError(f"{self.where}: `{key}` holds {wrong!r}, no number") from None

    def text(self, key: str) -> str:
        """Text of a value.

        Raises:
            RecordError: the frame lacks it.
        """
        if key not in self.info:
            raise RecordError(f"{self.where}: the comment line has no `{key}`")
        return self.info[key]


class Lines:
    """Lines of a file that can be looked at ahead and taken back."""

    def __init__(self, path: Path) -> None:
        """Begin a file."""
        self.path = path
        self.damage: str | None = None
        """Why the file could not be read to its end."""
        self._file = raw_lines(path)
        self._back: deque[tuple[int, str]] = deque()

    def take(self) -> tuple[int, str] | None:
        """The next line with its number; None: there is none that can be read."""
        if self._back:
            return self._back.popleft()
        try:
            return next(self._file, None)
        except RecordError as error:
            self.damage = str(error)
            return None

    def give_back(self, taken: Sequence[tuple[int, str]]) -> None:
        """Put lines before those that are still to come."""
        self._back.extendleft(reversed(taken))

    def peek(self) -> tuple[int, str] | None:
        """The next line that is not empty; empty ones before it are taken."""
        line = self.take()
        while line is not None and not line[1].strip():
            line = self.take()
        if line is not None:
            self.give_back([line])
        return line


def read_frames(path: Path) -> Iterator[Frame | Rejected]:
    """Yield the frames of a file, compressed or not.

    After a line that is wrong the next frame is looked for: a number of atoms followed by a comment
    line with `Properties=`. What lies between is one rejection.

    Raises:
        RecordError: no such file.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    lines, number = Lines(path), 0
    while lines.peek() is not None:
        number += 1
        where = f"{path}: frame {number}"
        taken: list[tuple[int, str]] = []
        try:
            yield read_frame(lines, where, taken)
        except RecordError as error:
            reason = str(error).removeprefix(f"{where}: ").removeprefix(f"{path}: ")
            lines.give_back(taken[1:])
            if not skip_to_frame(lines):
                reason += "; no further frame was found after it"
            yield Rejected(where, reason)
    if number == 0 and lines.damage is None:
        yield Rejected(str(path), "empty, expected frames")
    if lines.damage is not None:
        yield Rejected(str(path), lines.damage.removeprefix(f"{path}: "))


def read_frame(lines: Lines, where: str, taken: list[tuple[int, str]]) -> Frame:
    """Read a frame and see that another one, or nothing, follows.

    Args:
        lines: lines that begin with the frame.
        where: file and frame, for messages.
        taken: the lines that were read are added to it.

    Raises:
        RecordError: a line is wrong or missing; line and reason are named.
    """

    def take(what: str) -> tuple[int, str]:
        line = lines.take()
        if line is None:
            raise RecordError(f"{where}: cut{what}")
        taken.append(line)
        number, text = line
        return number, check_end(lines.path, number, check_text(lines.path, number, text))

    at, line = take("")
    n_atoms = atom_count(lines.path, at, line)
    at, comment = take(" after its number of atoms")
    info = parse_comment(comment, f"{lines.path}: line {at}")
    columns, width = property_columns(
        info.get("Properties", DEFAULT_PROPERTIES), f"{lines.path}: line {at}"
    )
    rows = []
    for k in range(n_atoms):
        number, line = take(f", {k} of {n_atoms} atoms are there")
        words = line.split()
        if len(words) != width:
            raise RecordError(
                f"{lines.path}: line {number}: expected {width} columns of an atom, found"
                f" {len(words)}"
            )
        rows.append(words)
    check_follower(lines)
    return Frame(where, info, parse_atoms(info, columns, rows, f"{lines.path}: line", at + 1))


def check_follower(lines: Lines) -> None:
    """Refuse a frame after which neither nothing nor another frame comes.

    So a number of atoms that is too small shows, and a line end that is lost. The next frame's own
    number may be damaged, where a comment line follows it.

    Raises:
        RecordError: something else follows.
    """
    line = lines.peek()
    if line is None or COUNT.fullmatch(line[1].strip()):
        return
    lines.take()
    comment = lines.take()
    lines.give_back([line] if comment is None else [line, comment])
    if comment is None or "Properties=" not in comment[1]:
        atom_count(lines.path, *line)


def skip_to_frame(lines: Lines) -> bool:
    """Pass lines up to the next that is the beginning of a frame; whether there is one."""
    line = lines.take()
    while line is not None:
        follows = lines.take()
        if follows is not None:
            lines.give_back([follows])
            if COUNT.fullmatch(line[1].strip()) and "Properties=" in follows[1]:
                lines.give_back([line])
                return True
        line = lines.take()
    return False

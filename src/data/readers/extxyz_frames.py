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
from ase.data import atomic_numbers

from ...errors import RecordError
from ..record import Rejected
from .numbers import COUNT, parse_number
from .text_file import check_end, check_text, raw_lines

PAIR = re.compile(
    r"""\s*([^\s=,"'{}\[\]]+)            # key
    (?:\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*)\}|(\[[^=]*\])|([^\s"'{}\[\]]+)))?(?=\s|,|$)""",
    re.VERBOSE,
)
"""One `key=value` of a comment line; a key alone is true."""
DEFAULT_PROPERTIES = "species:S:1:pos:R:3"
MOST_ATOMS = 10_000_000


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
            wrong = next(word for word in words if not _is_number(word))
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
    n_atoms = _atom_count(lines.path, at, line)
    at, comment = take(" after its number of atoms")
    info = parse_comment(comment, f"{lines.path}: line {at}")
    columns, width = _columns(
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
        _atom_count(lines.path, *line)


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


def parse_comment(line: str, where: str) -> dict[str, str]:
    """Split a comment line into its values.

    Raises:
        RecordError: a part is no `key=value`, or a key stands twice.
    """
    found: dict[str, str] = {}
    place = 0
    text = line.strip()
    while place < len(text):
        match = PAIR.match(text, place)
        if match is None:
            raise RecordError(f"{where}: expected `key=value`, found {text[place : place + 30]!r}")
        key, *values = match.groups()
        if key in found:
            raise RecordError(f"{where}: `{key}` stands twice")
        found[key] = next((value for value in values if value is not None), "T")
        place = match.end()
    return found


def parse_atoms(
    info: dict[str, str], columns: dict[str, int], rows: list[list[str]], where: str, first: int
) -> Atoms:
    """Turn lines of atoms into a structure.

    Args:
        info: the comment line's values.
        columns: first column of each property.
        rows: words of a line an atom.
        where: file, for messages; the line's number is added.
        first: number of the first line.

    Returns:
        The structure: elements, positions, lattice and periodicity.

    Raises:
        RecordError: a line or the lattice is wrong.
    """
    species, pos = columns.get("species", columns.get("Z", 0)), columns["pos"]
    numbers, positions = [], []
    for number, words in enumerate(rows, start=first):
        numbers.append(_atomic_number(words[species], f"{where} {number}"))
        try:
            positions.append([parse_number(word) for word in words[pos : pos + 3]])
        except ValueError:
            raise RecordError(
                f"{where} {number}: expected a position, found {' '.join(words[pos : pos + 3])!r}"
            ) from None
    cell, pbc = _lattice(info, f"{where} {first - 1}")
    return Atoms(numbers=numbers, positions=positions, cell=cell, pbc=pbc)


def _atom_count(path: Path, at: int, line: str) -> int:
    """Number of atoms of a frame's first line."""
    if not COUNT.fullmatch(line.strip()) or not int(line) <= MOST_ATOMS:
        raise RecordError(f"{path}: line {at}: expected a number of atoms, found {line[:40]!r}")
    if int(line) == 0:
        raise RecordError(f"{path}: line {at}: a frame without atoms")
    return int(line)


def _columns(properties: str, where: str) -> tuple[dict[str, int], int]:
    """First column of each property, and the number of columns."""
    words = properties.split(":")
    columns: dict[str, int] = {}
    place = 0
    for name, kind, count in zip(words[::3], words[1::3], words[2::3], strict=False):
        known = kind in ("S", "R", "I", "L") and re.fullmatch(r"[1-9][0-9]{0,3}", count)
        if not known or name in columns or (name == "pos" and (kind, count) != ("R", "3")):
            raise RecordError(f"{where}: `Properties` is {properties!r}")
        columns[name] = place
        place += int(count)
    if len(words) % 3 or "pos" not in columns or not {"species", "Z"} & set(columns):
        raise RecordError(f"{where}: `Properties` is {properties!r}, expected species and pos")
    return columns, place


def _atomic_number(word: str, where: str) -> int:
    """Atomic number of a symbol or of a number."""
    if word in atomic_numbers and word != "X":
        return atomic_numbers[word]
    if COUNT.fullmatch(word) and 0 < int(word) < 119:
        return int(word)
    raise RecordError(f"{where}: expected an element, found {word!r}")


def _lattice(info: dict[str, str], where: str) -> tuple[np.ndarray | None, list[bool]]:
    """Cell and periodicity of a comment line."""
    cell = None
    if "Lattice" in info:
        words = info["Lattice"].split()
        if len(words) != 9 or not all(_is_number(word) for word in words):
            raise RecordError(f"{where}: `Lattice` holds {len(words)} words, expected 9 numbers")
        cell = np.array([parse_number(word) for word in words]).reshape(3, 3)
    words = info.get("pbc", "F F F" if cell is None else "T T T").replace(",", " ").split()
    known = {"T": True, "True": True, "1": True, "F": False, "False": False, "0": False}
    if len(words) != 3 or not set(words) <= set(known):
        raise RecordError(f"{where}: `pbc` is {info.get('pbc')!r}, expected three of T and F")
    pbc = [known[word] for word in words]
    if any(pbc) and cell is None:
        raise RecordError(f"{where}: periodic (`pbc`) but without a `Lattice`")
    return cell, pbc


def _is_number(word: str) -> bool:
    """Whether a word is a number."""
    try:
        parse_number(word)
    except ValueError:
        return False
    return True

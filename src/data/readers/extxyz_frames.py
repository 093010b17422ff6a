"""Extended xyz as text: frames of atoms with a comment line of named values.

A frame is a line with the number of atoms, a comment line of `key=value` (among them `Properties`,
which names the columns, `Lattice` and `pbc`), and a line an atom. The format:
https://github.com/libAtoms/extxyz, whose ASE reader is the reference in the tests. It is read here
because ASE turns nine values into a matrix and needs 20 ms a frame.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ...errors import RecordError
from .text_file import numbered_lines

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
        words = re.sub(r"[\[\],]", " ", self.text(key)).split()
        try:
            return np.array([float(word) for word in words])
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


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file, compressed or not.

    Raises:
        RecordError: the file is no extended xyz, damaged or cut; line and reason are named. No
            frame can be found after a line that is wrong.
    """
    lines = numbered_lines(path)
    for number, (at, line) in enumerate(lines, start=1):
        if not line.strip():
            rest = next(((n, text) for n, text in lines if text.strip()), None)
            if rest is not None:
                raise RecordError(f"{path}: line {at}: empty, expected a number of atoms")
            return
        where = f"{path}: frame {number}"
        n_atoms = _atom_count(path, at, line)
        at, comment = next(lines, (at, None))
        if comment is None:
            raise RecordError(f"{where}: cut after its number of atoms")
        info = parse_comment(comment, f"{path}: line {at}")
        rows = [text for _, (_, text) in zip(range(n_atoms), lines, strict=False)]
        if len(rows) < n_atoms:
            raise RecordError(f"{where}: cut, {len(rows)} of {n_atoms} atoms are there")
        yield Frame(where, info, parse_atoms(info, rows, f"{path}: line", at + 1))


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


def parse_atoms(info: dict[str, str], rows: list[str], where: str, first: int) -> Atoms:
    """Turn lines of atoms into a structure.

    Args:
        info: the comment line's values.
        rows: a line an atom.
        where: file, for messages; the line's number is added.
        first: number of the first line.

    Returns:
        The structure: elements, positions, lattice and periodicity.

    Raises:
        RecordError: a line or the lattice is wrong.
    """
    columns, width = _columns(info.get("Properties", DEFAULT_PROPERTIES), f"{where} {first - 1}")
    species, pos = columns.get("species", columns.get("Z")), columns["pos"]
    numbers, positions = [], []
    for number, row in enumerate(rows, start=first):
        words = row.split()
        if len(words) != width:
            raise RecordError(
                f"{where} {number}: expected {width} columns of an atom, found {len(words)}"
            )
        numbers.append(_atomic_number(words[species or 0], f"{where} {number}"))
        try:
            positions.append([float(word) for word in words[pos : pos + 3]])
        except ValueError:
            raise RecordError(
                f"{where} {number}: expected a position, found {' '.join(words[pos : pos + 3])!r}"
            ) from None
    cell, pbc = _lattice(info, f"{where} {first - 1}")
    return Atoms(numbers=numbers, positions=positions, cell=cell, pbc=pbc)


def _atom_count(path: Path, at: int, line: str) -> int:
    """Number of atoms of a frame's first line."""
    if not re.fullmatch(r"\s*\d{1,8}\s*", line, flags=re.ASCII) or not int(line) <= MOST_ATOMS:
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
        if kind not in ("S", "R", "I", "L") or not re.fullmatch(r"[1-9]\d{0,3}", count):
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
    if word.isascii() and word.isdigit() and 0 < int(word[:4]) < 119:
        return int(word)
    raise RecordError(f"{where}: expected an element, found {word!r}")


def _lattice(info: dict[str, str], where: str) -> tuple[np.ndarray | None, list[bool]]:
    """Cell and periodicity of a comment line."""
    cell = None
    if "Lattice" in info:
        words = info["Lattice"].split()
        if len(words) != 9 or not all(_is_number(word) for word in words):
            raise RecordError(f"{where}: `Lattice` holds {len(words)} words, expected 9 numbers")
        cell = np.array([float(word) for word in words]).reshape(3, 3)
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
        float(word)
    except ValueError:
        return False
    return True

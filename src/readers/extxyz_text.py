"""Lines of extended xyz to values: the number of atoms, the comment line, atoms and lattice."""

import re
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ..errors import RecordError
from ..runtime.numbers import COUNT, parse_number

PAIR = re.compile(
    r"""\s*([^\s=,"'{}\[\]]+)            # key
    (?:\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*)\}|(\[[^=]*\])|([^\s"'{}\[\]]+)))?(?=\s|,|$)""",
    re.VERBOSE,
)
"""One `key=value` of a comment line; a key alone is true."""
MOST_ATOMS = 10_000_000


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


def atom_count(path: Path, at: int, line: str) -> int:
    """Number of atoms of a frame's first line."""
    if not COUNT.fullmatch(line.strip()) or not int(line) <= MOST_ATOMS:
        raise RecordError(f"{path}: line {at}: expected a number of atoms, found {line[:40]!r}")
    if int(line) == 0:
        raise RecordError(f"{path}: line {at}: a frame without atoms")
    return int(line)


def property_columns(properties: str, where: str) -> tuple[dict[str, int], int]:
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
        if len(words) != 9 or not all(is_number(word) for word in words):
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


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    try:
        parse_number(word)
    except ValueError:
        return False
    return True

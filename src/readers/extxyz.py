"""Extended xyz files with a spectrum per frame.

A frame is a line with the number of atoms, a comment line of `key=value` (`Properties`, which names
the columns, `Lattice`, `pbc` and others), and one line per atom
(https://github.com/libAtoms/extxyz). ``mu`` (numbers), ``material`` and ``absorber`` (0-based
index) are needed. Where the file has them: ``energy`` (as many numbers as ``mu``, eV; a single one
is the total energy), ``axis`` (absolute or relative), ``site`` (label in the record's id, else the
absorber's index), ``edge``, ``code``, ``version``, ``target`` (absolute, normalized or as_given),
and of a calculation ``preset``, ``cards`` and ``COUNTS``, see ``Record``. What a file lacks must be
given by the user; nothing is assumed.

ASE's reader makes `001` a number and nine values a matrix, and is 2.3 (xz: 368) times slower.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ..dataset.record import PassedOver, Record, Rejected, if_wanted
from ..errors import ConfigError, RecordError, XanesError
from ..runtime.text_files import (
    COUNT,
    check_end,
    check_text,
    numbered_lines,
    parse_number,
    raw_lines,
)
from ..structures.graph import check_atoms, check_distances
from ..structures.names import LARGEST_Z
from .options import (
    PACKED,
    Format,
    Given,
    axis_of,
    check_material,
    check_site,
    edge_of,
    energies_of,
)

DEFAULT_PROPERTIES = "species:S:1:pos:R:3"
PAIR = re.compile(
    r"""\s*([^\s=,"'{}\[\]]+)            # key
    (?:\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*)\}|(\[[^=]*\])|([^\s"'{}\[\]]+)))?(?=\s|,|$)""",
    re.VERBOSE,
)
"""One `key=value` of a comment line; a key alone is true."""
FLAGS = {"T": True, "True": True, "1": True, "F": False, "False": False, "0": False}

COUNTS = {"fermi_level": 1, "interstitial": 1, "kf": 1, "polarization": 3, "radii": 3}
"""Numbers that describe a calculation; of ``radii`` so many per potential."""


@dataclass(frozen=True)
class Frame:
    """One frame."""

    where: str
    """File and number of the frame, from 1, for messages."""
    info: dict[str, str]
    """Values of the comment line as text, without quotes."""
    atoms: Atoms
    """Structure; periodic only where the frame has a lattice."""

    def text(self, key: str) -> str:
        """Text of a value, or RecordError."""
        if key not in self.info:
            raise RecordError(f"{self.where}: the comment line has no `{key}`")
        return self.info[key]

    def numbers(self, key: str) -> np.ndarray:
        """Numbers of a value, shape (n,), or RecordError."""
        text = self.text(key).strip()
        if text.startswith("["):  # the only place of a comma; elsewhere it is a decimal one
            text = re.sub(r"[\[\],]", " ", text)
        try:
            return np.array([parse_number(word) for word in text.split()])
        except ValueError as error:
            raise RecordError(f"{self.where}: `{key}`: {error}") from None


def is_extxyz(path: Path) -> bool:
    """Whether a file starts with a number and then a comment line that has ``mu``."""
    try:
        (_, count), (_, comment) = islice(numbered_lines(path), 2)
        return count.strip().isdigit() and "mu" in parse_comment(comment, str(path))
    except ValueError:  # RecordError too, and fewer than two lines
        return False


def read_extxyz(
    path: str | Path, given: Given | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every frame of a file.

    Args:
        path: the file, plain or compressed (gzip, xz, bzip2).
        given: what the file does not say.

    Yields:
        A record for each frame of the element and edge wanted, a ``PassedOver`` for each of
        another one, a ``Rejected`` with the reason for each frame that is not usable.

    Raises:
        ConfigError: the first frame lacks something that must be given: edge, energies or axis.
        RecordError: no such file.
    """
    given, understood = given or Given(), False
    for frame in read_frames(Path(path)):
        if isinstance(frame, Rejected):
            yield frame
            continue
        try:
            record = to_record(frame, given)
        except XanesError as error:
            if isinstance(error, ConfigError) and not understood:
                raise
            yield Rejected(frame.where, str(error).removeprefix(f"{frame.where}: "))
            continue
        understood = True
        yield if_wanted(record, given.element, given.edge)


def read_frames(path: Path) -> Iterator[Frame | Rejected]:
    """Yield the frames of a file, compressed or not, all lines of which are in memory.

    After a line that is wrong the next frame is looked for: a number of atoms followed by a comment
    line with `Properties=`. What lies between is one rejection.

    Raises:
        RecordError: no such file.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    lines: list[str] = []
    damage = None
    try:
        for _, line in raw_lines(path):  # what is read before it breaks off counts
            lines.append(line)
    except RecordError as error:
        damage = str(error).removeprefix(f"{path}: ")
    number, at = 0, _skip_blank(lines, 0)
    while at < len(lines):
        number += 1
        where = f"{path}: frame {number}"
        try:
            frame = _read_frame(path, lines, at, where)
        except RecordError as error:
            reason = str(error).removeprefix(f"{where}: ").removeprefix(f"{path}: ")
            at = next((k for k in range(at + 1, len(lines) - 1) if _begins(lines, k)), len(lines))
            after = "" if at < len(lines) else "; no further frame was found after it"
            yield Rejected(where, f"{reason}{after}")
        else:
            at = _skip_blank(lines, at + 2 + len(frame.atoms))
            yield frame
    if number == 0 and damage is None:
        damage = "empty, expected frames"
    if damage is not None:
        yield Rejected(str(path), damage)


def _skip_blank(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _begins(lines: list[str], at: int) -> bool:
    """Whether a line is a number of atoms and the next a comment line."""
    return COUNT.fullmatch(lines[at].strip()) is not None and "Properties=" in lines[at + 1]


def _read_frame(path: Path, lines: list[str], at: int, where: str) -> Frame:
    """Read the frame at a line and check that another one, or nothing, follows.

    So a wrong number of atoms shows, and a lost line end. The next frame's own number may be
    damaged, where a comment line follows it.
    """

    def take(k: int, what: str) -> str:
        if k >= len(lines):
            raise RecordError(f"{where}: cut{what}")
        return check_end(path, k + 1, check_text(path, k + 1, lines[k]))

    line = f"{path}: line"
    n_atoms, first, rows = _atom_count(take(at, ""), f"{line} {at + 1}"), at + 2, []
    info = parse_comment(take(at + 1, " after its number of atoms"), f"{line} {first}")
    columns, width = _columns(info.get("Properties", DEFAULT_PROPERTIES), f"{line} {first}")
    for k in range(first, first + n_atoms):
        words = take(k, f", {k - first} of {n_atoms} atoms are there").split()
        rows.append(words)
        if len(words) != width:
            raise RecordError(f"{line} {k + 1}: expected {width} columns, found {len(words)}")
    after = _skip_blank(lines, first + n_atoms)
    if after < len(lines) and "Properties=" not in "".join(lines[after + 1 : after + 2]):
        _atom_count(lines[after], f"{line} {after + 1}")
    return Frame(where, info, _atoms(info, columns, rows, line, first + 1))


def _atom_count(text: str, where: str) -> int:
    if not COUNT.fullmatch(text.strip()) or int(text) == 0:
        raise RecordError(f"{where}: expected a number of atoms, found {text[:40]!r}")
    return int(text)


def parse_comment(line: str, where: str) -> dict[str, str]:
    """Values of a comment line by their keys, or RecordError."""
    found: dict[str, str] = {}
    place, text = 0, line.strip()
    while place < len(text):
        match = PAIR.match(text, place)
        if match is None:
            raise RecordError(f"{where}: expected `key=value`, found {text[place : place + 30]!r}")
        key, *values = match.groups()
        if key in found:
            raise RecordError(f"{where}: `{key}` occurs twice")
        found[key] = next((value for value in values if value is not None), "T")
        place = match.end()
    return found


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


def _atoms(
    info: dict[str, str], columns: dict[str, int], rows: list[list[str]], line: str, first: int
) -> Atoms:
    """Structure of a frame whose first atom is on line ``first``."""
    species, pos = columns.get("species", columns.get("Z", 0)), columns["pos"]
    numbers, positions = [], []
    for number, words in enumerate(rows, start=first):
        symbol = words[species]
        z = int(symbol) if COUNT.fullmatch(symbol) else atomic_numbers.get(symbol, 0)
        if not 0 < z <= LARGEST_Z:
            raise RecordError(f"{line} {number}: expected an element, found {symbol!r}")
        numbers.append(z)
        try:
            positions.append([parse_number(word) for word in words[pos : pos + 3]])
        except ValueError:
            found = " ".join(words[pos : pos + 3])
            raise RecordError(f"{line} {number}: expected a position, found {found!r}") from None
    return Atoms(numbers=numbers, positions=positions, **_lattice(info, f"{line} {first - 1}"))


def _lattice(info: dict[str, str], where: str) -> dict[str, Any]:
    cell = None
    if "Lattice" in info:
        try:
            cell = np.array([parse_number(w) for w in info["Lattice"].split()]).reshape(3, 3)
        except ValueError:
            raise RecordError(
                f"{where}: `Lattice` is {info['Lattice'][:80]!r}, expected 9 numbers"
            ) from None
    words = info.get("pbc", "F F F" if cell is None else "T T T").replace(",", " ").split()
    if len(words) != 3 or not set(words) <= set(FLAGS):
        raise RecordError(f"{where}: `pbc` is {info.get('pbc')!r}, expected three of T and F")
    pbc = [FLAGS[word] for word in words]
    if any(pbc) and cell is None:
        raise RecordError(f"{where}: periodic (`pbc`) but without a `Lattice`")
    return {"cell": cell, "pbc": pbc}


def to_record(frame: Frame, given: Given) -> Record:
    """The record of a frame; XanesError where a value is missing or contradicts another."""
    material, absorber = check_material(frame.text("material"), frame.where), frame.text("absorber")
    if not COUNT.fullmatch(absorber) or int(absorber) >= len(frame.atoms):
        raise RecordError(
            f"{frame.where}: `absorber` is {absorber!r}, expected an index within 0 to"
            f" {len(frame.atoms) - 1}"
        )
    site = int(absorber)
    label = check_site(frame.info.get("site", f"{site:03d}"), frame.where)
    check_atoms(frame.atoms, LARGEST_Z)
    check_distances(frame.atoms)
    mu = frame.numbers("mu")
    own = frame.numbers("energy") if "energy" in frame.info else np.zeros(0)
    energy = energies_of(own if len(own) > 1 else None, len(mu), given, frame.where)
    target = frame.info.get("target", given.target or "as_given")
    if given.target not in (None, "as_given", target):
        raise ConfigError(f"{frame.where}: `target` is {target!r}, but expected {given.target}")
    return Record(
        id=f"{material}_{label}",
        material=material,
        atoms=frame.atoms,
        site=site,
        element=frame.atoms[site].symbol,
        edge=edge_of(frame.info.get("edge"), given, frame.where),
        energy=energy,
        mu=mu,
        target=target,
        code=frame.info.get("code", "not stated"),
        version=frame.info.get("version", ""),
        source=frame.where,
        axis=axis_of(frame.info.get("axis"), given, frame.where),
        **_calculation(frame),
    )


def _calculation(frame: Frame) -> dict[str, Any]:
    """What a frame says of the calculation, as fields of ``Record``."""
    found: dict[str, Any] = {n: frame.info[n] for n in ("preset", "cards") if n in frame.info}
    for name, count in COUNTS.items():
        if name in frame.info:
            values = frame.numbers(name)
            size = len(values) // count if name == "radii" else 1
            if len(values) != size * count or not size:
                raise RecordError(
                    f"{frame.where}: `{name}` has {len(values)} numbers, expected {count}"
                )
            found[name] = float(values[0]) if count == 1 else values
    if (vector := found.get("polarization")) is not None:
        found["polarization"] = tuple((vector / np.linalg.norm(vector)).tolist())
    if "radii" in found:
        rows = found["radii"].reshape(-1, 3).tolist()
        found["radii"] = tuple((int(z), rmt, rnm) for z, rmt, rnm in rows)
    return found


FORMAT = Format(
    title="extended xyz",
    read=read_extxyz,
    matches=is_extxyz,
    suffixes=tuple(f"{ending}{pack}" for ending in (".xyz", ".extxyz") for pack in PACKED),
)

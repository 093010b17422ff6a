"""Extended xyz files with a spectrum per frame.

A frame is a line with the number of atoms, a comment line of `key=value` (`Properties`, which names
the columns, `Lattice`, `pbc` and others), and one line per atom
(https://github.com/libAtoms/extxyz). ``mu`` (numbers), ``material`` and ``absorber`` (0-based
index) are needed. Where the file has them: ``energy`` (as many numbers as ``mu``, eV; a single one
is the total energy), ``axis`` (absolute or relative), ``site`` (label in the record's id, else the
absorber's index), ``edge``, ``code``, ``version``, ``target`` (absolute, normalized or as_given),
and of a calculation ``preset``, ``cards``, ``fermi_level``, ``interstitial``, ``kf``,
``polarization`` and ``radii``, see ``Record``.

ASE reads the atoms. The other values stay text, of which ASE would turn the label `001` into 1.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io.extxyz import read_xyz

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..runtime.atomic_files import first_line
from ..runtime.text_files import (
    COUNT,
    check_end,
    check_text,
    numbered_lines,
    parse_numbers,
    raw_lines,
)
from .options import PACKED, Format, ReadOptions, make_record, read_each, unit_vector

PAIR = re.compile(
    r"""\s*([^\s=,"'{}\[\]]+)            # key
    (?:\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*)\}|(\[[^=]*\])|([^\s"'{}\[\]]+)))?(?=\s|,|$)""",
    re.VERBOSE,
)
"""One `key=value` of a comment line; a key alone is true."""
PBC = re.compile(r"[TF10](rue|alse)?([\s,]+[TF10](rue|alse)?){2}")


@dataclass(frozen=True)
class Frame:
    """One frame."""

    source: str
    """File and number of the frame, from 1."""
    info: dict[str, str]
    """Values of the comment line as text, without quotes."""
    atoms: Atoms
    """Structure; periodic only where the frame has a lattice."""

    def text(self, key: str) -> str:
        """Text of a value, or RecordError."""
        if key not in self.info:
            raise RecordError(f"{self.source}: the comment line has no `{key}`")
        return self.info[key]

    def numbers(self, key: str, count: int | None = None) -> list[float]:
        """Numbers of a value, or RecordError; None: any count."""
        text = self.text(key).strip()
        if text.startswith("["):  # the only place of a comma; elsewhere it is a decimal one
            text = re.sub(r"[\[\],]", " ", text)
        return parse_numbers(f"{self.source}: `{key}`", text.split(), count)


def is_extxyz(path: Path) -> bool:
    """Whether a file starts with a number and then a comment line that has ``mu``."""
    try:
        (_, count), (_, comment) = islice(numbered_lines(path), 2)
        return count.strip().isdigit() and "mu" in parse_comment(comment, str(path))
    except ValueError:  # RecordError too, and fewer than two lines
        return False


def read_extxyz(
    path: str | Path, options: ReadOptions | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every frame of a file, plain or compressed (gzip, xz, bzip2).

    See ``options.read_each`` for what is yielded.

    Raises:
        ConfigError: the first frame lacks edge, energies or axis, and ``options`` too.
        RecordError: no such file.
    """
    options = options or ReadOptions()
    frames = split_frames(Path(path))
    yield from read_each(
        ((source, partial(_to_record, read, options)) for source, read in frames), options
    )


def split_frames(path: Path) -> Iterator[tuple[str, Callable[[], Frame]]]:
    """Yield name and reader of each frame of a file, all lines of which are in memory.

    A frame begins with a line that is a number, or that is followed by one with `Properties=`. What
    precedes the first one, and damage that ends the file, is a frame of which the reader raises
    RecordError, as it does for every frame that can't be read.

    Raises:
        RecordError: no such file.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    lines: list[str] = []
    damage = None
    try:
        for _, line in raw_lines(path):  # lines before the damage count
            lines.append(line)
    except RecordError as error:
        damage = error
    starts: list[int] = []
    for k, line in enumerate(lines):
        named = k + 1 < len(lines) and "Properties=" in lines[k + 1]
        comment = bool(starts) and starts[-1] == k - 1  # which may be a number
        counts = COUNT.fullmatch(line.strip()) and not comment
        if line.strip() and (named or counts or not starts):
            starts.append(k)
    for number, (start, end) in enumerate(pairwise([*starts, len(lines)]), start=1):
        source = f"{path}: frame {number}"
        yield source, partial(_read_frame, source, lines[start:end], start + 1)
    if damage or not starts:
        yield str(path), partial(_fail, damage or RecordError(f"{path}: empty, expected frames"))


def _fail(error: RecordError) -> Frame:
    raise error


def _read_frame(source: str, lines: list[str], first: int) -> Frame:
    """Read a frame from its lines, the first of which has the number ``first`` in the file."""
    texts = [
        check_end(source, number, check_text(source, number, line))
        for number, line in enumerate(lines, start=first)
    ]
    while not texts[-1].strip():
        texts.pop()
    where = f"{source}: line {first}"
    if not COUNT.fullmatch(texts[0].strip()) or int(texts[0]) == 0:
        raise RecordError(f"{where}: expected a number of atoms, found {texts[0][:40]!r}")
    n_atoms = int(texts[0])
    if len(texts) != n_atoms + 2:
        raise RecordError(f"{where}: {n_atoms} atoms, but {len(texts) - 2} of them follow")
    where = f"{source}: line {first + 1}"
    info = parse_comment(texts[1], where)
    if not PBC.fullmatch(info.get("pbc", "T T T").strip()):
        raise RecordError(f"{where}: `pbc` is {info['pbc']!r}, expected three of T and F")
    structure = {key: info[key] for key in ("Lattice", "pbc", "Properties") if key in info}
    comment = " ".join(f'{key}="{value}"' for key, value in structure.items())
    try:
        (atoms,) = read_xyz(StringIO("\n".join([texts[0], comment, *texts[2:], ""])), index=0)
    except Exception as error:  # ASE raises classes without a common base
        raise RecordError(
            f"{source}: lines {first + 1} to {first + 1 + n_atoms}: not what ASE reads"
            f" ({first_line(error)})"
        ) from error
    if atoms.pbc.any() and "Lattice" not in info:
        raise RecordError(f"{where}: periodic (`pbc`) but without a `Lattice`")
    # without forces, charges and other columns, which a database would keep
    atoms = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    return Frame(source, info, atoms)


def parse_comment(line: str, where: str) -> dict[str, str]:
    """Values of a comment line by their keys, or RecordError."""
    values: dict[str, str] = {}
    place, text = 0, line.strip()
    while place < len(text):
        match = PAIR.match(text, place)
        if match is None:
            raise RecordError(f"{where}: expected `key=value`, found {text[place : place + 30]!r}")
        key, *forms = match.groups()
        if key in values:
            raise RecordError(f"{where}: `{key}` occurs twice")
        values[key] = next((form for form in forms if form is not None), "T")
        place = match.end()
    return values


def _to_record(read: Callable[[], Frame], options: ReadOptions) -> Record:
    """The record of a frame; XanesError where a value is missing or contradicts another."""
    frame = read()
    absorber, info = frame.text("absorber"), frame.info
    if not COUNT.fullmatch(absorber) or int(absorber) >= len(frame.atoms):
        raise RecordError(
            f"{frame.source}: `absorber` is {absorber!r}, expected an index within 0 to"
            f" {len(frame.atoms) - 1}"
        )
    texts = ("edge", "axis", "target", "code", "version", "preset", "cards")
    values: dict[str, Any] = {name: info.get(name) for name in texts}
    for name in ("fermi_level", "interstitial", "kf"):
        if name in info:
            (values[name],) = frame.numbers(name, 1)
    if "polarization" in info:
        where = f"{frame.source}: `polarization`"
        values["polarization"] = unit_vector(where, frame.numbers("polarization", 3))
    if "radii" in info:
        count = 3 * max(1, len(info["radii"].split()) // 3)  # three for each potential
        rows = np.reshape(frame.numbers("radii", count), (-1, 3)).tolist()
        values["radii"] = tuple((int(z), rmt, rnm) for z, rmt, rnm in rows)
    energy = frame.numbers("energy") if "energy" in info else []
    return make_record(
        frame.source,
        options,
        material=frame.text("material"),
        atoms=frame.atoms,
        site=int(absorber),
        element=frame.atoms[int(absorber)].symbol,
        mu=np.array(frame.numbers("mu")),
        energy=np.array(energy) if len(energy) > 1 else None,
        label=info.get("site"),
        **values,
    )


FORMAT = Format(
    title="extended xyz files",
    read=read_extxyz,
    matches=is_extxyz,
    suffixes=tuple(f"{ending}{pack}" for ending in (".xyz", ".extxyz") for pack in PACKED),
)

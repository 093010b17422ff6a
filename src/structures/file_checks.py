"""Structure files against what ASE made of them: what ASE passes over without a word."""

import logging
import re
from collections import Counter
from pathlib import Path

from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype

from ..errors import StructureError
from ..runtime.compressed_files import BY_ENDING, LARGEST_EXPANDED, open_expanded, read_expanded

logger = logging.getLogger(__name__)

TEXT = ("cif", "vasp", "xyz", "extxyz")
"""Formats looked into, ASE's names."""
FOLLOWS = "octopus-in"
"""The format, ASE's name, whose files name others that ASE would read instead."""
COUNT = re.compile(r"\s*(\d+)\s*", re.ASCII)
PROPERTIES = re.compile(r"Properties=\"?(\S+)")
FRAMES = ("xyz", "extxyz")
"""Formats that are frames of so many lines."""
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
UNDERSCORED = re.compile(r"(?<![^\s\"'=])[+-]?\d[\d_]*_\d*\.\d*|(?<![^\s\"'=])[+-]?\d+\.\d*_\d+")
"""A number with an underscore, which Python takes and no program writes."""
FORMULA = re.compile(r"(?m)^_chemical_formula_sum\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s*$")
CELL = [f"_cell_length_{axis}" for axis in "abc"]
CELL += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
"""A CIF's cell."""
RATIO_WITHIN = 0.02
"""Largest relative difference of the atoms' ratio to a CIF's formula."""


def check_promises(path: Path) -> None:
    """Refuse a file for which ASE would read another one, or wait for what it can't hold.

    Raises:
        StructureError: an input of Octopus, or an xyz file that tells of more atoms in a frame or
            columns in a line than it has bytes.
    """
    format = format_of(path)
    if format == FOLLOWS:
        raise StructureError(f"{path}: an input of Octopus, which may name other files; give those")
    if format not in FRAMES:
        return
    size = LARGEST_EXPANDED if path.suffix in BY_ENDING else path.stat().st_size
    line = 1
    with open_expanded(path) as file:
        while found := COUNT.fullmatch(file.readline()):
            columns = PROPERTIES.search(file.readline())
            numbers = [] if columns is None else re.findall(r":([0-9]+)", columns[1])
            for number, of, at in (
                (found[1], "atoms", line),
                *((n, "columns", line + 1) for n in numbers),
            ):
                if len(number) > 18 or int(number) > size:
                    raise StructureError(
                        f"{path}: line {at}: {number[:20]} {of} in a file of {size} bytes"
                    )
            for _ in range(int(found[1])):
                file.readline()
            line += int(found[1]) + 2


def check_file(path: Path, format: str | None, frames: list[Atoms]) -> None:
    """Refuse a file that is damaged where ASE does not notice.

    Args:
        path: the file.
        format: ASE's name of its format; None: found out.
        frames: what ASE read.

    Raises:
        StructureError: bytes that are no text, numbers with underscores, more coordinates in a
            POSCAR than its counts say, frames of xyz after an empty line, a CIF without
            a whole cell, or one whose atoms are not those of its formula.
    """
    format = format or format_of(path)
    if format not in TEXT:
        return
    if format in FRAMES:
        check_frames(path)
    data = read_expanded(path)
    if CONTROL.search(data):
        at = data[: CONTROL.search(data).start()].count(b"\n") + 1  # type: ignore[union-attr]
        raise StructureError(f"{path}: line {at}: holds bytes that are no text")
    text = data.decode("latin-1")
    number = UNDERSCORED.search(text)
    if number is not None:
        raise StructureError(f"{path}: {number[0]!r} is no number")
    if format == "vasp":
        _check_poscar(path, text, len(frames[0]))
    if format == "cif":
        _check_cells(path, text, frames)
        _check_formulas(path, text, frames)


def format_of(path: Path) -> str | None:
    """ASE's name of a file's format; None: it knows none."""
    try:
        return str(filetype(str(path.absolute())))
    except (UnknownFileTypeError, OSError):
        return None


def is_frames(path: Path) -> bool:
    """Whether a file is xyz of any kind."""
    return format_of(path) in FRAMES


def check_frames(path: Path) -> None:
    """Refuse frames of xyz after an empty line, at which ASE stops without a word.

    Args:
        path: xyz or extended xyz that ASE reads; it is read line by line.

    Raises:
        StructureError: something follows an empty line between frames.
    """
    left, ended = 0, 0
    with open_expanded(path) as file:
        for number, line in enumerate(file, start=1):
            if left:
                left -= 1
            elif not line.strip():
                ended = ended or number
            elif ended:
                raise StructureError(
                    f"{path}: line {number}: more follows the empty line {ended}, where frames end"
                )
            elif line.strip().isdigit():
                left = int(line) + 1
            elif not line.lstrip().startswith("VEC"):  # a cell, in an old form
                return  # ASE has its own words for it


def _check_poscar(path: Path, text: str, n_atoms: int) -> None:
    """Raise StructureError where a line of three numbers follows the last atom's at once."""
    lines = text.splitlines()
    mode = next((k for k, line in enumerate(lines) if k > 5 and re.match(r"\s*[cCkKdD]", line)), 0)
    after = lines[mode + 1 + n_atoms : mode + 2 + n_atoms]
    if after and re.match(r"(\s*[+-]?\d+\.\d*(?:[eE][+-]?\d+)?){3}", after[0]):
        raise StructureError(
            f"{path}: line {mode + 2 + n_atoms}: coordinates after the last of {n_atoms} atoms"
        )


def _check_cells(path: Path, text: str, frames: list[Atoms]) -> None:
    """Raise StructureError where fractions of a cell that is not there became Angstrom."""
    if "_atom_site_fract_" not in text or all(atoms.cell.rank == 3 for atoms in frames):
        return
    missing = [name for name in CELL if name not in text]
    told = f"{', '.join(missing)} is missing" if missing else "a block has none"
    raise StructureError(f"{path}: positions are fractions of a cell, but {told}")


def _check_formulas(path: Path, text: str, frames: list[Atoms]) -> None:
    """Compare each structure with the formula of its block; only hydrogen may lack, with a word."""
    formulas = ["".join(groups) for groups in FORMULA.findall(text)]
    if len(formulas) != len(frames):
        return
    for formula, atoms in zip(formulas, frames, strict=True):
        occupancy = atoms.info.get("occupancy") or {}
        if any(share != 1.0 for site in occupancy.values() for share in site.values()):
            continue  # refused where it is used
        found, wanted = Counter(atoms.get_chemical_symbols()), Counter[str]()
        for symbol, count in re.findall(r"([A-Z][a-z]?)\s*(\d*\.?\d*)", formula):
            wanted["H" if symbol == "D" else symbol] += float(count or 1)  # type: ignore[assignment]
        if set(wanted) - set(found) == {"H"}:
            logger.warning("%s: the formula is %s, but no H has a position", path, formula)
            del wanted["H"]
        units = sum(found.values()) / max(sum(wanted.values()), 1e-9)
        differ = [
            symbol
            for symbol in set(found) | set(wanted)
            if abs(found[symbol] - units * wanted[symbol]) > RATIO_WITHIN * found[symbol]
        ]
        if wanted and differ:
            raise StructureError(
                f"{path}: the formula is {formula}, but the atoms are"
                f" {atoms.get_chemical_formula()}; atoms are missing or damaged"
            )

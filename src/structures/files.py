"""Structure files through ASE, with errors that name the file.

Refused although ASE accepts them silently: a CIF whose atoms contradict its formula or whose cell
is incomplete, a POSCAR with more coordinates than its counts, frames of xyz after an empty line.
"""

import logging
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import iread
from ase.io.formats import UnknownFileTypeError, filetype

from ..errors import StructureError
from ..runtime import text_files
from ..runtime.atomic_files import first_line

logger = logging.getLogger(__name__)

FORMULA = re.compile(r"(?m)^_chemical_formula_sum\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s*$")
CELL = [f"_cell_length_{axis}" for axis in "abc"]
CELL += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
"""A CIF's cell."""
RATIO_WITHIN = 0.02
"""Largest relative difference of the atoms' ratio to a CIF's formula."""
COORDINATES = re.compile(r"(\s*[+-]?\d+\.\d*(?:[eE][+-]?\d+)?){3}")


def read_structures(path: str | Path, format: str | None = None) -> list[Atoms]:
    """Read every structure of a file that ASE knows.

    Args:
        path: CIF, POSCAR, xyz, extended xyz, ..
        format: ASE's name of the format; None: inferred from name and content.

    Returns:
        The structures.

    Raises:
        StructureError: missing, not readable, empty, compressed and too large, or incomplete.
    """
    path = Path(path)
    # what is not finite is refused where it is used; a broken loop of a CIF is refused here
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Wrong number")
        frames = list(stream_structures(path, format))
    if not frames:
        raise StructureError(f"{path}: contains no structure")
    return frames


def stream_structures(path: Path, format: str | None = None) -> Iterator[Atoms]:
    """Yield the structures of a file one by one, such as frames of a trajectory.

    Args:
        path: file.
        format: see ``read_structures``.

    Raises:
        StructureError: missing, compressed and too large, incomplete, or a structure that ASE can't
            read; its number, from 0, is named if it is not the first.
    """
    if not path.is_file():
        raise StructureError(f"{path}: no such file")
    try:
        too_large = text_files.expands_too_far(path)
    except text_files.DAMAGED as error:
        raise StructureError(f"{path}: damaged or cut ({error})") from error
    if too_large:  # ASE would keep all of it in memory
        raise StructureError(
            f"{path}: more than {text_files.LARGEST_EXPANDED} bytes when unpacked; if it has to be"
            " so large, unpack it first"
        )
    kind = format
    with suppress(UnknownFileTypeError, OSError):
        kind = format or str(filetype(str(path.absolute())))
    if kind in ("xyz", "extxyz"):
        _check_frames(path)
    number = 0
    try:
        with text_files.unpacked(path) as plain:
            # text after an @ in a name would be an index; an absolute path is no server's address
            frames: Any = iread(str(plain.absolute()), ":", format, do_not_split_by_at_sign=True)
            if kind in CHECKED:  # these have few frames
                frames = list(frames)
                CHECKED[kind](path, frames)
            for atoms in frames:
                yield atoms
                number += 1
    except StructureError:
        raise
    except Exception as error:  # ASE's readers raise classes without a common base
        where = f"{path}: frame {number}" if number else path
        raise StructureError(
            f"{where}: not a structure that ASE reads ({first_line(error)})"
        ) from error


def _check_frames(path: Path) -> None:
    """Refuse a cut frame of xyz, and frames after an empty line, where ASE stops silently."""
    with text_files.open_expanded(path) as file:
        lines = enumerate(file, start=1)
        for number, line in lines:
            if text_files.COUNT.fullmatch(line.strip()):
                n_lines = sum(1 for _ in islice(lines, int(line) + 1))  # comment and atoms
                if n_lines <= int(line):
                    raise StructureError(
                        f"{path}: line {number}: {int(line)} atoms, but {n_lines} lines follow"
                    )
            elif not line.strip() and any(rest.strip() for _, rest in lines):
                raise StructureError(
                    f"{path}: line {number}: more follows the empty line, where frames end"
                )


def _check_poscar(path: Path, frames: list[Atoms]) -> None:
    """Refuse a line of three numbers right after the last atom's."""
    n_atoms = len(frames[0])
    lines = text_files.read_expanded(path).decode("latin-1").splitlines()
    mode = next((k for k, line in enumerate(lines) if k > 5 and re.match(r"\s*[cCkKdD]", line)), 0)
    after = mode + 1 + n_atoms
    if after < len(lines) and COORDINATES.match(lines[after]):
        raise StructureError(
            f"{path}: line {after + 1}: coordinates after the last of {n_atoms} atoms"
        )


def _check_cif(path: Path, frames: list[Atoms]) -> None:
    """Refuse a CIF without a whole cell, or whose atoms are not those of its formula."""
    text = text_files.read_expanded(path).decode("latin-1")
    if "_atom_site_fract_" in text and any(atoms.cell.rank < 3 for atoms in frames):
        missing = ", ".join(name for name in CELL if name not in text) or "that of a block"
        raise StructureError(f"{path}: positions are fractions of a cell, but {missing} is missing")
    formulas = ["".join(groups) for groups in FORMULA.findall(text)]
    if len(formulas) == len(frames):
        for formula, atoms in zip(formulas, frames, strict=True):
            _check_formula(path, formula, atoms)


CHECKED = {"vasp": _check_poscar, "cif": _check_cif}
"""Formats whose frames are compared with the file's text."""


def _check_formula(path: Path, formula: str, atoms: Atoms) -> None:
    """Compare a structure with its formula; only hydrogen may be missing, with a warning."""
    occupancy = atoms.info.get("occupancy") or {}
    if any(share != 1.0 for site in occupancy.values() for share in site.values()):
        return  # refused where it is used
    count, expected = Counter(atoms.get_chemical_symbols()), Counter[str]()
    for symbol, number in re.findall(r"([A-Z][a-z]?)\s*(\d*\.?\d*)", formula):
        expected["H" if symbol == "D" else symbol] += float(number or 1)  # type: ignore[assignment]
    if set(expected) - set(count) == {"H"}:
        logger.warning("%s: the formula is %s, but no H has a position", path, formula)
        del expected["H"]
    units = count.total() / max(expected.total(), 1e-9)
    if expected and any(
        abs(count[symbol] - units * expected[symbol]) > RATIO_WITHIN * count[symbol]
        for symbol in set(count) | set(expected)
    ):
        raise StructureError(
            f"{path}: the formula is {formula}, but the atoms are"
            f" {atoms.get_chemical_formula()}; atoms are missing or damaged"
        )


def named_structures(path: str | Path) -> list[tuple[str, Atoms]]:
    """Structures of a file with a name each.

    The name is the file's, or the folder's of a POSCAR, and numbered where there are several.

    Raises:
        StructureError: see ``read_structures``.
    """
    path = Path(path)
    frames, stem = read_structures(path), _stem(path)
    if len(frames) == 1:
        return [(stem, frames[0])]
    return [(f"{stem}-{number}", frame) for number, frame in enumerate(frames)]


def each_structure(paths: Sequence[Path]) -> Iterator[tuple[Path, str, Atoms | StructureError]]:
    """Read files one after the other; one that can't be read does not stop the others.

    Args:
        paths: files that ASE reads.

    Yields:
        File, name of the structure, and the structure or why the file can't be read. Where names
        coincide, the number of the structure is appended.
    """
    stems, used = Counter(_stem(path) for path in paths), set[str]()
    number = 0
    for path in paths:
        named: list[tuple[str, Atoms | StructureError]]
        try:
            named = list(named_structures(path))
        except StructureError as error:
            named = [(_stem(path), error)]
        for name, atoms in named:
            unique = f"{name}-{number}" if stems[_stem(path)] > 1 else name
            while unique in used:  # a file may have the name of another one's frame
                unique += f"-{number}"
            used.add(unique)
            yield path, unique, atoms
            number += 1


def _stem(path: Path) -> str:
    """Name of a file's structure: the file's without its ending, or the folder's of a POSCAR."""
    is_poscar = path.name in ("POSCAR", "CONTCAR")
    return path.resolve().parent.name if is_poscar else path.stem

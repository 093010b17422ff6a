"""POSCAR and CONTCAR, read by ASE once the line of elements is in plain symbols."""

import io
import re
from pathlib import Path

from ase import Atoms
from ase.data import chemical_symbols
from ase.io import ParseError
from ase.io.vasp import atomtypes_outpot, read_vasp

from ..errors import StructureError
from ..runtime import text_files
from .species import species_of

COORDINATES = re.compile(r"(\s*[+-]?\d+\.\d*(?:[eE][+-]?\d+)?){3}")
COMMENT = re.compile(r"\s*[!#].*")
SYMBOLS = 5
"""Lines before that of the elements; in version 4 the counts of atoms follow at once."""


def read_poscar(path: Path) -> Atoms:
    """Read a POSCAR of version 4 or 5.

    Labels such as ``Cu2+``, ``Cu1``, ``Cu_pv``, ``Cu_pv/6a2f546d`` or ``D`` are elements. Version 4
    has its elements in the first line, or else in POTCAR or OUTCAR of its folder.

    Raises:
        StructureError: no elements, another number of counts, or a line of three numbers right
            after the last atom's. What ASE raises passes through.
    """
    lines = text_files.read_expanded(path).decode("latin-1").splitlines()
    if len(lines) <= SYMBOLS + 1:
        raise StructureError(f"{path}: ends after {len(lines)} lines; expected elements and counts")
    words = COMMENT.sub("", lines[SYMBOLS]).split()
    old = bool(words) and all(text_files.COUNT.fullmatch(word) for word in words)
    counts = words if old else COMMENT.sub("", lines[SYMBOLS + 1]).split()
    if old:
        symbols = _symbols_of_version_4(path, lines[0], len(counts))
    else:
        symbols = [_symbol(word, f"{path}: line {SYMBOLS + 1}") for word in words]
    if len(symbols) != len(counts):
        raise StructureError(
            f"{path}: line {SYMBOLS + 1}: {len(symbols)} elements, but {len(counts)} counts follow"
        )
    lines[SYMBOLS : SYMBOLS + (0 if old else 1)] = [" ".join(symbols)]
    atoms = read_vasp(io.StringIO("\n".join(lines) + "\n"))
    mode = next((k for k, line in enumerate(lines) if k > 5 and re.match(r"\s*[cCkKdD]", line)), 0)
    after = mode + 1 + len(atoms)
    if after < len(lines) and COORDINATES.match(lines[after]):
        raise StructureError(
            f"{path}: line {after + (0 if old else 1)}: coordinates after the last of {len(atoms)}"
            " atoms"
        )
    return atoms


def _symbol(word: str, where: str) -> str:
    label = re.split(r"[_/]", word)[0]
    try:
        species = species_of(label)
    except StructureError:
        species = {}
    if list(species.values()) != [1.0]:
        raise StructureError(f"{where}: {word[:40]!r} is not an element")
    return next(iter(species))


def _symbols_of_version_4(path: Path, title: str, n_counts: int) -> list[str]:
    if re.fullmatch(r"\s*(?:[A-Z][a-z]?\d*\s*)+", title):
        symbols = re.findall(r"[A-Z][a-z]?", title)
        if len(symbols) == n_counts and set(symbols) <= set(chemical_symbols[1:]):
            return symbols
    try:
        return list(atomtypes_outpot(str(path.absolute()), n_counts))
    except (ParseError, OSError) as error:
        raise StructureError(
            f"{path}: line {SYMBOLS + 1}: no elements, as in version 4 of VASP; add a line with the"
            f" {n_counts} symbols above the counts"
        ) from error

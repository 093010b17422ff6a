"""The input file of FDMNES: structure, absorbers, edge and the name of the output."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.spacegroup import crystal
from ase.spacegroup.spacegroup import SpacegroupNotFoundError, SpacegroupValueError

from ..errors import RecordError
from ..runtime.text_files import COUNT, numbered_lines, parse_number
from ..structures.names import LARGEST_Z

REFUSED = {
    "crystal_p": "a protein's structure in a PDB file",
    "cif_file": "a structure in a CIF",
    "film_cif_file": "a structure in a CIF",
    "pdb_file": "a structure in a PDB file",
    "energpho": "energies of the photon in the output",
    "film": "a film",
    "surface": "a surface",
    "interface": "an interface",
    "atom": "atom types by number",
    "occupancy": "partial occupancy",
    "crystal_t": "thermal parameters",
    "molecule_t": "thermal parameters",
    "atom_b_iso": "thermal parameters",
}
"""Keywords that are not supported, without which the structure is another one."""
MOST_WORDS = 40
"""Words in the line of an atom: Z x y z, and orbitals' populations that some versions take."""
STRUCTURES = ("crystal", "molecule")
EDGES = {"k": "K", "l1": "L1", "l2": "L2", "l3": "L3", "l23": "L23", "m45": "M45"}
Blocks = dict[str, list[tuple[int, str]]]
"""Numbered lines of values of each keyword."""


@dataclass(frozen=True)
class FdmnesInput:
    """What an input file says."""

    output: str
    """Name that the output files begin with, `Filout`."""
    atoms: Atoms
    """Crystal, or molecule."""
    absorbers: list[int]
    """0-based indices of all absorbing atoms."""
    edge: str
    """Edge, K if the file does not say."""


def read_input(path: Path) -> FdmnesInput:
    """Read an input file; keywords in upper or lower case, `!` begins a comment.

    Raises:
        RecordError: a keyword or a value is missing, or says something that is not supported.
    """
    blocks = dict(keyword_blocks(path))
    if blocks and list(blocks)[-1] in STRUCTURES:
        raise RecordError(f"{path}: ends with the list of atoms, without `End`; is it truncated?")
    for keyword, what in REFUSED.items():
        if keyword in blocks:
            raise RecordError(f"{path}: `{keyword}`, {what}, is not supported")
    for other, keyword in (("space_group", "spgroup"), ("absorbeur", "absorber")):
        if other in blocks:
            blocks[keyword] = blocks.pop(other)
    if not blocks.get("filout"):
        raise RecordError(f"{path}: no `Filout` with the name of the output")
    atoms = read_atoms(path, blocks)
    edge = (blocks.get("edge") or [(0, "k")])[0][1].strip().lower()
    if edge not in EDGES:
        raise RecordError(f"{path}: `Edge` is {edge!r}, expected one of {', '.join(EDGES)}")
    absorbers = read_absorbers(path, blocks, atoms)
    return FdmnesInput(blocks["filout"][0][1].strip(), atoms, absorbers, EDGES[edge])


def keyword_blocks(path: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each keyword, in lower case, with its numbered lines of values, up to `End`."""
    keyword, values = "", list[tuple[int, str]]()
    for number, line in numbered_lines(path):
        text = line.split("!")[0].strip()
        takes_word = keyword in ("filout", "edge", "spgroup", "space_group") and not values
        if re.match(r"[A-Za-z]", text) and not takes_word:
            if keyword:
                yield keyword, values
            keyword, *rest = text.split(None, 1)
            keyword, values = keyword.lower(), [(number, word) for word in rest]
            if keyword == "end":
                break
        elif text:
            values.append((number, text))
    if keyword:
        yield keyword, values


def read_atoms(path: Path, blocks: Blocks) -> Atoms:
    """Crystal or molecule, symmetry applied where a space group is given, or RecordError."""
    kinds = [kind for kind in STRUCTURES if blocks.get(kind)]
    if len(kinds) != 1:
        raise RecordError(f"{path}: expected one `Crystal` or `Molecule` with its atoms")
    (first, cell_line), *lines = blocks[kinds[0]]
    cell = _floats(path, first, cell_line)
    cell = [*cell, 90.0, 90.0, 90.0] if len(cell) == 3 else cell
    if len(cell) != 6 or min(cell) <= 0:
        raise RecordError(f"{path}: line {first}: expected a b c alpha beta gamma, all positive")
    try:
        vectors = Cell.fromcellpar(cell).array
    except AssertionError as error:
        raise RecordError(f"{path}: line {first}: no cell has the angles {cell[3:]}") from error
    rows = []
    for line, text in lines:
        row, known = _floats(path, line, text, most=4), range(1, LARGEST_Z + 1)
        if len(row) != 4 or row[0] not in known or len(text.split()) > MOST_WORDS:
            raise RecordError(f"{path}: line {line}: expected Z x y z, found {text[:40]!r}")
        rows.append(row)
    if not rows:
        raise RecordError(f"{path}: `{kinds[0].capitalize()}` contains no atoms")
    numbers, positions = [int(row[0]) for row in rows], np.array(rows)[:, 1:]
    if kinds[0] == "molecule":
        return Atoms(numbers, positions @ vectors)
    if blocks.get("spgroup"):
        return _with_symmetry(path, blocks["spgroup"][0][1], numbers, positions, cell)
    return Atoms(numbers, scaled_positions=positions, cell=cell, pbc=True)


def _with_symmetry(
    path: Path, group: str, numbers: list[int], positions: np.ndarray, cell: list[float]
) -> Atoms:
    """All atoms of a crystal whose distinct ones are given; `Pn-3m:2` names the setting."""
    symbol, _, setting = group.strip().partition(":")
    symbol = symbol.strip().capitalize()
    spaced = re.sub(r"(?<=[A-Za-z0-9])(?=[A-Za-z\-/])", " ", symbol)
    for choice in (int(symbol) if COUNT.fullmatch(symbol) else spaced, symbol):
        try:
            return crystal(
                numbers, positions, spacegroup=choice, cellpar=cell,
                setting=2 if setting.strip() in ("2", "R", "r") else 1, onduplicates="error",
            )  # fmt: skip
        except (SpacegroupNotFoundError, SpacegroupValueError):
            continue
        except ValueError as error:
            raise RecordError(f"{path}: `Spgroup` {group!r}: {error}") from error
    raise RecordError(f"{path}: `Spgroup` {group!r} is not known; list all atoms instead")


def read_absorbers(path: Path, blocks: Blocks, atoms: Atoms) -> list[int]:
    """Absorbing atoms: all of `Z_absorber`, or those of `Absorber`, which counts from 1."""
    if blocks.get("z_absorber"):
        line, text = blocks["z_absorber"][0]
        (number, *_) = _floats(path, line, text)
        sites = np.flatnonzero(atoms.numbers == number).tolist()
        if not sites:
            raise RecordError(f"{path}: line {line}: `Z_absorber` {number:g} is no atom's number")
        return sites
    if not blocks.get("absorber"):
        raise RecordError(f"{path}: no `Z_absorber` or `Absorber` says which atoms absorb")
    if blocks.get("spgroup"):
        raise RecordError(f"{path}: `Absorber` with a space group: give `Z_absorber` instead")
    counts = [k for line, text in blocks["absorber"] for k in _floats(path, line, text)]
    for k in counts:
        if k not in range(1, len(atoms) + 1):
            raise RecordError(f"{path}: `Absorber` {k:g} is not within 1 to {len(atoms)}")
    return sorted({int(k) - 1 for k in counts})


def _floats(path: Path, line: int, text: str, most: int | None = None) -> list[float]:
    """Numbers of a line, or RecordError."""
    try:
        return [parse_number(word) for word in text.split()[:most]]
    except ValueError as error:
        raise RecordError(f"{path}: line {line}: {error}") from error

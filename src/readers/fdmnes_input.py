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
"""Keywords whose meaning is not read, so that their structure can't be known."""
MOST_WORDS = 40
"""Words in the line of an atom: Z x y z, and orbitals' populations that some versions take."""
STRUCTURES = ("crystal", "molecule")
EDGES = {"k": "K", "l1": "L1", "l2": "L2", "l3": "L3", "l23": "L23", "m45": "M45"}


@dataclass(frozen=True)
class FdmnesInput:
    """What an input file says."""

    path: Path
    """Input file."""
    output: str
    """Name that the output files begin with, `Filout`."""
    atoms: Atoms
    """Crystal, or molecule."""
    absorbers: list[int]
    """0-based indices of all absorbing atoms."""
    edge: str
    """Edge, K if the file does not say."""


def read_input(path: Path) -> FdmnesInput:
    """Read an input file; keywords in any spelling of case, `!` begins a comment.

    Raises:
        RecordError: a keyword or a value is missing, or says something that is not read.
    """
    blocks = dict(keyword_blocks(path))
    if blocks and list(blocks)[-1] in STRUCTURES:
        raise RecordError(f"{path}: ends with the list of atoms, without `End`; is it cut?")
    for keyword, what in REFUSED.items():
        if keyword in blocks:
            raise RecordError(f"{path}: `{keyword}`, {what}, is not read")
    named = blocks.get("filout")
    if not named:
        raise RecordError(f"{path}: no `Filout` with the name of the output")
    atoms = read_atoms(path, blocks)
    edge = (blocks.get("edge") or [(0, "k")])[0][1].strip().lower()
    if edge not in EDGES:
        raise RecordError(f"{path}: `Edge` is {edge!r}, expected one of {', '.join(EDGES)}")
    return FdmnesInput(
        path, named[0][1].strip(), atoms, read_absorbers(path, blocks, atoms), EDGES[edge]
    )


def keyword_blocks(path: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each keyword, in lower case, with its numbered lines of values."""
    keyword: str | None = None
    values: list[tuple[int, str]] = []
    for number, line in numbered_lines(path):
        text = line.split("!")[0].strip()
        if not text:
            continue
        takes_word = keyword in ("filout", "edge", "spgroup", "space_group") and not values
        if re.match(r"[A-Za-z]", text) and not takes_word:
            if keyword is not None:
                yield keyword, values
            keyword, values = text.split()[0].lower(), []
            rest = text.split(None, 1)[1:]
            values += [(number, rest[0])] if rest else []
            if keyword == "end":
                yield keyword, []
                return
        else:
            values.append((number, text))
    if keyword is not None:
        yield keyword, values


def read_atoms(path: Path, blocks: dict[str, list[tuple[int, str]]]) -> Atoms:
    """Crystal or molecule, symmetry applied where a space group is given, or RecordError."""
    kinds = [kind for kind in STRUCTURES if kind in blocks]
    if len(kinds) != 1 or not blocks[kinds[0]]:
        raise RecordError(f"{path}: wanted one `Crystal` or `Molecule` with its atoms")
    (first, cell_line), *lines = blocks[kinds[0]]
    cell = _floats(path, first, cell_line)
    cell = [*cell, 90.0, 90.0, 90.0] if len(cell) == 3 else cell
    if len(cell) != 6 or min(cell) <= 0:
        raise RecordError(f"{path}: line {first}: expected a b c alpha beta gamma, all positive")
    try:
        vectors = Cell.fromcellpar(cell).array
    except AssertionError as error:
        raise RecordError(
            f"{path}: line {first}: no cell has the angles {' '.join(f'{a:g}' for a in cell[3:])}"
        ) from error
    numbers, positions = [], []
    for line, text in lines:
        if len(text.split()) > MOST_WORDS:
            raise RecordError(f"{path}: line {line}: {len(text.split())} words for an atom")
        words = _floats(path, line, text, most=4)
        if len(words) != 4 or words[0] != int(words[0]) or not 1 <= words[0] <= LARGEST_Z:
            raise RecordError(f"{path}: line {line}: expected Z x y z, found {text[:40]!r}")
        numbers.append(int(words[0]))
        positions.append(words[1:])
    if not numbers:
        raise RecordError(f"{path}: `{kinds[0].capitalize()}` contains no atoms")
    if kinds[0] == "molecule":
        return Atoms(numbers=numbers, positions=np.array(positions) @ vectors)
    group = blocks.get("spgroup") or blocks.get("space_group")
    if not group:
        return Atoms(numbers=numbers, scaled_positions=positions, cell=cell, pbc=True)
    return _with_symmetry(path, group[0][1], numbers, positions, cell)


def _with_symmetry(
    path: Path, group: str, numbers: list[int], positions: list[list[float]], cell: list[float]
) -> Atoms:
    """All atoms of a crystal of which the distinct ones are given; `Pn-3m:2` names the setting."""
    symbol, _, setting = group.strip().partition(":")
    spaced = re.sub(r"(?<=[A-Za-z0-9])(?=[A-Za-z\-/])", " ", symbol.strip().capitalize())
    choices = (int(symbol) if COUNT.fullmatch(symbol) else spaced, symbol.strip().capitalize())
    wanted = 2 if setting.strip() in ("2", "R", "r") else 1
    for choice in choices:
        try:
            return crystal(
                numbers, positions, spacegroup=choice, cellpar=cell, setting=wanted,
                onduplicates="error",
            )  # fmt: skip
        except (SpacegroupNotFoundError, SpacegroupValueError):
            continue
        except ValueError as error:
            raise RecordError(f"{path}: `Spgroup` {group!r}: {error}") from error
    raise RecordError(f"{path}: `Spgroup` {group!r} is not known; write all atoms out")


def read_absorbers(path: Path, blocks: dict[str, list[tuple[int, str]]], atoms: Atoms) -> list[int]:
    """Absorbing atoms: all of `Z_absorber`, or those of `Absorber`, which counts from 1."""
    if blocks.get("z_absorber"):
        line, text = blocks["z_absorber"][0]
        (number, *_) = _floats(path, line, text)
        found = [k for k, z in enumerate(atoms.numbers) if z == number]
        if not found:
            raise RecordError(f"{path}: line {line}: `Z_absorber` {number:g} is no atom's number")
        return found
    values = blocks.get("absorber") or blocks.get("absorbeur")
    if not values:
        raise RecordError(f"{path}: no `Z_absorber` or `Absorber` says which atoms absorb")
    if blocks.get("spgroup") or blocks.get("space_group"):
        raise RecordError(f"{path}: `Absorber` with a space group: give `Z_absorber` instead")
    given = [word - 1 for line, text in values for word in _floats(path, line, text)]
    outside = [k + 1 for k in given if k not in range(len(atoms))]
    if outside:
        raise RecordError(f"{path}: `Absorber` {outside[0]:g} is not within 1 .. {len(atoms)}")
    return sorted({int(k) for k in given})


def _floats(path: Path, line: int, text: str, most: int | None = None) -> list[float]:
    """Finite numbers of a line, or RecordError."""
    found = []
    for word in text.split()[:most]:
        try:
            found.append(parse_number(word))
        except ValueError as error:
            raise RecordError(f"{path}: line {line}: {error}") from error
    return found

"""The input file of FDMNES: structure, absorbers, edge and the name of the output."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.spacegroup import crystal
from ase.spacegroup.spacegroup import SpacegroupNotFoundError, SpacegroupValueError

from ..errors import RecordError
from ..runtime.text_files import COUNT, DECIMAL, check_text, parse_number, parse_numbers, raw_lines
from ..structures.files import read_structures
from ..structures.names import LARGEST_Z
from .fdmnes_keywords import REFUSED, WITH_TEXT, keyword_of
from .listed_sites import listed_sites

STRUCTURES = ("crystal", "molecule", "cif_file")
EDGES = ("K", "L1", "L2", "L3", "L23", "M1", "M2", "M3", "M4", "M5", "M45")
WRITTEN = ("e_cut", "gamma_max", "gamma_hole", "epsii", "gaussian", "abs_u_iso")
"""Parameters of the convolution whose first value FDMNES writes into the name of its output."""
Blocks = dict[str, list[tuple[int, str]]]
"""Numbered lines of values of each keyword."""


@dataclass(frozen=True)
class FdmnesInput:
    """What an input file says."""

    output: str
    """Name that the output files begin with, `Filout`, from the folder where FDMNES ran."""
    convoluted: str | None
    """Name of the convoluted spectrum, `Conv_out`, from there too; None: it follows from others."""
    written: dict[str, float]
    """Values of the parameters of ``WRITTEN`` that the input sets."""
    atoms: Atoms
    """Crystal, or molecule."""
    absorbers: list[int]
    """0-based indices of all absorbing atoms."""
    listed: bool
    """Whether `Absorber` lists them; FDMNES then adds all atoms that are equivalent by symmetry."""
    edge: str
    """Edge, K if the file does not say."""
    per_atom: bool
    """Whether the convoluted spectrum is per absorber instead of a sum over the cell."""
    photon_energies: bool
    """Whether energies of the output are those of the photon."""


def read_input(path: Path, folder: Path | None = None) -> FdmnesInput:
    """Read an input file; keywords in upper or lower case, `!` begins a comment.

    Args:
        path: the file.
        folder: where FDMNES ran, from which the name of a CIF counts. None: the file's.

    Raises:
        RecordError: a keyword or a value is missing, unknown, or says something that is not
            supported.
    """
    blocks = dict(keyword_blocks(path))
    if blocks and list(blocks)[-1] in STRUCTURES:
        raise RecordError(f"{path}: ends with the structure, without `End`; is it truncated?")
    texts = {name: lines[0][1] for name, lines in blocks.items() if lines}
    atoms, listed = read_structure(path, blocks, folder or path.parent)
    edge = texts.get("edge", "K").split()[0].upper()[:3]
    edge = "K" if edge.startswith("K") else edge
    if edge not in EDGES:
        raise RecordError(f"{path}: `Edge` is {edge!r}, expected one of {', '.join(EDGES)}")
    written = {}
    for name in set(WRITTEN) & set(texts):
        with suppress(ValueError):  # a word behind the keyword
            written[name] = parse_number(texts[name].split()[0])
    convoluted = texts.get("conv_out")
    return FdmnesInput(
        output=_path(texts.get("filout", "fdmnes_out")),
        convoluted=None if convoluted is None else f"{_path(convoluted)}.txt",
        written=written,
        atoms=atoms,
        absorbers=read_absorbers(path, blocks, atoms, listed),
        listed="absorber" in blocks,
        edge=edge,
        per_atom="per_atom" in blocks,
        photon_energies="energpho" in blocks,
    )


def _path(name: str) -> str:
    """Name of a file as FDMNES takes it: without `.txt`; Windows writes backslashes."""
    return name.replace("\\", "/").removesuffix(".txt")


def keyword_blocks(path: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each keyword with its numbered lines of values, up to `End`, as FDMNES reads them.

    What stands between `Jump` and `Endjump` is skipped, and so is what precedes the first keyword.
    Words behind a keyword count only where no lines of values follow.

    Raises:
        RecordError: a keyword of ``REFUSED``, or a word that is none.
    """
    keyword, values, rest, skipped = "", list[tuple[int, str]](), list[tuple[int, str]](), False
    for number, line in raw_lines(path):
        text = check_text(path, number, line.split("!")[0]).strip(" \t\r\n\ufeff")
        word, *behind = text.split(None, 1) or [""]
        name = keyword_of(word)
        if keyword in ("filout", "cif_file") and not values and not rest:
            name = None  # a file may be called like a keyword
        if skipped or name == "jump":
            skipped = name != "endjump"
        elif name in REFUSED:
            raise RecordError(f"{path}: line {number}: `{word}`, {REFUSED[name]}, is not supported")
        elif name is not None and name != "endjump":
            if keyword:
                yield keyword, values or rest
            keyword, values, rest = name, [], [(number, more) for more in behind]
            if name == "end":
                break
        elif text[:1].isalpha() and keyword and keyword not in WITH_TEXT:
            raise RecordError(
                f"{path}: line {number}: `{word[:30]}` is no keyword that this reader knows"
            )
        elif text and name is None:
            values.append((number, text))
    if keyword:
        yield keyword, values or rest


def read_structure(path: Path, blocks: Blocks, folder: Path) -> tuple[Atoms, list[int | None]]:
    """Crystal or molecule, symmetry applied, and the index of each atom that the file lists.

    Raises:
        RecordError: there is no structure, several, or one that is not understood.
    """
    kinds = [kind for kind in STRUCTURES if blocks.get(kind)]
    if len(kinds) != 1:
        raise RecordError(f"{path}: expected one `Crystal` or `Molecule` with its atoms")
    if kinds == ["cif_file"]:
        return _read_cif(path, blocks["cif_file"][0][1], folder)
    (first, cell_line), *lines = blocks[kinds[0]]
    cell = parse_numbers(f"{path}: line {first}", cell_line.split())
    cell = [*cell, 90.0, 90.0, 90.0] if len(cell) == 3 else cell
    if len(cell) != 6 or min(cell) <= 0:
        raise RecordError(f"{path}: line {first}: expected a b c alpha beta gamma, all positive")
    try:
        vectors = Cell.fromcellpar(cell).array
    except AssertionError as error:
        raise RecordError(f"{path}: line {first}: no cell has the angles {cell[3:]}") from error
    rows, known = list[list[float]](), range(1, LARGEST_Z + 1)
    for line, text in lines:
        words = text.split()
        row = parse_numbers(f"{path}: line {line}", words[:4])
        # lines of orbitals follow, unless the fifth number is 0
        orbitals = words[4:5] not in ([], ["0"]) and DECIMAL.fullmatch(words[4])
        if len(row) != 4 or row[0] not in known or (orbitals and "readfast" not in blocks):
            raise RecordError(f"{path}: line {line}: expected Z x y z, found {text[:40]!r}")
        rows.append(row)
    if not rows:
        raise RecordError(f"{path}: `{kinds[0].capitalize()}` contains no atoms")
    numbers, positions = [int(row[0]) for row in rows], np.array(rows)[:, 1:]
    if kinds == ["molecule"]:
        atoms = Atoms(numbers, positions @ vectors)
    elif blocks.get("spgroup"):
        atoms = _with_symmetry(path, blocks["spgroup"][0][1], numbers, positions, cell)
    else:
        atoms = Atoms(numbers, scaled_positions=positions, cell=cell, pbc=True)
    kind_of = atoms.arrays.get("spacegroup_kinds", np.arange(len(atoms))).tolist()
    return atoms, [kind_of.index(kind) for kind in range(len(rows))]


def _read_cif(path: Path, name: str, folder: Path) -> tuple[Atoms, list[int | None]]:
    """Crystal of a CIF, to whose name FDMNES adds `.cif`; or it is next to the input."""
    name = name.replace("\\", "/").removesuffix(".cif") + ".cif"
    places = [folder / name, path.parent / Path(name).name]
    cif = next((place for place in places if place.is_file()), places[0])
    crystals = read_structures(cif, format="cif")
    if len(crystals) != 1:
        raise RecordError(f"{cif}: contains {len(crystals)} structures, expected one")
    return crystals[0], listed_sites(cif, crystals[0])


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


def read_absorbers(path: Path, blocks: Blocks, atoms: Atoms, listed: list[int | None]) -> list[int]:
    """Absorbing atoms, indices in ``atoms``, or RecordError.

    Those of `Absorber`, which counts the atoms of the file from 1; else all atoms of `Z_absorber`,
    without which FDMNES takes the element of the first atom.
    """
    if "absorber" not in blocks:
        number = float(atoms.numbers[listed[0] or 0])
        for line, text in blocks.get("z_absorber", []):
            number, *others = parse_numbers(f"{path}: line {line}", text.split())
            if others or len(blocks["z_absorber"]) > 1:
                raise RecordError(f"{path}: line {line}: `Z_absorber` of several elements")
        sites = np.flatnonzero(atoms.numbers == number).tolist()
        if not sites:
            raise RecordError(f"{path}: `Z_absorber` {number:g} is no atom's number")
        return sites
    words = [word for _, text in blocks["absorber"] for word in text.split()]
    sites = []
    for k in parse_numbers(f"{path}: `Absorber`", words or ["1"]):
        site = listed[int(k) - 1] if k in range(1, len(listed) + 1) else None
        if site is None:
            raise RecordError(f"{path}: `Absorber` {k:g} is not within 1 to {len(listed)}")
        sites.append(site)
    return sorted(set(sites))

"""FDMNES runs: the convoluted spectrum of all absorbers of a cell, per atom.

FDMNES (Bunau and Joly, J. Phys. Condens. Matter 21, 345501 (2009)) writes `<filout>_N.txt`, the raw
spectrum of the N-th distinct absorber, or `<filout>.txt` where there is one, and
`<filout>_conv.txt`, convoluted, all in Mbarn and summed over the atoms of the cell: in 15 runs of
TiO2 both the values and `Abs_before_edge` are proportional to the number of absorbers. A record is
the convoluted spectrum divided by that number, the mean over the absorbers, which is what other
codes and measurements compare with.

The first line of a raw file is values, `=`, and their names: `E_edge, Z, n_edge, j_edge, ..`, among
them `UnitCell_Volume` (Angstrom^3) and `natomsym_f` (atoms of the cell that this site stands for)
where the version writes them. Energies count from `E_edge`. In the 15 runs the volume is the
input's within 1e-6 and the atoms add up to its number of absorbers; the convoluted energies end
within 0.1 eV of the raw ones, and are the same where there is one raw file.
"""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError
from ..runtime.text_files import COUNT, check_whole, numbered_lines, parse_number, whole_lines
from ..structures.names import to_name
from ..xas.columns import read_columns
from ..xas.edges import find_edge
from .fdmnes_input import FdmnesInput, read_input
from .options import Format, ReadOptions, read_each
from .plausibility import BOHR, check_cross_section

INPUT, LIST = "fdmnes_in.txt", "fdmfile.txt"
"""Usual name of the input, and of the file that names the inputs."""
A0_SQUARED = 28.00285
"""a0^2 in Mbarn; 1 Mbarn is 1e-2 Angstrom^2."""
EDGE_WITHIN = 0.005
"""Largest relative difference of E_edge and the tabulated edge energy."""
VOLUME_WITHIN = 1e-3
"""Largest relative difference of the cell's volume in input and output."""
END_WITHIN = 5.0
"""Largest difference of the last energies of raw and convoluted spectrum, eV; sites' core levels
differ by some."""


@dataclass(frozen=True)
class Raw:
    """A raw spectrum."""

    path: Path
    """Its file."""
    z: int
    """Absorber's atomic number."""
    edge_energy: float
    """Energy that the table's energies are relative to, eV."""
    volume: float | None
    """Volume of the cell, Angstrom^3, where it is given."""
    atoms: float | None
    """Atoms of the cell that this site stands for, where it is given."""
    energy: np.ndarray
    """Energies relative to ``edge_energy``, eV, shape (n_energies,)."""


def find_fdmnes(folder: Path) -> Iterator[Path]:
    """Input files of the runs below a folder, in sorted order.

    Raises:
        RecordError: it is not a folder.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder")
    found = []
    for where, _, names in os.walk(folder):
        if LIST in names:
            try:
                found += _inputs_of(Path(where, LIST))
            except RecordError:
                found.append(Path(where, LIST))  # what is wrong is said when it is read
        elif INPUT in names:
            found.append(Path(where, INPUT))
    yield from sorted(set(found))


def _inputs_of(listing: Path) -> list[Path]:
    """Input files that a fdmfile.txt names: a number, then that many names.

    An empty file stands for the input of the usual name.
    """
    words = [line.split("!")[0].strip() for _, line in numbered_lines(listing)]
    words = [word for word in words if word]
    if not words:
        return [listing.with_name(INPUT)]
    count = int(words[0]) if COUNT.fullmatch(words[0]) else 0
    if not 0 < count < len(words):
        raise RecordError(
            f"{listing}: expected a number and as many names of inputs, found {words[0][:30]!r} and"
            f" {len(words) - 1} names"
        )
    return [listing.parent / word for word in words[1 : 1 + count]]


def read_fdmnes(
    folder: str | Path, element: str | None = None, edge: str | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read all runs below a folder; see ``options.read_each`` for what is yielded.

    Args:
        folder: one run or many.
        element: absorbing element; None: all.
        edge: edge; None: all.

    Raises:
        RecordError: it is not a folder, or ``edge`` is none.
        ConfigError: ``element`` is no symbol.
    """
    options = ReadOptions(element, edge)
    runs = find_fdmnes(Path(folder))
    yield from read_each(((str(path), partial(read_run, path)) for path in runs), options)


def read_run(path: Path) -> Record:
    """Read the run of an input file; RecordError where files are damaged or do not fit together."""
    if path.name == LIST:
        _inputs_of(path)
    asked = read_input(path)
    elements = {asked.atoms[k].symbol for k in asked.absorbers}
    if len(elements) > 1:
        raise RecordError(f"{path}: absorbers of several elements, {', '.join(sorted(elements))}")
    base = path.parent / asked.output
    convoluted = base.with_name(f"{base.name}_conv.txt")
    if not convoluted.is_file():
        raise RecordError(f"{path}: no convoluted spectrum, {convoluted.name}; did the run finish?")
    check_whole(convoluted)
    table = read_columns(convoluted).values
    if table.shape[1] != 2:
        raise RecordError(f"{convoluted}: expected 2 columns, found {table.shape[1]}")
    raw = _raw_spectra(path, base)
    _check_raw(raw, asked)
    _check_energies(raw, convoluted, table[:, 0])
    mu = table[:, 1] / len(asked.absorbers) / A0_SQUARED * 1000.0
    check_cross_section(str(convoluted), raw[0].z, asked.edge, mu[-1] / 1000.0 * BOHR**2)
    material = _material_of(asked)
    return Record(
        id=f"{material}_mean",
        material=material,
        atoms=asked.atoms,
        site=asked.absorbers[0],
        element=elements.pop(),
        edge=asked.edge,
        energy=raw[0].edge_energy + table[:, 0],
        mu=mu,
        target="absolute",
        code="FDMNES",
        version="",
        source=str(path.parent),
        mean_over=tuple(asked.absorbers),
    )


def _material_of(asked: FdmnesInput) -> str:
    """Name of a run's folder, or of its output where the folder contains several runs."""
    folder, listing = asked.path.resolve().parent, asked.path.with_name(LIST)
    several = listing.is_file() and len(_inputs_of(listing)) > 1
    name = Path(asked.output).name if several else folder.name
    return to_name(name)


def _raw_spectra(path: Path, base: Path) -> list[Raw]:
    single = base.with_name(f"{base.name}.txt")
    several = sorted(base.parent.glob(f"{glob.escape(base.name)}_[0-9]*.txt"))
    found = [single] if single.is_file() else several
    if not found:
        raise RecordError(f"{path}: no raw spectrum, {base.name}.txt or {base.name}_1.txt")
    return [_read_raw(file) for file in found]


def _read_raw(path: Path) -> Raw:
    """Read a raw spectrum: its first line, and its energies from the third line on."""
    lines = whole_lines(path)
    _, first = next(lines, (0, ""))
    values, _, names = first.partition("=")
    says = dict(zip((name.strip() for name in names.split(",")), values.split(), strict=False))
    try:
        z, edge_energy = int(says["Z"]), parse_number(says["E_edge"])
        volume, atoms = (
            parse_number(says[name]) if name in says else None
            for name in ("UnitCell_Volume", "natomsym_f")
        )
    except (KeyError, ValueError) as error:
        raise RecordError(f"{path}: line 1: expected numbers and `= E_edge, Z, ..`") from error
    energies = []
    for at, line in lines:
        if line.strip() and at > 2:
            try:
                energies.append(parse_number(line.split()[0]))
            except ValueError as error:
                raise RecordError(f"{path}: line {at}: {error}") from error
    return Raw(path, z, edge_energy, volume, atoms, np.array(energies))


def _check_raw(raw: list[Raw], asked: FdmnesInput) -> None:
    """Refuse raw spectra of another absorber, edge or cell than the input's."""
    first = raw[0]
    if any((r.z, r.edge_energy) != (first.z, first.edge_energy) for r in raw):
        others = sorted({(r.z, r.edge_energy) for r in raw})
        raise RecordError(f"{first.path}: other sites have another Z or E_edge: {others}")
    absorber = asked.atoms[asked.absorbers[0]]
    if first.z != absorber.number:
        raise RecordError(
            f"{asked.path}: the absorber is Z {absorber.number}, but the output is of Z {first.z}"
        )
    try:
        edge = find_edge(absorber.symbol, {"L23": "L3"}.get(asked.edge, asked.edge)).energy
    except ConfigError:  # not tabulated
        edge = first.edge_energy
    if abs(first.edge_energy / edge - 1.0) > EDGE_WITHIN:
        raise RecordError(
            f"{first.path}: line 1: E_edge is {first.edge_energy:g} eV, but {absorber.symbol}"
            f" {asked.edge} is at {edge:g} eV"
        )
    if first.volume is None or not asked.atoms.pbc.all():
        return
    volume = asked.atoms.cell.volume
    if abs(volume / first.volume - 1.0) > VOLUME_WITHIN:
        raise RecordError(
            f"{asked.path}: the cell has {volume:.2f} Angstrom^3, but {first.path.name} is of one"
            f" of {first.volume:.2f}"
        )
    counts = [r.atoms for r in raw if r.atoms is not None]
    if len(counts) == len(raw) and sum(counts) != len(asked.absorbers):
        raise RecordError(
            f"{asked.path}: {len(asked.absorbers)} atoms absorb, but the raw spectra stand for"
            f" {sum(counts):g}"
        )


def _check_energies(raw: list[Raw], convoluted: Path, energy: np.ndarray) -> None:
    """Refuse a convoluted spectrum that is not on the raw ones' energies."""
    for r in raw:
        if not len(r.energy) or abs(r.energy[-1] - energy[-1]) > END_WITHIN:
            last = f"{r.energy[-1]:g} eV" if len(r.energy) else "no energy"
            raise RecordError(
                f"{convoluted}: ends at {energy[-1]:g} eV, but {r.path.name} at {last}; a file is"
                " cut"
            )
    own = raw[0].energy
    if len(raw) == 1 and np.isin(energy, own).mean() > 0.5 and not np.array_equal(energy, own):
        odd = np.setxor1d(energy, own)
        where = f"such as at {odd[0]:g} eV" if len(odd) else "one occurs twice"
        raise RecordError(
            f"{convoluted}: its energies are not those of {raw[0].path.name}, {where}; a line is"
            " damaged"
        )


FORMAT = Format(
    title="FDMNES runs",
    read=lambda path, options: read_fdmnes(path, options.element, options.edge),
    find_runs=find_fdmnes,
    refuses=("energy", "axis"),
    targets=("absolute",),
)

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
    paths = set()
    for where, _, names in os.walk(folder):
        if LIST in names:
            try:
                paths |= set(_inputs_of(Path(where, LIST)))
            except RecordError:
                paths.add(Path(where, LIST))  # what is wrong is said when it is read
        elif INPUT in names:
            paths.add(Path(where, INPUT))
    yield from sorted(paths)


def _inputs_of(listing: Path) -> list[Path]:
    """Input files that a fdmfile.txt names: a number, then that many names.

    An empty file means the input of the usual name.
    """
    words = [line.split("!")[0].strip() for _, line in numbered_lines(listing)]
    count, *names = [word for word in words if word] or ["1", INPUT]
    if not COUNT.fullmatch(count) or not 0 < int(count) <= len(names):
        raise RecordError(
            f"{listing}: expected a number and as many names of inputs, found {count[:30]!r} and"
            f" {len(names)} names"
        )
    return [listing.parent / name for name in names[: int(count)]]


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
    inp = read_input(path)
    elements = {inp.atoms[k].symbol for k in inp.absorbers}
    if len(elements) > 1:
        raise RecordError(f"{path}: absorbers of several elements, {', '.join(sorted(elements))}")
    base = path.parent / inp.output
    convoluted = base.with_name(f"{base.name}_conv.txt")
    if not convoluted.is_file():
        raise RecordError(f"{path}: no convoluted spectrum, {convoluted.name}; did the run finish?")
    check_whole(convoluted)
    table = read_columns(convoluted).values
    if table.shape[1] != 2:
        raise RecordError(f"{convoluted}: expected 2 columns, found {table.shape[1]}")
    files = [base.with_name(f"{base.name}.txt")]
    if not files[0].is_file():
        files = sorted(base.parent.glob(f"{glob.escape(base.name)}_[0-9]*.txt"))
    if not files:
        raise RecordError(f"{path}: no raw spectrum, {base.name}.txt or {base.name}_1.txt")
    raw = [_read_raw(file) for file in files]
    _check_raw(path, raw, inp)
    _check_energies(raw, convoluted, table[:, 0])
    mu = table[:, 1] / len(inp.absorbers) / A0_SQUARED * 1000.0
    check_cross_section(str(convoluted), raw[0].z, inp.edge, mu[-1] / 1000.0 * BOHR**2)
    listing = path.with_name(LIST)
    several = listing.is_file() and len(_inputs_of(listing)) > 1
    material = to_name(base.name if several else path.resolve().parent.name)
    return Record(
        id=f"{material}_mean",
        material=material,
        atoms=inp.atoms,
        site=inp.absorbers[0],
        element=elements.pop(),
        edge=inp.edge,
        energy=raw[0].edge_energy + table[:, 0],
        mu=mu,
        target="absolute",
        code="FDMNES",
        version="",
        source=str(path.parent),
        mean_over=tuple(inp.absorbers),
    )


def _read_raw(path: Path) -> Raw:
    """Read a raw spectrum: its first line, and its energies from the third line on."""
    lines = [line for _, line in whole_lines(path)]
    values, _, names = lines[0].partition("=") if lines else ("", "", "")
    head = dict(zip((name.strip() for name in names.split(",")), values.split(), strict=False))
    try:
        z, edge_energy = int(head["Z"]), parse_number(head["E_edge"])
        volume, atoms = (
            parse_number(head[name]) if name in head else None
            for name in ("UnitCell_Volume", "natomsym_f")
        )
    except (KeyError, ValueError) as error:
        raise RecordError(f"{path}: line 1: expected numbers and `= E_edge, Z, ..`") from error
    energies = []
    for number, line in enumerate(lines[2:], start=3):
        try:
            energies += [parse_number(word) for word in line.split()[:1]]
        except ValueError as error:
            raise RecordError(f"{path}: line {number}: {error}") from error
    if not energies:
        raise RecordError(f"{path}: no energies; the file is truncated")
    return Raw(path, z, edge_energy, volume, atoms, np.array(energies))


def _check_raw(path: Path, raw: list[Raw], inp: FdmnesInput) -> None:
    """Refuse raw spectra of another absorber, edge or cell than the input's."""
    first = raw[0]
    if len({(r.z, r.edge_energy) for r in raw}) > 1:
        raise RecordError(f"{first.path}: Z or E_edge differs from that of the other sites")
    absorber = inp.atoms[inp.absorbers[0]]
    if first.z != absorber.number:
        raise RecordError(
            f"{path}: the absorber is Z {absorber.number}, but the output is of Z {first.z}"
        )
    try:
        edge = find_edge(absorber.symbol, {"L23": "L3"}.get(inp.edge, inp.edge)).energy
    except ConfigError:  # not tabulated
        edge = first.edge_energy
    if abs(first.edge_energy / edge - 1.0) > EDGE_WITHIN:
        raise RecordError(
            f"{first.path}: line 1: E_edge is {first.edge_energy:g} eV, but {absorber.symbol}"
            f" {inp.edge} is at {edge:g} eV"
        )
    if first.volume is None or not inp.atoms.pbc.all():
        return
    volume = inp.atoms.cell.volume
    if abs(volume / first.volume - 1.0) > VOLUME_WITHIN:
        raise RecordError(
            f"{path}: the cell has {volume:.2f} Angstrom^3, but that of {first.path.name} has"
            f" {first.volume:.2f}"
        )
    counts = [r.atoms for r in raw if r.atoms is not None]
    if len(counts) == len(raw) and sum(counts) != len(inp.absorbers):
        raise RecordError(
            f"{path}: {len(inp.absorbers)} atoms absorb, but the raw spectra stand for"
            f" {sum(counts):g}"
        )


def _check_energies(raw: list[Raw], convoluted: Path, energy: np.ndarray) -> None:
    """Refuse a convoluted spectrum that is not on the energies of the raw ones."""
    for r in raw:
        if abs(r.energy[-1] - energy[-1]) > END_WITHIN:
            raise RecordError(
                f"{convoluted}: ends at {energy[-1]:g} eV, but {r.path.name} at"
                f" {r.energy[-1]:g} eV; a file is truncated"
            )
    single = len(raw) == 1 and np.isin(energy, raw[0].energy).mean() > 0.5
    if single and not np.array_equal(energy, raw[0].energy):
        odd = np.setxor1d(energy, raw[0].energy)
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

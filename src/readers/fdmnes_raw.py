"""Raw spectra of FDMNES: what their first line says, and that the other files fit to it.

The first line is values, `=`, and their names: `E_edge, Z, n_edge, j_edge, Abs_before_edge, ..`,
among them `UnitCell_Volume` (Angstrom^3) and `natomsym_f` (atoms of the cell that this site stands
for) where the version writes them. In 15 runs of TiO2 these are the input's volume within 1e-6 and,
summed over the raw files, its number of absorbers; the convoluted energies end within 0.1 eV of the
raw ones, and are the same where there is one raw file.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.numbers import parse_number
from ..runtime.text_files import whole_lines
from ..xas.edges import find_edge
from .fdmnes_input import FdmnesInput

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
    """Energy that the table's energies count from, eV."""
    volume: float | None
    """Volume of the cell, Angstrom^3, where it is given."""
    atoms: float | None
    """Atoms of the cell that this site stands for, where it is given."""
    energy: np.ndarray
    """Energies relative to ``edge_energy``, eV, shape (n_energies,)."""


def read_raw(path: Path) -> Raw:
    """Read a raw spectrum.

    Raises:
        RecordError: its first line is not as FDMNES writes it, or a line begins with no number.
    """
    lines = whole_lines(path)
    _, first = next(lines, (0, ""))
    values, _, names = first.partition("=")
    told = dict(zip((name.strip() for name in names.split(",")), values.split(), strict=False))
    try:
        number, energy = int(told["Z"]), parse_number(told["E_edge"])
        extra = {
            name: parse_number(told[name])
            for name in ("UnitCell_Volume", "natomsym_f")
            if name in told
        }
    except (KeyError, ValueError) as error:
        raise RecordError(f"{path}: line 1: expected numbers and `= E_edge, Z, ..`") from error
    energies = []
    for at, line in lines:
        if line.strip() and at > 2:
            try:
                energies.append(parse_number(line.split()[0]))
            except ValueError as error:
                raise RecordError(f"{path}: line {at}: {error}") from error
    found = np.array(energies)
    return Raw(path, number, energy, extra.get("UnitCell_Volume"), extra.get("natomsym_f"), found)


def check_raw(raw: list[Raw], told: FdmnesInput, convoluted: Path, energy: np.ndarray) -> None:
    """Refuse files of a run that do not fit together.

    Args:
        raw: all raw spectra.
        told: the input.
        convoluted: file of the convoluted spectrum, for messages.
        energy: its energies relative to the edge energy, eV.

    Raises:
        RecordError: Z, edge energy, volume, number of absorbers or energies differ.
    """
    first = raw[0]
    if any((r.z, r.edge_energy) != (first.z, first.edge_energy) for r in raw):
        others = sorted({(r.z, r.edge_energy) for r in raw})
        raise RecordError(f"{first.path}: other sites have another Z or E_edge: {others}")
    absorber = told.atoms[told.absorbers[0]]
    if first.z != absorber.number:
        raise RecordError(
            f"{told.path}: the absorber is Z {absorber.number}, but the output is of Z {first.z}"
        )
    _check_edge(first, absorber.symbol, told.edge)
    if first.volume is not None and told.atoms.pbc.all():
        volume = told.atoms.cell.volume
        if abs(volume / first.volume - 1.0) > VOLUME_WITHIN:
            raise RecordError(
                f"{told.path}: the cell has {volume:.2f} Angstrom^3, but {first.path.name} is of"
                f" one of {first.volume:.2f}"
            )
        counts = [r.atoms for r in raw if r.atoms is not None]
        if len(counts) == len(raw) and sum(counts) != len(told.absorbers):
            raise RecordError(
                f"{told.path}: {len(told.absorbers)} atoms absorb, but the raw spectra stand for"
                f" {sum(counts):g}"
            )
    _check_energies(raw, convoluted, energy)


def _check_edge(raw: Raw, element: str, edge: str) -> None:
    """Raise RecordError where E_edge is far from the tabulated energy, if there is one."""
    try:
        tabulated = find_edge(element, {"L23": "L3"}.get(edge, edge)).energy
    except ConfigError:
        return
    if abs(raw.edge_energy / tabulated - 1.0) > EDGE_WITHIN:
        raise RecordError(
            f"{raw.path}: line 1: E_edge is {raw.edge_energy:g} eV, but {element} {edge} is at"
            f" {tabulated:g} eV"
        )


def _check_energies(raw: list[Raw], convoluted: Path, energy: np.ndarray) -> None:
    """Raise RecordError where the convoluted spectrum is not on the raw ones' energies."""
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
        where = f"such as at {odd[0]:g} eV" if len(odd) else "one stands twice"
        raise RecordError(
            f"{convoluted}: its energies are not those of {raw[0].path.name}, {where}; a line is"
            " damaged"
        )

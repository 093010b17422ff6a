"""Records as rows of an ASE database: structure, key-value pairs and data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from ..structures.names import material_of
from .record import OF_CALCULATION, Record

STORED = ("id", "material", "element", "edge", "target", "code", "version", "source")
"""Fields of a record that are kept in ASE's ``data`` as they are."""
PREFIX = "record "
"""ASE refuses text values that look like a number, which an id such as 123_000 does."""
EVEN = 1e-6
"""Largest difference of energy steps that count as the same, relative and in eV."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is needed to find, group and count a record."""

    row: int
    """Row of ASE's table."""
    material: str
    """Material; the original one for a displaced or strained copy."""
    element: str
    """Absorbing element."""
    edge: str
    """Absorption edge."""
    target: str
    """Kind of spectrum."""
    code: str
    """Program that calculated it, and its version."""
    axis: str
    """What energies count from, see ``Record.axis``."""
    lowest: float
    """First calculated energy, eV."""
    highest: float
    """Last calculated energy, eV."""
    step: float | None
    """Energy step, eV; None: the energies are not evenly spaced."""
    structure_digest: str
    """Checksum of the structure."""
    digest: str
    """Checksum of the record."""


def entry_of(row: int, data: dict[str, Any]) -> tuple[str, Entry]:
    """Id and entry of a record from ASE's ``data``."""
    energy = data["energy"]
    steps = np.diff(energy)
    even = np.abs(steps - steps[0]).max() <= EVEN + EVEN * abs(steps[0])
    return data["id"], Entry(
        row=row,
        material=material_of(data["id"]),
        element=data["element"],
        edge=data["edge"],
        target=data["target"],
        code=f"{data['code']} {data['version']}".strip(),
        axis=data.get("axis", "absolute"),
        lowest=float(energy[0]),
        highest=float(energy[-1]),
        step=float(steps[0]) if even else None,
        structure_digest=data["structure_digest"],
        digest=data["digest"],
    )


def pairs_of(record: Record) -> dict[str, str]:
    """Key-value pairs, for searches with ``ase db``."""
    return {
        "record": PREFIX + record.id,
        "absorber": record.element,
        "edge": record.edge,
        "target": record.target,
    }


def data_of(record: Record) -> dict[str, Any]:
    """All of a record besides its structure."""
    data = {name: getattr(record, name) for name in STORED}
    data |= {"site": record.site, "fermi_level": record.fermi_level}
    data |= {} if record.axis == "absolute" else {"axis": record.axis}
    data |= {} if record.mean_over is None else {"mean_over": list(record.mean_over)}
    for name in OF_CALCULATION:
        value = getattr(record, name)
        data |= {} if value in (None, "", ()) else {name: value}
    data |= {"energy": record.energy, "mu": record.mu, "digest": record.digest}
    return data | {"structure_digest": record.structure_digest}


def record_of(atoms: Atoms, data: dict[str, Any]) -> Record:
    """Record of a structure and ASE's ``data``."""
    return Record(
        atoms=atoms,
        site=int(data["site"]),
        energy=np.asarray(data["energy"], dtype=float),
        mu=np.asarray(data["mu"], dtype=float),
        fermi_level=data["fermi_level"],
        axis=data.get("axis", "absolute"),
        mean_over=tuple(map(int, over)) if (over := data.get("mean_over")) else None,
        **{name: _tuples(data[name]) for name in OF_CALCULATION if name in data},
        **{name: data[name] for name in STORED},
    )


def _tuples(value: Any) -> Any:
    """A value that was stored as lists, with its tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list | np.ndarray) else value

"""What is kept in memory of every record of a database."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DatabaseError
from ..structures.names import material_of
from .connection import query
from .location import Location

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
    edge: str
    target: str
    axis: str
    """As in ``Record``."""
    code: str
    """Program that calculated it, and its version."""
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


def entry_of(row: int, data: dict[str, Any]) -> Entry:
    """Entry of a record from ASE's ``data``."""
    energy = data["energy"]
    steps = np.diff(energy)
    even = np.abs(steps - steps[0]).max() <= EVEN + EVEN * abs(steps[0])
    return Entry(
        row=row,
        material=material_of(data["id"]),
        axis=data.get("axis", "absolute"),
        code=f"{data['code']} {data['version']}".strip(),
        lowest=float(energy[0]),
        highest=float(energy[-1]),
        step=float(steps[0]) if even else None,
        **{name: data[name] for name in ("element", "edge", "target")},
        **{name: data[name] for name in ("structure_digest", "digest")},
    )


def read_entries(db: Any, location: Location) -> dict[str, Entry]:
    """Entries of all records by id, in the order they were written.

    Raises:
        DatabaseError: a row is not a record, or two have the same id.
    """
    entries: dict[str, Entry] = {}
    for row, encoded in query(db, "SELECT id, data FROM systems ORDER BY id"):
        try:
            data = db.decode(encoded)
            record_id, entry = data["id"], entry_of(row, data)
        except Exception as error:  # whatever a damaged row, or one of another program, gives
            raise DatabaseError(
                f"{location}: not a database of records (row {row} is not a record of"
                " `e3gnn-xanes dataset`, or is damaged)"
            ) from error
        if record_id in entries:
            raise DatabaseError(
                f"{location}: rows {entries[record_id].row} and {row} both have the id"
                f" {record_id}; delete one with the program that added it"
            )
        entries[record_id] = entry
    return entries

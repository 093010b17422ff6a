"""Databases of structures to predict: made of files, and read a row at a time."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase import Atoms
from tqdm import tqdm

from ..errors import DatabaseError, StructureError
from ..runtime.atomic_files import first_line
from ..structures.files import each_structure
from .spectra_db import connect

REASON = "unreadable"
"""Key of a row's data that says why a file could not be read."""
ORIGIN = ("structure", "file")
"""Keys of a row's data that say where a structure was read; ASE takes no name such as 123."""
AT_ONCE = 256
"""Structures committed together."""


@dataclass(frozen=True)
class StoredStructure:
    """A row of a database of structures."""

    row: int
    """Its number."""
    atoms: Atoms
    """The structure, without atoms where it can't be read."""
    keys: dict[str, Any] = field(default_factory=dict)
    """Key-value pairs of the row; of one made of a file also ``structure`` and ``file``."""
    error: str | None = None
    """Why it can't be read; None: it was."""


def gather_structures(paths: Sequence[Path], output: Path) -> None:
    """Write all structures of files, a row each, in order.

    A file that can't be read has a row without atoms, with the reason, so that it is counted as a
    structure that can't be predicted.

    Args:
        paths: files that ASE reads.
        output: database to write; one of an interrupted run is replaced.
    """
    output.unlink(missing_ok=True)
    rows: list[tuple[Atoms, dict[str, Any]]] = []
    for path, name, found in tqdm(each_structure(paths), "reading", unit="files", disable=None):
        data: dict[str, Any] = {"structure": name, "file": str(path)}
        if isinstance(found, StructureError):
            rows.append((Atoms(), data | {REASON: str(found)}))
        else:
            rows.append((_bare(found), data | _occupancy(found)))
        if len(rows) == AT_ONCE:
            _write(rows, output)
    _write(rows, output)


def read_structure(database: Any, path: Path, row: int) -> StoredStructure:
    """Read a row.

    Args:
        database: ASE's connection.
        path: its file, for messages.
        row: number of the row.

    Returns:
        The structure with the occupancy that a CIF gave it, if that was kept in the data; a row
        that is damaged has the reason instead.

    Raises:
        DatabaseError: the file itself is damaged.
    """
    try:
        found = database.get(id=row)
        atoms, data = found.toatoms(), found.data
        atoms.calc = None  # results that the row may carry belong to the input
        if "occupancy" in data:
            atoms.info["occupancy"] = data["occupancy"]
        keys = dict(found.key_value_pairs) | {name: data[name] for name in ORIGIN if name in data}
        return StoredStructure(row, atoms, keys, data.get(REASON))
    except sqlite3.Error as error:
        raise DatabaseError(f"{path}: row {row} can't be read, {error}") from error
    except Exception as error:  # ASE decodes on use, and raises whatever it meets
        return StoredStructure(row, Atoms(), error=f"the row is damaged ({first_line(error)})")


def _write(rows: list[tuple[Atoms, dict[str, Any]]], output: Path) -> None:
    """Write rows together, and leave none in the list."""
    with connect(output) as database:
        for atoms, data in rows:
            database.write(atoms, data=data)
    rows.clear()


def _bare(atoms: Atoms) -> Atoms:
    """Elements, positions and cell alone."""
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _occupancy(atoms: Atoms) -> dict[str, Any]:
    """The occupancy that a CIF gave, as data of a row."""
    return {"occupancy": atoms.info["occupancy"]} if "occupancy" in atoms.info else {}

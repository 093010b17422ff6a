"""Structures of the rows of an ASE database (SQLite)."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import ase.db
from ase import Atoms

from ..errors import DatabaseError, StructureError
from ..runtime.atomic_files import first_line
from ..runtime.text_files import is_sqlite


def connect(path: Path) -> Any:
    """ASE's connection to a file that one process writes.

    ASE's lock files are not used: a run that was killed would leave one behind for ever.
    """
    return ase.db.connect(path, type="db", use_lock_file=False, serial=True)


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows that a statement gives; what a killed process left half written is undone before."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def check_sqlite(path: Path) -> None:
    """Raise DatabaseError where a file is not an ASE database.

    ASE adds its tables to any SQLite file that it connects to, so look first, and only read.
    """
    if not path.is_file():
        raise DatabaseError(f"{path}: no such database")
    if not is_sqlite(path):
        raise DatabaseError(f"{path}: not an ASE database (SQLite)")
    try:
        tables = {name for (name,) in query(path, "SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path}: not a database of records ({error})") from error
    if "systems" not in tables:
        raise DatabaseError(f"{path}: an SQLite file, but not an ASE database")


def row_ids(path: Path) -> list[int]:
    """Row numbers of a database, in order.

    Raises:
        DatabaseError: not an ASE database.
    """
    check_sqlite(path)
    return [number for (number,) in query(path, "SELECT id FROM systems ORDER BY id")]


def read_rows(
    path: Path, rows: Iterable[int]
) -> Iterator[tuple[int, Atoms | StructureError, dict[str, Any]]]:
    """Yield number, structure and key-value pairs of rows of a database.

    The structure has its occupancy; where the row is damaged, it is the reason.

    Raises:
        DatabaseError: the file itself is damaged.
    """
    with connect(path) as database:
        for row in rows:
            yield row, *_read_row(database, path, row)


def _read_row(database: Any, path: Path, row: int) -> tuple[Atoms | StructureError, dict[str, Any]]:
    try:
        stored = database.get(id=row)
        atoms = stored.toatoms()
        atoms.calc = None  # results that the row may carry belong to the input
        if "occupancy" in stored.data:
            atoms.info["occupancy"] = stored.data["occupancy"]
        return atoms, dict(stored.key_value_pairs)
    except sqlite3.Error as error:
        raise DatabaseError(f"{path}: row {row} can't be read, {error}") from error
    except Exception as error:  # ASE decodes on use, and raises whatever it meets
        return StructureError(f"{path}: row {row} is damaged ({first_line(error)})"), {}

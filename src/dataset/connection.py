"""ASE's connection to a database: a file of SQLite, or a PostgreSQL server."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import ase.db

from ..errors import DatabaseError
from ..runtime.provenance import HIDDEN
from ..structures.database import check_sqlite, connect
from .location import DatabaseURL, Location


@contextmanager
def connected(location: Location, write: bool = False) -> Iterator[Any]:
    """ASE's connection to a database; at the end changes are kept, after an error none of them.

    Args:
        location: a file, or a URL.
        write: make the database if it is missing.

    Raises:
        DatabaseError: missing, not reachable, not an ASE database, locked, damaged or full.
    """
    if isinstance(location, DatabaseURL):
        try:
            from psycopg2 import Error

            db = ase.db.connect(location.secret.replace(f":{HIDDEN}@", "@"), type="postgresql")
        except ImportError as error:
            raise DatabaseError(
                f"{location}: PostgreSQL needs the package {error.name}, which is not installed;"
                " pip install 'e3gnn-xanes[postgresql]'"
            ) from error
    else:
        if not (write and is_new(location)):
            check_sqlite(location)
        Error = sqlite3.Error
        db = connect(location)
    try:
        db.__enter__()  # without __exit__, which needs a method that ASE's PostgreSQL lacks
        with closing(db.connection):
            yield db
            db.connection.commit()
    except Error as error:
        reason = " ".join(str(error).split())
        raise DatabaseError(f"{location}: not a usable database of records ({reason})") from error


def is_new(path: Path) -> bool:
    """Whether a database file has yet to be made; an empty one is left by a killed process."""
    if not path.parent.is_dir():
        raise DatabaseError(f"{path}: the folder {path.parent} does not exist")
    return not path.exists() or (path.is_file() and path.stat().st_size == 0)


def query(db: Any, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Rows that a statement gives, with ? for values."""
    cursor = db.connection.cursor()
    cursor.execute(sql, values)
    return iter(cursor.fetchone, None)

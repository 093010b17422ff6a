"""ASE's connection to a database: a file, which other processes may use too, or a server."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import ase.db

from ..errors import DatabaseError
from ..runtime.provenance import HIDDEN
from ..runtime.text_files import SQLITE_MAGIC, starts_with
from .location import DatabaseURL, Location


@contextmanager
def connected(location: Location, write: bool = False) -> Iterator[Any]:
    """ASE's connection to a database, open for a while; all changes are kept, or none.

    Args:
        location: a file, made where ``write`` is true and it is missing; or a URL.
        write: whether tables may be missing.

    Raises:
        DatabaseError: missing, not reachable, not an ASE database, locked, damaged or full.
    """
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    if isinstance(location, DatabaseURL):
        try:
            from psycopg2 import Error

            errors = (Error,)
            db = ase.db.connect(location.secret.replace(f":{HIDDEN}@", "@"), type="postgresql")
        except ImportError as error:
            raise DatabaseError(
                f"{location}: PostgreSQL needs the package {error.name}, which is not installed;"
                " pip install 'e3gnn-xanes[postgresql]'"
            ) from error
    else:
        check_file(location, write)
        # SQLite locks by itself; ASE's lock file would outlive a process that is killed
        db = ase.db.connect(location, type="db", use_lock_file=False)
    try:
        db.__enter__()
        check_tables(db, location, write)
        yield db
        db.connection.commit()
    except errors as error:
        reason = " ".join(str(error).split())
        raise DatabaseError(f"{location}: not a usable database of records ({reason})") from error
    finally:
        if db.connection is not None:
            db.connection.close()  # what was not committed is undone


def check_file(path: Path, write: bool) -> None:
    """Refuse a file that is no database; where ``write`` is true it may be missing or empty."""
    if path.is_file():
        empty = write and path.stat().st_size == 0  # another process is making it
        if not empty and not starts_with(path, SQLITE_MAGIC):
            raise DatabaseError(f"{path}: not an ASE database (SQLite)")
    elif path.exists() or not write:
        raise DatabaseError(f"{path}: no such database")
    elif not path.parent.is_dir():
        raise DatabaseError(f"{path}: the folder {path.parent} does not exist")


def check_tables(db: Any, location: Location, write: bool) -> None:
    """Refuse a database with other tables than ASE's, which would add its own."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if isinstance(location, DatabaseURL):
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema ="
        sql += " current_schema()"
    tables = {name for (name,) in query(db, sql)}
    if "systems" not in tables and (tables or not write):
        raise DatabaseError(
            f"{location}: not an ASE database; its tables: {sorted(tables) or 'none'}"
        )


def query(db: Any, sql: str, values: tuple[Any, ...] = ()) -> list[tuple]:
    """Rows that a statement gives, with ? for values."""
    cursor = db.connection.cursor()
    cursor.execute(sql, values)
    return list(cursor.fetchall())


def lock(db: Any, location: Location) -> None:
    """Keep other writers out until the connection is closed; ASE's tables are there afterwards."""
    if isinstance(location, DatabaseURL):
        db.count()  # makes ASE's tables where there are none, and commits them
        db.connection.cursor().execute("LOCK TABLE systems IN SHARE ROW EXCLUSIVE MODE")
        return
    db.connection.execute("BEGIN IMMEDIATE")  # one process alone makes the tables
    db.count()
    if not db.connection.in_transaction:
        db.connection.execute("BEGIN IMMEDIATE")


def remove_if_empty(path: Path) -> None:
    """Remove a file that was made for nothing, unless another process has put records there.

    It is removed under a lock. One that waits to write then gets an error of SQLite's, which looks
    whether its file still has its name.
    """
    with suppress(sqlite3.Error, OSError):  # it stays, which does no harm
        uri = f"{path.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            rows = "systems" in tables and connection.execute("SELECT 1 FROM systems").fetchone()
            if not rows:
                path.unlink()

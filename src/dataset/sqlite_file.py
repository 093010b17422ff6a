"""The file beneath a database: opened, and removed, while other processes may use it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ..errors import DatabaseError
from ..runtime.file_types import SQLITE_MAGIC, starts_with

WAIT_SECONDS = 20.0
"""How long to wait for another process that writes."""


def open_sqlite(path: Path, write: bool) -> sqlite3.Connection:
    """Open a file; reading may end in another thread than it began in.

    Args:
        path: a database, or nothing; or an empty file, as one is that another process is making.
        write: whether it may be made.

    Returns:
        The connection.

    Raises:
        DatabaseError: missing, or not an SQLite file.
        sqlite3.Error: it can't be opened.
    """
    if path.is_file():
        empty = write and path.stat().st_size == 0
        if not empty and not starts_with(path, SQLITE_MAGIC):
            raise DatabaseError(f"{path}: not an ASE database (SQLite)")
    elif path.exists() or not write:
        raise DatabaseError(f"{path}: no such database")
    uri = f"{path.resolve().as_uri()}?mode={'rwc' if write else 'rw'}"
    return sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS, check_same_thread=False)


def remove_if_empty(path: Path) -> None:
    """Remove a file that was made for nothing, unless another process has put records there.

    It is removed under a lock. One that waits to write then gets an error of SQLite's, which looks
    whether its file still has its name.
    """
    with suppress(sqlite3.Error, OSError):  # it stays, which does no harm
        uri = f"{path.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            rows = "systems" in tables and connection.execute("SELECT 1 FROM systems").fetchone()
            if not rows:
                path.unlink()

"""Prepared graphs on disk: one SQLite file beside the database, which may be deleted any time."""

import hashlib
import logging
import os
import sqlite3
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ..errors import DatabaseError
from ..runtime.atomic_files import first_line
from .location import DatabaseURL, Location

logger = logging.getLogger(__name__)

FORMAT = "e3gnn-xanes graphs 1"
"""Changes whenever graphs are made or stored in another way; old entries are then not found."""
NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
"""What SQLite says of a disk that is full, or that nothing may be written to."""
WAIT_SECONDS = 60.0
"""How long to wait for another process that writes."""


def cache_key(*parts: object) -> str:
    """Checksum of everything that an entry depends on."""
    text = "\0".join([FORMAT, *(repr(part) for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()


class CacheWriteError(DatabaseError):
    """A cache that is not damaged but can't be written; one can do without."""


class GraphCache:
    """Named tensors by key.

    Several processes may use the same file: SQLite locks it, an entry never changes, and what two
    of them both worked out is kept once. Writing does not wait for the disk; should the machine
    lose power, a damaged entry is found by its checksum. Objects may go to other processes, each of
    which makes a connection of its own.
    """

    def __init__(self, path: Path) -> None:
        """Remember the path; the file is made when it is first used.

        Args:
            path: SQLite file; its folder must exist.
        """
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, Any]:
        """Leave the connection behind, which belongs to one process."""
        return {"path": self.path, "_connection": None, "_process": 0}

    def get(self, key: str) -> dict[str, Tensor] | None:
        """Tensors kept under a key; None: not there.

        Raises:
            CacheWriteError: the file is not there yet, and there is no room for it.
            DatabaseError: the file is damaged or can't be used.
        """
        found = self._execute("select checksum, content from graphs where key = ?", key)
        if not found:
            return None
        checksum, content = found[0]
        if not isinstance(content, bytes) or _checksum(content) != checksum:
            raise DatabaseError(f"{self.path}: the entry {key} is damaged; delete this cache")
        try:
            return safetensors.torch.load(content)
        except (SafetensorError, ValueError, KeyError) as error:
            raise DatabaseError(
                f"{self.path}: the entry {key} holds no tensors ({first_line(error)}); delete this"
                " cache"
            ) from error

    def put(self, key: str, tensors: dict[str, Tensor]) -> None:
        """Keep tensors under a key, unless there are some already.

        Raises:
            CacheWriteError: there is no room for them.
            DatabaseError: the file is damaged or can't be used.
        """
        content = safetensors.torch.save(tensors)
        statement = "insert or ignore into graphs values (?, ?, ?)"
        self._execute(statement, key, _checksum(content), content)

    def _execute(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement in a transaction of its own."""
        try:
            with self._connect() as connection:
                return connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in NO_ROOM:
                raise CacheWriteError(f"{self.path} can't be written ({error})") from error
            raise DatabaseError(
                f"{self.path}: this cache of graphs can't be used ({error}); delete it, or do"
                " without a cache"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        """Connection of this process; one that a fork brought along is not used."""
        if self._connection is None or self._process != os.getpid():
            self.close()
            self._connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS)
            self._process = os.getpid()
            self._connection.execute("pragma synchronous = off")
            self._connection.execute(
                "create table if not exists graphs"
                " (key text primary key, checksum blob not null, content blob not null)"
            )
        return self._connection

    def close(self) -> None:
        """Close the connection; using the cache again opens one."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        elif self._connection is not None:
            _INHERITED.append(self._connection)
        self._connection = None

    def __del__(self) -> None:
        """Close the connection; one that a fork brought here is its parent's to close."""
        if getattr(self, "_connection", None) is not None:
            self.close()


_INHERITED: list[sqlite3.Connection] = []
"""Connections of a parent process; never closed here, or the parent's would break."""


def _checksum(content: bytes) -> bytes:
    """Checksum of an entry."""
    return hashlib.blake2b(content, digest_size=16).digest()


def cache_beside(database: Location) -> GraphCache | None:
    """Cache of the graphs of a database file, ``<database>.graphs`` in the same folder.

    Args:
        database: database file; a server's address, which has no folder, gives no cache.

    Returns:
        The cache; None, with a note in the log, where there is no place for it.
    """
    if isinstance(database, DatabaseURL):
        return None
    path = Path(f"{database}.graphs")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        logger.warning("%s can't be written; graphs are made anew at every start", path)
        return None
    return GraphCache(path)

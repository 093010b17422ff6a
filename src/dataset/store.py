"""The SQL beneath a database of records: ASE's tables and our index, in SQLite or PostgreSQL."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ase.db
import numpy as np
from ase import Atoms

from ..errors import DatabaseError, RecordError
from ..runtime.atomic_files import first_line
from .index import IndexRow
from .location import DatabaseURL, Location
from .record import OF_CALCULATION, Record
from .sqlite_file import open_sqlite

TABLE = "xanes_records"
"""Our table beside ASE's: what is needed to find, group and count records, a row a record."""
CREATE = f"""CREATE TABLE {TABLE} (
    id INTEGER PRIMARY KEY REFERENCES systems (id) ON DELETE CASCADE,
    record TEXT NOT NULL UNIQUE,
    element TEXT NOT NULL,
    edge TEXT NOT NULL,
    target TEXT NOT NULL,
    code TEXT NOT NULL,
    lowest DOUBLE PRECISION NOT NULL,
    highest DOUBLE PRECISION NOT NULL,
    structure TEXT NOT NULL,
    digest TEXT NOT NULL,
    axis TEXT NOT NULL DEFAULT 'absolute')"""
STORED = ("id", "material", "element", "edge", "target", "code", "version", "source")
"""Fields of a record that are kept in ASE's ``data`` as they are."""
PREFIX = "record "
"""ASE refuses text values that look like a number, which an id such as 123_000 does."""
PAGE = 5000
"""Rows of the index that are read at once."""
UNREADABLE = (RecordError, ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What decoding a damaged row is seen to raise."""
COLUMNS = IndexRow._fields
"""Columns of our table."""


class Store:
    """One connection to the tables; for one process and one thread."""

    def __init__(self, location: Location, write: bool = False) -> None:
        """Connect.

        Args:
            location: a file, made where ``write`` is true and it is missing; or a URL.
            write: whether ``begin`` may follow. Everything from there to ``commit`` is done or
                undone together; without it nothing is changed, nor any table made.

        Raises:
            DatabaseError: missing, not reachable, or not an ASE database.
        """
        self.location = location
        self.errors: tuple[type[Exception], ...] = (sqlite3.Error,)
        if isinstance(location, DatabaseURL):
            self._connect_postgresql(location, write)
        else:
            self._connect_sqlite(location, write)
        try:
            tables = self.tables()
            foreign = tables and "systems" not in tables
            if foreign or not (tables or write):
                raise DatabaseError(
                    f"{location}: not an ASE database; its tables: {sorted(tables) or 'none'}"
                )
        except BaseException:
            self.close()
            raise

    def _connect_sqlite(self, path: Path, write: bool) -> None:
        """Open a file."""
        # SQLite locks by itself; ASE's lock file would be made and removed once a record
        self.ase = ase.db.connect(path, type="db", use_lock_file=False)
        with self.named_errors():
            self.ase.connection = open_sqlite(path, write)

    def _connect_postgresql(self, url: DatabaseURL, write: bool) -> None:
        """Connect to a server; a reader opens no transaction that would stay open."""
        try:
            import psycopg2

            self.ase = ase.db.connect(url.dsn, type="postgresql")
        except ImportError as error:
            raise DatabaseError(
                f"{url}: PostgreSQL needs the package {error.name}, which is not installed;"
                " pip install 'e3gnn-xanes[postgresql]'"
            ) from error
        self.errors = (psycopg2.Error,)
        try:
            self.ase.__enter__()
        except self.errors as error:
            # not `from error`: its text may hold the URL with the password
            raise DatabaseError(f"{url}: no connection: {url.clean(error)}") from None
        self.ase.connection.con.set_session(readonly=not write, autocommit=not write)

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Name the database where it fails: locked, damaged, full, not allowed, server gone."""
        try:
            yield
        except self.errors as error:
            where = self.location
            told = where.clean(error) if isinstance(where, DatabaseURL) else error
            raise DatabaseError(f"{where}: not a usable database of records ({told})") from error

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple]:
        """Run one statement, with ? for values, and return its rows."""
        with self.named_errors():
            cursor = self.ase.connection.cursor()
            cursor.execute(sql, values)
            # a statement that gives no rows has no description in either library
            told = cursor.cur if isinstance(self.location, DatabaseURL) else cursor
            return [] if told.description is None else cursor.fetchall()

    def tables(self) -> set[str]:
        """Names of the tables."""
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
        if isinstance(self.location, DatabaseURL):
            sql = "SELECT table_name FROM information_schema.tables WHERE table_schema ="
            sql += " current_schema()"
        return {name for (name,) in self.query(sql)}

    def has_axis(self) -> bool:
        """Whether our table, which is there, has the column ``axis``."""
        sql = f"SELECT name FROM pragma_table_info('{TABLE}')"
        if isinstance(self.location, DatabaseURL):
            sql = "SELECT column_name FROM information_schema.columns WHERE table_schema ="
            sql += f" current_schema() AND table_name = '{TABLE}'"
        return ("axis",) in self.query(sql)

    @property
    def lost(self) -> bool:
        """Whether the server has closed the connection."""
        return isinstance(self.location, DatabaseURL) and bool(self.ase.connection.con.closed)

    def begin(self) -> None:
        """Make what is missing and keep other writers out until ``commit`` or ``close``."""
        self.ase.change_count = 0  # what `with` sets
        # ASE makes its tables where there are none, and commits them
        if isinstance(self.location, DatabaseURL):
            with self.named_errors():
                _ = self.ase.metadata
            self.query("LOCK TABLE systems IN SHARE ROW EXCLUSIVE MODE")
        else:
            self._lock_file()  # one process alone makes them
            with self.named_errors():
                self.ase._initialize(self.ase.connection)  # `metadata` may use another connection
            self._lock_file()
        if TABLE not in self.tables():
            self.query(CREATE)
        elif not self.has_axis():
            self.query(f"ALTER TABLE {TABLE} ADD COLUMN axis TEXT NOT NULL DEFAULT 'absolute'")
        for row in self.stale():
            self.query(f"DELETE FROM {TABLE} WHERE id = ?", (row,))
        for index_row in self.unindexed():
            self._insert(index_row)

    def _lock_file(self) -> None:
        """Keep other writers of a file out, unless that is done."""
        if not self.ase.connection.in_transaction:
            self.query("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Keep what was written."""
        with self.named_errors():
            self.ase.connection.commit()

    def close(self) -> None:
        """Give the connection up; what was not committed is undone."""
        self.ase.connection.close()

    def pages(self) -> Iterator[list[IndexRow]]:
        """Rows of our table, in order and some at a time; then those that it lacks."""
        if TABLE in self.tables():
            stale = self.stale()
            # a table without the column is older than axes other than the absolute one
            names = ", ".join(COLUMNS if self.has_axis() else _without_axis(COLUMNS))
            sql = f"SELECT {names} FROM {TABLE} WHERE id > ? ORDER BY id LIMIT {PAGE}"
            page = self.query(sql, (-1,))
            while page:
                yield [IndexRow(*row) for row in page if row[0] not in stale]
                page = self.query(sql, (page[-1][0],))
        yield list(self.unindexed())

    def stale(self) -> set[int]:
        """Rows of our table whose record was deleted with ASE, which SQLite does not follow."""
        sql = f"SELECT id FROM {TABLE} EXCEPT SELECT id FROM systems"
        return {row for (row,) in self.query(sql)}

    def unindexed(self) -> Iterator[IndexRow]:
        """Rows that our table should have: of records that an earlier version wrote.

        Raises:
            DatabaseError: a row of ASE's table is not a record.
        """
        sql = "SELECT id FROM systems"
        if TABLE in self.tables():
            sql += f" EXCEPT SELECT id FROM {TABLE}"
        for row in sorted(row for (row,) in self.query(sql)):
            try:
                data = self.data(row)
                known = "structure_digest" in data
            except UNREADABLE:  # whatever another program keeps there
                known = False
            if not known:
                raise DatabaseError(
                    f"{self.location}: not a database of records (row {row} is not a record of"
                    " `e3gnn-xanes dataset`)"
                )
            yield _index_row(row, data)

    def data(self, row: int) -> dict[str, Any]:
        """What is kept of a record besides its structure."""
        ((stored,),) = self.query("SELECT data FROM systems WHERE id = ?", (row,))
        return self.ase.decode(stored) or {}

    def find(self, record_id: str) -> tuple[int, str] | None:
        """Row and digest of a record; None where it is not there."""
        found = self.query(f"SELECT id, digest FROM {TABLE} WHERE record = ?", (record_id,))
        return found[0] if found else None

    def write(self, record: Record, row: int | None = None) -> None:
        """Write a record, in the place of another one where ``row`` is given."""
        keys = {
            "record": PREFIX + record.id,
            "absorber": record.element,
            "edge": record.edge,
            "target": record.target,
        }
        data = {name: getattr(record, name) for name in STORED}
        data |= {"site": record.site, "fermi_level": record.fermi_level}
        data |= {} if record.axis == "absolute" else {"axis": record.axis}
        data |= {} if record.mean_over is None else {"mean_over": list(record.mean_over)}
        for name in OF_CALCULATION:
            value = getattr(record, name)
            data |= {} if value in (None, "", ()) else {name: value}
        data |= {"energy": record.energy, "mu": record.mu, "digest": record.digest}
        data |= {"structure_digest": record.structure_digest}
        with self.named_errors():
            self.ase.change_count = 0  # ASE would commit by itself after 5,000 changes
            written = self.ase.write(record.atoms, key_value_pairs=keys, data=data, id=row)
        if row is not None:
            self.query(f"DELETE FROM {TABLE} WHERE id = ?", (row,))
        self._insert(_index_row(written, data))

    def _insert(self, row: IndexRow) -> None:
        """Add a row to our table."""
        marks = ", ".join("?" * len(COLUMNS))
        self.query(f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({marks})", row)

    def records(self, rows: Sequence[int]) -> dict[int, tuple[Record, IndexRow]]:
        """Read records and what the index should say of them, by row, with one statement.

        A structure comes back as its numbers, positions, cell and periodicity, nothing else.

        Raises:
            DatabaseError: a record is damaged: it can't be decoded, or is not what was written.
        """
        wanted = ", ".join(str(int(row)) for row in rows)
        sql = f"SELECT id, numbers, positions, cell, pbc, data FROM systems WHERE id IN ({wanted})"
        found = {}
        for row, *values in self.query(sql):
            try:
                record, index_row = self._to_record(row, *values)
            except UNREADABLE as error:
                raise DatabaseError(
                    f"{self.location}: row {row} is damaged ({first_line(error)})"
                ) from error
            if (record.structure_digest, record.digest) != (index_row.structure, index_row.digest):
                raise DatabaseError(
                    f"{self.location}: {record.id} is damaged: its checksum is not that of what was"
                    " written"
                )
            found[row] = record, index_row
        return found

    def _to_record(
        self, row: int, numbers: Any, positions: Any, cell: Any, pbc: int, data: Any
    ) -> tuple[Record, IndexRow]:
        """Turn a row of ASE's table into a record and the row of the index that goes with it."""
        atoms = Atoms(
            numbers=self.ase.deblob(numbers, np.int32),
            positions=self.ase.deblob(positions).reshape(-1, 3),
            cell=self.ase.deblob(cell).reshape(3, 3),
            pbc=[bool(pbc & axis) for axis in (1, 2, 4)],
        )
        stored = self.ase.decode(data)
        record = Record(
            atoms=atoms,
            site=int(stored["site"]),
            energy=np.asarray(stored["energy"], dtype=float),
            mu=np.asarray(stored["mu"], dtype=float),
            fermi_level=stored["fermi_level"],
            axis=stored.get("axis", "absolute"),
            mean_over=tuple(map(int, over)) if (over := stored.get("mean_over")) else None,
            **{name: _tuples(stored[name]) for name in OF_CALCULATION if name in stored},
            **{name: stored[name] for name in STORED},
        )
        return record, _index_row(row, stored)

    def element_counts(self) -> dict[int, int]:
        """Number of structures in which each atomic number stands."""
        return dict(self.query("SELECT Z, COUNT(*) FROM species GROUP BY Z"))


def _tuples(value: Any) -> Any:
    """A value that was stored as lists, with its tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list | np.ndarray) else value


def _without_axis(columns: Sequence[str]) -> list[str]:
    """Columns, with the axis as the constant that it is where the table lacks it."""
    return ["'absolute'" if name == "axis" else name for name in columns]


def _index_row(row: int, data: dict[str, Any]) -> IndexRow:
    """Row of our table for what ASE's ``data`` holds of a record."""
    return IndexRow(
        id=row,
        record=data["id"],
        element=data["element"],
        edge=data["edge"],
        target=data["target"],
        code=f"{data['code']} {data['version']}".strip(),
        axis=data.get("axis", "absolute"),
        lowest=float(data["energy"][0]),
        highest=float(data["energy"][-1]),
        structure=data["structure_digest"],
        digest=data["digest"],
    )

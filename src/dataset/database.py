"""Records in an ASE database (SQLite or PostgreSQL): idempotent writing, lazy reading."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import DatabaseError, RecordError
from ..runtime.atomic_files import first_line
from ..runtime.signals import Pause
from .connection import connected, query
from .entries import Entry, read_entries
from .location import DatabaseURL, Location, as_location
from .record import OF_CALCULATION, PassedOver, Record, Rejected

logger = logging.getLogger(__name__)

BATCH = 200
"""Records that are read in one connection."""
STORED = [entry.name for entry in fields(Record) if entry.name != "atoms"]
"""Fields of a record in ASE's ``data``, with its checksums; the structure is in ASE's columns."""


@dataclass
class Summary:
    """What became of the calculations that were to be written."""

    added: int = 0
    """New records."""
    unchanged: int = 0
    """Records that the database contained already."""
    replaced: int = 0
    """Records that the database contained with different content."""
    rejected: list[Rejected] = field(default_factory=list)
    """Calculations that gave no record."""
    passed_over: int = 0
    """Calculations of another element or edge."""

    @property
    def sites(self) -> int:
        """Number of records."""
        return self.added + self.unchanged + self.replaced

    @property
    def calculations(self) -> int:
        """Number of calculations."""
        return self.sites + self.passed_over + len(self.rejected)


def write_records(
    path: str | Location,
    records: Iterable[Record | Rejected | PassedOver],
    replace: bool = False,
    strict: bool = False,
) -> Summary:
    """Add records to a database, all or none.

    After Ctrl-C or SIGTERM it keeps the records written so far and stops; the same call continues
    with the others. A second signal leaves the database as it was before.

    Args:
        path: file, made if it does not exist and there is a record; or the URL of a PostgreSQL
            database, postgresql://user@host:port/name.
        records: what a reader yields.
        replace: overwrite records that exist with different content.
        strict: take the first rejected calculation as an error.

    Returns:
        Counts, and the rejected calculations.

    Raises:
        DatabaseError: a record exists with different content, two different ones have the same
            id, or it is not a database. The database is then as it was before.
        RecordError: ``strict`` and a calculation was rejected.
    """
    location = as_location(path)
    new = location if isinstance(location, Path) and not location.exists() else None
    writer, written = None, False
    try:
        with connected(location, write=True) as db, Pause() as pause:
            writer = _Writer(db, location, replace, strict)
            for record in takewhile(lambda _: not pause.asked, records):
                writer.add(record)
        written = writer.summary.sites > 0
    finally:
        if new is not None and writer is not None and not written:
            _remove_if_empty(new)
    if pause.asked:
        text = "%s: %d records are kept of this run; the same command continues with the others"
        logger.info(text, location, writer.summary.sites)
        pause.stop()
    return writer.summary


class _Writer:
    """Writes records to a database that is locked for other writers from its creation on."""

    def __init__(self, db: Any, location: Location, replace: bool, strict: bool) -> None:
        self.db, self.location, self.replace, self.strict = db, location, replace, strict
        self.summary = Summary()
        db.count()  # makes and commits ASE's tables if they are missing
        if isinstance(location, DatabaseURL):
            db.connection.cursor().execute("LOCK TABLE systems IN SHARE ROW EXCLUSIVE MODE")
        else:
            db.connection.execute("BEGIN IMMEDIATE")
        entries = read_entries(db, location)
        self.rows = {name: (entry.row, entry.digest) for name, entry in entries.items()}
        self.sources: dict[str, str] = {}  # of the records of this run

    def add(self, record: Record | Rejected | PassedOver) -> None:
        """Write a record or count why there is none."""
        if isinstance(record, PassedOver):
            self.summary.passed_over += 1
            return
        if isinstance(record, Rejected):
            if self.strict:
                raise RecordError(f"{record.source}: {record.reason}")
            self.summary.rejected.append(record)
            return
        row, digest = self.rows.get(record.id, (None, None))
        if digest == record.digest:
            self.summary.unchanged += 1
        else:
            if row is not None:
                self._check_replacement(record, row)
            self.summary.added += row is None
            self.summary.replaced += row is not None
            self.rows[record.id] = self._write(record, row), record.digest
        self.sources[record.id] = record.source

    def _check_replacement(self, record: Record, row: int) -> None:
        """Raise DatabaseError if a record must not be replaced."""
        if record.id in self.sources:
            raise DatabaseError(
                f"{self.location}: {self.sources[record.id]} and {record.source} are different"
                f" calculations but both would be {record.id}"
            )
        if not self.replace:
            source = self.db.get(id=row).data["source"]
            raise DatabaseError(
                f"{self.location}: {record.id} already exists with different content ({source})"
                f" than {record.source}; --replace overwrites it"
            )

    def _write(self, record: Record, row: int | None) -> int:
        """Write a row and return its number; key-value pairs are for searches with ``ase db``."""
        self.db.change_count = 0  # ASE would commit by itself after 5,000 changes
        pairs = {"absorber": record.element, "edge": record.edge, "target": record.target}
        pairs["record"] = f"record {record.id}"  # ASE refuses texts such as 123_000
        data = {n: getattr(record, n) for n in STORED if n not in OF_CALCULATION} | record.details
        data |= {"digest": record.digest, "structure_digest": record.structure_digest}
        written: int = self.db.write(record.atoms, key_value_pairs=pairs, data=data, id=row)
        return written


def _remove_if_empty(path: Path) -> None:
    """Remove a file that was made for nothing, unless another process has written to it since."""
    with suppress(DatabaseError), connected(path) as db:
        db.connection.execute("BEGIN EXCLUSIVE")
        if db.count() == 0:
            path.unlink(missing_ok=True)


@dataclass
class Contents:
    """What a database contains."""

    sites: int
    materials: int
    kinds: dict[str, Counter[str]]
    """Count of each value of element, edge, target, code and axis."""
    elements: Counter[str]
    """Number of records whose structure contains each chemical element."""
    energy_range: tuple[float, float]
    """Lowest and highest calculated energy, eV."""


class Database:
    """Records of a database, read on demand.

    It keeps no connection, so that it can be used in other threads and processes.
    """

    def __init__(self, path: str | Location) -> None:
        """Read the entries of all records.

        Args:
            path: file that ``write_records`` wrote, or postgresql://user@host:port/name.

        Raises:
            ConfigError: the URL is not one of PostgreSQL.
            DatabaseError: missing, not reachable, not a database, or not one of ours.
        """
        self.path = as_location(path)
        with connected(self.path) as db:
            self.entries = read_entries(db, self.path)

    def __len__(self) -> int:
        """Number of records."""
        return len(self.entries)

    @property
    def ids(self) -> list[str]:
        """Ids of all records, in the order they were written."""
        return list(self.entries)

    @property
    def digest(self) -> str:
        """Checksum of all records, see ``digest_of``."""
        return self.digest_of(self.entries)

    def digest_of(self, ids: Iterable[str]) -> str:
        """Checksum of some records, whatever their order, 64 hexadecimal digits.

        Raises:
            DatabaseError: the database lacks one of them.
        """
        total = hashlib.sha256()
        for record_id in sorted(set(ids)):
            digest = bytes.fromhex(self.entry(record_id).digest)
            total.update(record_id.encode() + b"\0" + digest)
        return total.hexdigest()

    def entry(self, record_id: str) -> Entry:
        """Where a record is, and what groups it.

        Raises:
            DatabaseError: the database lacks it.
        """
        if record_id not in self.entries:
            raise DatabaseError(f"{self.path}: has no record {record_id}")
        return self.entries[record_id]

    def records(self, ids: Iterable[str]) -> Iterator[Record]:
        """Yield records in the order of ``ids``.

        Raises:
            DatabaseError: the database lacks one, or it is damaged or has changed since the
                database was opened.
        """
        entries = [(record_id, self.entry(record_id)) for record_id in ids]
        for start in range(0, len(entries), BATCH):
            with connected(self.path) as db:
                batch = [self._read(db, *one) for one in entries[start : start + BATCH]]
            yield from batch

    def _read(self, db: Any, record_id: str, entry: Entry) -> Record:
        """Read a row; of the structure only numbers, positions, cell and periodicity."""
        sql = "SELECT numbers, positions, cell, pbc, data FROM systems WHERE id = ?"
        try:
            ((numbers, positions, cell, pbc, encoded),) = query(db, sql, (entry.row,))
            atoms = Atoms(
                numbers=db.deblob(numbers, np.int32),
                positions=db.deblob(positions).reshape(-1, 3),
                cell=db.deblob(cell).reshape(3, 3),
                pbc=[bool(pbc & axis) for axis in (1, 2, 4)],
            )
            data = db.decode(encoded)
            record = Record(atoms=atoms, **{name: data[name] for name in STORED if name in data})
            if (record.id, record.digest) != (record_id, entry.digest):
                raise ValueError("its checksum has changed")
        except Exception as error:  # whatever a damaged or missing row gives
            raise DatabaseError(
                f"{self.path}: {record_id} is damaged, or was deleted or replaced since the"
                f" database was opened ({first_line(error)})"
            ) from error
        return record

    def record(self, record_id: str) -> Record:
        """Read one record."""
        (record,) = self.records([record_id])
        return record

    def contents(self) -> Contents:
        """Count the records by kind."""
        entries = self.entries.values()
        with connected(self.path) as db:
            counts = dict(query(db, "SELECT Z, COUNT(*) FROM species GROUP BY Z"))
        return Contents(
            sites=len(self),
            materials=len({entry.material for entry in entries}),
            kinds={
                name: Counter(getattr(entry, name) for entry in entries)
                for name in ("element", "edge", "target", "code", "axis")
            },
            elements=Counter({chemical_symbols[z]: count for z, count in counts.items()}),
            energy_range=(
                min([entry.lowest for entry in entries], default=np.inf),
                max([entry.highest for entry in entries], default=-np.inf),
            ),
        )

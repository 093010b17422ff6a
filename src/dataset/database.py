"""Records in an ASE database (SQLite or PostgreSQL): idempotent writing, lazy reading."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import DatabaseError, RecordError
from ..runtime.atomic_files import first_line
from ..runtime.signals import Pause
from .connection import connected, lock, query, remove_if_empty
from .location import DatabaseURL, Location, as_location
from .record import PassedOver, Record, Rejected
from .rows import Entry, data_of, entry_of, pairs_of, record_of

logger = logging.getLogger(__name__)

BATCH = 200
"""Records that are read at once."""
PAGE = 5000
"""Rows whose entries are read at once."""
UNREADABLE = (RecordError, ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What decoding a damaged row raises."""


@dataclass
class Summary:
    """What was written and what the records hold."""

    added: int = 0
    """Records that were new."""
    unchanged: int = 0
    """Records that were there already, the same."""
    replaced: int = 0
    """Records that were there and have changed."""
    rejected: list[Rejected] = field(default_factory=list)
    """Calculations that gave no record."""
    passed_over: int = 0
    """Calculations of another element or edge than was asked for."""

    @property
    def sites(self) -> int:
        """Records seen."""
        return self.added + self.unchanged + self.replaced

    @property
    def found(self) -> int:
        """Calculations seen, whatever became of them."""
        return self.sites + self.passed_over + len(self.rejected)


@dataclass
class Contents:
    """What a database contains."""

    sites: int
    materials: int
    kinds: dict[str, Counter[str]]
    """Count of each value of element, edge, target, code and axis."""
    elements: Counter[str]
    """Records in whose structure each chemical element stands."""
    energy_range: tuple[float, float]
    """Lowest and highest calculated energy, eV."""


def read_entries(db: Any, location: Location) -> dict[str, Entry]:
    """Entries of all records by id, in the order they were written.

    Raises:
        DatabaseError: a row is not a record, or two have the same id.
    """
    entries: dict[str, Entry] = {}
    sql = "SELECT id, data FROM systems WHERE id > ? ORDER BY id LIMIT ?"
    page = query(db, sql, (-1, PAGE))
    while page:
        for row, data in page:
            try:
                record_id, entry = entry_of(row, db.decode(data))
            except UNREADABLE as error:  # whatever another program keeps there
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
        page = query(db, sql, (page[-1][0], PAGE))
    return entries


def write_records(
    path: str | Location,
    records: Iterable[Record | Rejected | PassedOver],
    replace: bool = False,
    strict: bool = False,
) -> Summary:
    """Add records to a database, all or none.

    Asked to stop by Ctrl-C or SIGTERM, it keeps the records written so far, says so and stops; the
    same call continues with the others. A second request leaves the database as it was before.

    Args:
        path: file, made if it does not exist and there is a record; or the URL of a PostgreSQL
            database, postgresql://user@host:port/name, in which the tables are made.
        records: what a reader yields.
        replace: overwrite a record that is there with different content.
        strict: take the first rejected calculation as an error.

    Returns:
        Counts, and the rejected calculations; none is left uncounted.

    Raises:
        DatabaseError: a record is there with other content, two different ones have the same id,
            or it is no database. The database is then as it was before.
        RecordError: ``strict`` and a calculation was rejected.
    """
    location = as_location(path)
    existed = isinstance(location, DatabaseURL) or location.exists()
    summary, filled = Summary(), False
    try:
        with connected(location, write=True) as db, Pause() as pause:
            until = takewhile(lambda _: not pause.asked, records)
            _write_all(db, location, until, replace, strict, summary)
        filled = summary.sites > 0
    finally:
        if isinstance(location, Path) and not existed and not filled:
            remove_if_empty(location)
    if pause.asked:
        text = "%s: %d records are kept of this run; the same command goes on with the others"
        logger.info(text, location, summary.sites)
        pause.stop()
    return summary


def _write_all(
    db: Any,
    location: Location,
    records: Iterable[Record | Rejected | PassedOver],
    replace: bool,
    strict: bool,
    summary: Summary,
) -> None:
    kept: dict[str, Kept] | None = None
    for record in records:
        if isinstance(record, PassedOver):
            summary.passed_over += 1
        elif isinstance(record, Rejected):
            if strict:
                raise RecordError(f"{record.source}: {record.reason}")
            summary.rejected.append(record)
        else:
            if kept is None:
                lock(db, location)
                entries = read_entries(db, location)
                kept = {name: Kept(entry.row, entry.digest) for name, entry in entries.items()}
            _write_one(db, location, record, kept, replace, summary)


class Kept(NamedTuple):
    """A record that is in a database that is being written."""

    row: int
    digest: str
    source: str | None = None
    """Where it was read in this run; None: it was there before."""


def _write_one(
    db: Any,
    location: Location,
    record: Record,
    kept: dict[str, Kept],
    replace: bool,
    summary: Summary,
) -> None:
    there, digest = kept.get(record.id), record.digest
    if there is not None and there.digest == digest:
        summary.unchanged += 1
        row = there.row
    elif there is not None and there.source is not None:
        raise DatabaseError(
            f"{location}: {there.source} and {record.source} are different calculations but both"
            f" would be {record.id}"
        )
    elif there is not None and not replace:
        ((data,),) = query(db, "SELECT data FROM systems WHERE id = ?", (there.row,))
        raise DatabaseError(
            f"{location}: {record.id} is there with other content ({db.decode(data)['source']})"
            f" than {record.source}; --replace writes it again"
        )
    else:
        db.change_count = 0  # ASE would commit by itself after 5,000 changes
        old = None if there is None else there.row
        row = db.write(record.atoms, key_value_pairs=pairs_of(record), data=data_of(record), id=old)
        summary.added += there is None
        summary.replaced += there is not None
    kept[record.id] = Kept(row, digest, record.source)


class Database:
    """Records of a database, read when they are asked for.

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
        """Checksum of all records, whatever their order and however the file holds them."""
        return self.digest_of(self.entries)

    def digest_of(self, ids: Iterable[str]) -> str:
        """Checksum of some records, whatever their order, 64 hexadecimal digits.

        Raises:
            DatabaseError: one is not there.
        """
        total = hashlib.sha256()
        for record_id in sorted(set(ids)):
            digest = bytes.fromhex(self.entry(record_id).digest)
            total.update(record_id.encode() + b"\0" + digest)
        return total.hexdigest()

    def entry(self, record_id: str) -> Entry:
        """Where a record is, and what groups it.

        Raises:
            DatabaseError: it is not there.
        """
        if record_id not in self.entries:
            raise DatabaseError(f"{self.path}: has no record {record_id}")
        return self.entries[record_id]

    def records(self, ids: Iterable[str]) -> Iterator[Record]:
        """Read records, some at a time.

        Args:
            ids: which ones.

        Yields:
            The records in the order of ``ids``.

        Raises:
            DatabaseError: one is not there, is damaged, or has changed since the database was
                opened.
        """
        entries = [(record_id, self.entry(record_id)) for record_id in ids]
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            rows = self._read([entry.row for _, entry in batch])
            for record_id, entry in batch:
                record = rows.get(entry.row)
                if record is None or (record.id, record.digest) != (record_id, entry.digest):
                    raise DatabaseError(
                        f"{self.path}: {record_id} is damaged, or was deleted or replaced by"
                        " another program since the database was opened; its checksum is not the"
                        " one that was read then"
                    )
                yield record

    def _read(self, rows: list[int]) -> dict[int, Record]:
        """Read rows; a structure is its numbers, positions, cell and periodicity, nothing else."""
        marks = ", ".join("?" * len(rows))
        sql = f"SELECT id, numbers, positions, cell, pbc, data FROM systems WHERE id IN ({marks})"
        records = {}
        with connected(self.path) as db:
            for row, numbers, positions, cell, pbc, data in query(db, sql, tuple(rows)):
                try:
                    atoms = Atoms(
                        numbers=db.deblob(numbers, np.int32),
                        positions=db.deblob(positions).reshape(-1, 3),
                        cell=db.deblob(cell).reshape(3, 3),
                        pbc=[bool(pbc & axis) for axis in (1, 2, 4)],
                    )
                    records[row] = record_of(atoms, db.decode(data))
                except UNREADABLE as error:
                    raise DatabaseError(
                        f"{self.path}: row {row} is damaged ({first_line(error)})"
                    ) from error
        return records

    def record(self, record_id: str) -> Record:
        """Read one record."""
        (record,) = self.records([record_id])
        return record

    def contents(self) -> Contents:
        """Count what the database holds."""
        entries = self.entries.values()
        with connected(self.path) as db:
            counts = query(db, "SELECT Z, COUNT(*) FROM species GROUP BY Z")
        return Contents(
            sites=len(self),
            materials=len({entry.material for entry in entries}),
            kinds={
                name: Counter(getattr(entry, name) for entry in entries)
                for name in ("element", "edge", "target", "code", "axis")
            },
            elements=Counter({chemical_symbols[z]: count for z, count in counts}),
            energy_range=(
                min([entry.lowest for entry in entries], default=np.inf),
                max([entry.highest for entry in entries], default=-np.inf),
            ),
        )

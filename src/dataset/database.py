"""Records in an ASE database (SQLite or PostgreSQL): idempotent writing, lazy reading."""

import hashlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from ..errors import DatabaseError, RecordError
from ..runtime.signals import Pause
from .index import Entry, Index, IndexRow, entry_of
from .location import DatabaseURL, Location, as_location
from .record import PassedOver, Record, Rejected
from .split import material_of
from .sqlite_file import remove_if_empty
from .store import Store

logger = logging.getLogger(__name__)

BATCH = 200
"""Records that are read at once."""


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
    """What a database holds."""

    sites: int
    """Records."""
    materials: int
    """Materials."""
    kinds: dict[str, Counter[str]]
    """Count of each value of element, edge, target, code and axis."""
    elements: Counter[str]
    """Records in whose structure each chemical element stands."""
    energy_range: tuple[float, float]
    """Lowest and highest calculated energy, eV."""


def write_records(
    path: str | Location,
    records: Iterable[Record | Rejected | PassedOver],
    replace: bool = False,
    strict: bool = False,
) -> Summary:
    """Add records to a database, all or none.

    Asked to stop by Ctrl-C or SIGTERM, it keeps the records written so far, says so and stops; the
    same call goes on with the others. A second request leaves the database as it was before.

    Args:
        path: file, made if it does not exist and there is a record; or the URL of a PostgreSQL
            database, postgresql://user@host:port/name, in which the tables are made.
        records: what a reader yields.
        replace: write a record again that is there with other content.
        strict: take the first rejected calculation as an error.

    Returns:
        Counts, and the rejected calculations; none is left uncounted.

    Raises:
        DatabaseError: a record is there with other content, two different ones have the same id,
            or it is no database. The database is then as it was before.
        RecordError: ``strict`` and a calculation was rejected.
        KeyboardInterrupt, Terminated: asked for.
    """
    location = as_location(path)
    existed = isinstance(location, DatabaseURL) or location.exists()
    if isinstance(location, Path) and not location.parent.is_dir():
        raise DatabaseError(f"{location}: the folder {location.parent} does not exist")
    summary = Summary()
    try:
        store = Store(location, write=True)
        try:
            with Pause() as pause:
                _write_all(store, _until(pause, records), replace, strict, summary)
            store.commit()
        finally:
            store.close()
    except BaseException:
        if not existed:
            _remove(location)
        raise
    if not existed and summary.sites == 0:
        _remove(location)
    if pause.asked:
        text = "%s: %d records are kept of this run; the same command goes on with the others"
        logger.info(text, location, summary.sites)
        pause.stop()
    return summary


def _until(
    pause: Pause, records: Iterable[Record | Rejected | PassedOver]
) -> Iterator[Record | Rejected | PassedOver]:
    """Pass on records until it is asked to stop."""
    for record in records:
        if pause.asked:
            return
        yield record


def _remove(location: Location) -> None:
    """Remove a file that was made for nothing."""
    if isinstance(location, Path) and location.is_file():
        remove_if_empty(location)


def _write_all(
    store: Store,
    records: Iterable[Record | Rejected | PassedOver],
    replace: bool,
    strict: bool,
    summary: Summary,
) -> None:
    """Write each record unless it is there already."""
    seen: set[str] = set()
    for record in records:
        if isinstance(record, PassedOver):
            summary.passed_over += 1
            continue
        if isinstance(record, Rejected):
            if strict:
                raise RecordError(f"{record.source}: {record.reason}")
            summary.rejected.append(record)
            continue
        if not seen:
            store.begin()
        _write_one(store, record, replace, record.id in seen, summary)
        seen.add(record.id)


def _write_one(store: Store, record: Record, replace: bool, again: bool, summary: Summary) -> None:
    """Write one record unless it is there; ``again``: one of this id was just given before."""
    row, digest = store.find(record.id) or (None, None)
    if row is None:
        store.write(record)
        summary.added += 1
    elif digest == record.digest:
        summary.unchanged += 1
    elif again:
        raise DatabaseError(
            f"{store.location}: {store.data(row)['source']} and {record.source} are different"
            f" calculations but both would be {record.id}"
        )
    elif not replace:
        raise DatabaseError(
            f"{store.location}: {record.id} is there with other content"
            f" ({store.data(row)['source']}) than {record.source}; --replace writes it again"
        )
    else:
        store.write(record, row)
        summary.replaced += 1


class Database:
    """Records of a database, read when they are asked for.

    It can be copied to other processes, by fork or by pickle: each process and thread that reads
    opens a connection of its own and keeps it.
    """

    def __init__(self, path: str | Location) -> None:
        """Read the index.

        Args:
            path: file that ``write_records`` wrote, or postgresql://user@host:port/name.

        Raises:
            ConfigError: the URL is not one of PostgreSQL.
            DatabaseError: missing, not reachable, not a database, or not one of ours.
        """
        self.path = as_location(path)
        self._stores: dict[tuple[int, int], Store] = {}
        try:
            self.index = Index(self._store().pages())
            if len(self.index.rows) > len(self):
                count = len(self.index.rows) - len(self)
                raise DatabaseError(
                    f"{self.path}: {count} rows have the id of another record; delete them with the"
                    " program that added them"
                )
        except BaseException:
            self.close()
            raise

    def _store(self) -> Store:
        """Connection of this process and thread."""
        key = (os.getpid(), threading.get_ident())
        if key in self._stores and self._stores[key].lost:
            self._stores.pop(key).close()
        if key not in self._stores:
            self._stores[key] = Store(self.path)
        return self._stores[key]

    def close(self) -> None:
        """Close this process's connections; reading again opens one."""
        for key in [key for key in self._stores if key[0] == os.getpid()]:
            self._stores.pop(key).close()

    def __del__(self) -> None:
        """Close the connections; one that a fork brought here is its parent's to close."""
        stores = getattr(self, "_stores", {})
        _INHERITED.extend(store for key, store in stores.items() if key[0] != os.getpid())
        if stores:
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        """What other processes are given: all but the connections."""
        return {**self.__dict__, "_stores": {}}

    def __len__(self) -> int:
        """Number of records."""
        return len(self.index.number)

    @property
    def ids(self) -> list[str]:
        """Ids of all records, in the order they were written."""
        return list(self.index.number)

    @property
    def digest(self) -> str:
        """Checksum of all records, whatever their order and however the file holds them."""
        return self.digest_of(self.index.number)

    def digest_of(self, ids: Iterable[str]) -> str:
        """Checksum of some records, whatever their order, 64 hexadecimal digits.

        Raises:
            DatabaseError: one is not there.
        """
        total = hashlib.sha256()
        for record_id in sorted(set(ids)):
            place = self._place(record_id)
            total.update(record_id.encode() + b"\0" + self.index.digests[place, 1].tobytes())
        return total.hexdigest()

    def entry(self, record_id: str) -> Entry:
        """Where a record stands.

        Raises:
            DatabaseError: it is not there.
        """
        self._place(record_id)
        return self.index.entry(record_id)

    def _place(self, record_id: str) -> int:
        """Number of a record in the index."""
        if record_id not in self.index.number:
            raise DatabaseError(f"{self.path}: has no record {record_id}")
        return self.index.number[record_id]

    def records(self, ids: Iterable[str]) -> Iterator[Record]:
        """Read records, some at a time.

        Args:
            ids: which ones.

        Yields:
            The records in the order of ``ids``.

        Raises:
            DatabaseError: one is not there, or has changed since the index was read.
        """
        entries = [(record_id, self.entry(record_id)) for record_id in ids]
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            found = self._read([entry.row for _, entry in batch])
            for record_id, entry in batch:
                record, index_row = found.get(entry.row, (None, None))
                if record is None or index_row is None or entry_of(index_row) != entry:
                    raise DatabaseError(
                        f"{self.path}: {record_id} was deleted or replaced by another program, or"
                        " the index is damaged; open the database again, or make it anew"
                    )
                yield record

    def _read(self, rows: list[int]) -> dict[int, tuple[Record, IndexRow]]:
        """Read rows, over a new connection where the server has closed the one before."""
        store = self._store()
        try:
            return store.records(rows)
        except DatabaseError:
            if not store.lost:
                raise
        return self._store().records(rows)

    def record(self, record_id: str) -> Record:
        """Read one record."""
        (record,) = self.records([record_id])
        return record

    def contents(self) -> Contents:
        """Count what the database holds, from the index."""
        index = self.index
        counts = np.bincount(index.kind, minlength=len(index.kinds)).tolist()
        kinds: dict[str, Counter[str]] = {}
        for k, name in enumerate(("element", "edge", "target", "code", "axis")):
            kinds[name] = Counter()
            for kind, count in zip(index.kinds, counts, strict=True):
                kinds[name][kind[k]] += count
        elements = Counter(
            {chemical_symbols[z]: count for z, count in self._store().element_counts().items()}
        )
        materials = len({material_of(record_id) for record_id in index.number})
        low, high = np.inf, -np.inf
        if len(self):
            low, high = index.energies[:, 0].min(), index.energies[:, 1].max()
        return Contents(len(self), materials, kinds, elements, (float(low), float(high)))


_INHERITED: list[Store] = []
"""Connections of a parent process; never closed here, or the parent's would break."""

"""Records in an ASE database (SQLite): idempotent writing, lazy reading."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import ase.db
import numpy as np
from ase.db.row import AtomsRow

from ..errors import DatabaseError, RecordError
from .filetype import SQLITE_MAGIC, starts_with
from .record import Record, Rejected

PREFIX = "record "
"""ASE refuses text values that look like a number, which an id such as 123_000 does."""
DESCRIBED = ("id", "material", "element", "edge", "target", "code", "version", "source")
"""Fields of a record that are kept as they are."""


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

    @property
    def sites(self) -> int:
        """Records seen."""
        return self.added + self.unchanged + self.replaced


@dataclass
class Contents:
    """What a database holds."""

    sites: int
    """Records."""
    materials: int
    """Materials."""
    kinds: dict[str, Counter[str]]
    """Count of each value of element, edge, target and code."""
    elements: Counter[str]
    """Structures in which each chemical element stands."""
    energy_range: tuple[float, float]
    """Lowest and highest calculated energy, eV."""


def write_records(
    path: str | Path,
    records: Iterable[Record | Rejected],
    replace: bool = False,
    strict: bool = False,
) -> Summary:
    """Add records to a database, all or none.

    Args:
        path: database, made if it does not exist and there is a record.
        records: what a reader yields.
        replace: write a record again that is there with other content.
        strict: take the first rejected calculation as an error.

    Returns:
        Counts, and the rejected calculations.

    Raises:
        DatabaseError: a record is there with other content, two different ones have the same id,
            or the file is no database. The database is then as it was before.
        RecordError: ``strict`` and a calculation was rejected.
    """
    path = Path(path)
    existed = path.exists()
    if not path.parent.is_dir():
        raise DatabaseError(f"{path}: the folder {path.parent} does not exist")
    if existed:
        check_sqlite(path)
    summary = Summary()
    seen: set[str] = set()
    try:
        with ase.db.connect(path, type="db") as connection:
            known = _index(connection)
            for record in records:
                if isinstance(record, Rejected):
                    if strict:
                        raise RecordError(f"{record.source}: {record.reason}")
                    summary.rejected.append(record)
                else:
                    if record.id in seen and known[record.id].digest != record.digest:
                        raise DatabaseError(
                            f"{path}: {known[record.id].source} and {record.source} are different"
                            f" calculations but both would be {record.id}"
                        )
                    _write(connection, path, known, record, replace, summary)
                    seen.add(record.id)
    except BaseException:
        if not existed:
            path.unlink(missing_ok=True)
        raise
    if not existed and summary.sites == 0:
        path.unlink()
    return summary


def _write(
    connection: ase.db.core.Database,
    path: Path,
    known: dict[str, "Entry"],
    record: Record,
    replace: bool,
    summary: Summary,
) -> None:
    """Write one record unless it is there already."""
    before = known.get(record.id)
    digest = record.digest
    if before is not None and before.digest == digest:
        summary.unchanged += 1
        return
    if before is not None and not replace:
        raise DatabaseError(
            f"{path}: {record.id} is there with other content ({before.source}) than"
            f" {record.source}; --replace writes it again"
        )
    keys = {
        "record": PREFIX + record.id,
        "absorber": record.element,
        "edge": record.edge,
        "target": record.target,
    }
    data = {name: getattr(record, name) for name in DESCRIBED}
    data |= {"site": record.site, "fermi_level": record.fermi_level}
    data |= {"energy": record.energy, "mu": record.mu, "digest": digest}
    data |= {"structure_digest": record.structure_digest}
    if before is None:
        row = connection.write(record.atoms, key_value_pairs=keys, data=data)
        summary.added += 1
    else:
        row = connection.write(record.atoms, key_value_pairs=keys, data=data, id=before.row)
        summary.replaced += 1
    known[record.id] = Entry(row, **{name: data[name] for name in INDEXED})


@dataclass(frozen=True)
class Entry:
    """Where a record stands, and what is needed to find and group it."""

    row: int
    material: str
    element: str
    edge: str
    target: str
    source: str
    digest: str
    structure_digest: str


INDEXED = ("material", "element", "edge", "target", "source", "digest", "structure_digest")
"""Fields of a record that are in its entry."""


def _index(connection: ase.db.core.Database) -> dict[str, Entry]:
    """Entries of a database by record id, in the order they were written."""
    entries = {}
    for row in connection.select(include_data=True):
        data = row.data
        if "structure_digest" not in data:
            raise DatabaseError(f"row {row.id} is not a record of `e3gnn-xanes dataset`")
        entries[data["id"]] = Entry(row.id, **{name: data[name] for name in INDEXED})
    return entries


def check_sqlite(path: Path) -> None:
    """Raise DatabaseError where a file is not an ASE database.

    ASE adds its tables to any SQLite file that it connects to, so look first, and only read.
    """
    if not starts_with(path, SQLITE_MAGIC):
        raise DatabaseError(f"{path}: not an ASE database (SQLite)")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            tables = {name for (name,) in connection.execute("select name from sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path}: not a database of records ({error})") from error
    if "systems" not in tables:
        raise DatabaseError(f"{path}: an SQLite file, but not an ASE database")


class Database:
    """Records of a database file, read one at a time."""

    def __init__(self, path: str | Path) -> None:
        """Read the index.

        Args:
            path: file that ``write_records`` wrote.

        Raises:
            DatabaseError: missing, not a database, or not one of ours.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise DatabaseError(f"{self.path}: no such database")
        check_sqlite(self.path)
        try:
            with ase.db.connect(self.path, type="db") as connection:
                self.entries = _index(connection)
        except (sqlite3.DatabaseError, DatabaseError, KeyError) as error:
            raise DatabaseError(f"{self.path}: not a database of records ({error})") from error

    def __len__(self) -> int:
        """Number of records."""
        return len(self.entries)

    @property
    def ids(self) -> list[str]:
        """Ids of all records, in the order they were written."""
        return list(self.entries)

    def entry(self, record_id: str) -> Entry:
        """Where a record stands.

        Raises:
            DatabaseError: it is not there.
        """
        if record_id not in self.entries:
            raise DatabaseError(f"{self.path}: has no record {record_id}")
        return self.entries[record_id]

    def records(self, ids: Iterable[str]) -> Iterator[Record]:
        """Read records, one after the other.

        Args:
            ids: which ones.

        Yields:
            The records in the order of ``ids``.

        Raises:
            DatabaseError: one is not there.
        """
        rows = [self.entry(record_id).row for record_id in ids]
        with ase.db.connect(self.path, type="db") as connection:
            for row in rows:
                yield _to_record(connection.get(id=row))

    def record(self, record_id: str) -> Record:
        """Read one record."""
        (record,) = self.records([record_id])
        return record

    def contents(self) -> Contents:
        """Count what the database holds; reads every record."""
        kinds: dict[str, Counter[str]] = {
            name: Counter() for name in ("element", "edge", "target", "code")
        }
        elements: Counter[str] = Counter()
        low, high = np.inf, -np.inf
        for record in self.records(self.ids):
            for name in ("element", "edge", "target"):
                kinds[name][getattr(record, name)] += 1
            kinds["code"][f"{record.code} {record.version}"] += 1
            elements.update(set(record.atoms.get_chemical_symbols()))
            low, high = min(low, record.energy[0]), max(high, record.energy[-1])
        materials = len({entry.material for entry in self.entries.values()})
        return Contents(len(self), materials, kinds, elements, (float(low), float(high)))


def _to_record(row: AtomsRow) -> Record:
    """Turn a database row back into a record."""
    data = row.data
    return Record(
        atoms=row.toatoms(),
        site=int(data["site"]),
        energy=np.asarray(data["energy"], dtype=float),
        mu=np.asarray(data["mu"], dtype=float),
        fermi_level=data["fermi_level"],
        **{name: data[name] for name in DESCRIBED},
    )

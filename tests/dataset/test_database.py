"""The database: what goes in comes out, once, and a failure leaves it as it was."""

import multiprocessing
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import ase.db
import numpy as np
import pytest
from ase import Atoms
from ase.db.sqlite import SQLite3Database
from paths import CALCULATIONS
from records import assert_same, record

from src.dataset.database import Database, write_records
from src.dataset.record import Record, Rejected
from src.errors import DatabaseError, RecordError
from src.readers.feff import read_feff
from src.reports.text import describe_contents


def test_records_come_back_to_the_last_bit(tmp_path):
    records = [r for r in read_feff(CALCULATIONS) if isinstance(r, Record)]
    summary = write_records(tmp_path / "cu.db", records)
    assert (summary.added, summary.unchanged, summary.replaced) == (27, 0, 0)
    database = Database(tmp_path / "cu.db")
    assert database.ids == [r.id for r in records]
    for before, after in zip(records, database.records(database.ids), strict=True):
        assert_same(before, after)


def test_ids_that_look_like_numbers_are_kept(tmp_path):
    write_records(tmp_path / "x.db", [record(material="123"), record(material="1e5")])
    assert Database(tmp_path / "x.db").ids == ["123_000", "1e5_000"]


def test_writing_twice_is_writing_once(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record(0), record(1)])
    summary = write_records(path, [record(1), record(0, material="mp-2")])
    assert (summary.added, summary.unchanged) == (1, 1)
    assert Database(path).ids == ["mp-1_000", "mp-1_001", "mp-2_000"]


def test_the_same_record_from_another_folder_is_the_same(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record()])
    assert write_records(path, [record(source="elsewhere")]).unchanged == 1


@pytest.mark.parametrize("field", ["mu", "atoms", "version", "fermi_level"])
def test_changed_record_is_an_error_and_changes_nothing_unless_replaced(tmp_path, field):
    path = tmp_path / "x.db"
    write_records(path, [record()])
    moved = record().atoms
    moved.positions[2, 2] += 1e-9
    value = {"mu": record().mu + 1e-12, "atoms": moved, "version": "10", "fermi_level": None}
    changed = replace(record(), **{field: value[field]})
    with pytest.raises(DatabaseError, match=r"mp-1_000 is there with other content.*--replace"):
        write_records(path, [record(1), changed])
    assert Database(path).ids == ["mp-1_000"]  # nor was the first of the two kept
    assert_same(Database(path).record("mp-1_000"), record())
    assert write_records(path, [changed], replace=True).replaced == 1
    assert_same(Database(path).record("mp-1_000"), changed)


def test_two_different_calculations_of_one_id_never_replace_each_other(tmp_path):
    path = tmp_path / "x.db"
    other = record(mu=record().mu + 1.0, source="there")
    for replaces in (False, True):
        with pytest.raises(DatabaseError, match="here and there are different.*mp-1_000"):
            write_records(path, [record(), other], replace=replaces)
    assert not path.exists()
    assert write_records(path, [record(), record(source="copy")], replace=True).unchanged == 1


def test_rejected_runs_are_counted_and_strict_makes_the_first_an_error(tmp_path):
    path = tmp_path / "x.db"
    found = [record(), Rejected("a/b", "empty"), record(1)]
    summary = write_records(path, found)
    assert summary.rejected == [Rejected("a/b", "empty")]
    assert summary.added == 2
    with pytest.raises(RecordError, match="a/b: empty"):
        write_records(tmp_path / "strict.db", found, strict=True)
    assert not (tmp_path / "strict.db").exists()


def test_failure_in_the_middle_leaves_the_database_as_it_was(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record()])

    def breaks():
        yield record(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(path, breaks())
    assert Database(path).ids == ["mp-1_000"]


def test_contents_count_what_is_there(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record(0), record(1), record(0, material="mp-2", target="normalized")])
    contents = Database(path).contents()
    assert (contents.sites, contents.materials) == (3, 2)
    assert contents.kinds["target"] == {"absolute": 2, "normalized": 1}
    assert contents.elements == {"Cu": 3, "O": 3}
    assert contents.energy_range == (1.0, 4.0)


def test_files_that_are_no_database_are_named(tmp_path):
    text = tmp_path / "text.db"
    text.write_text("hello, this is no database\n")
    with pytest.raises(DatabaseError, match=r"text\.db: not an ASE database"):
        Database(text)
    with pytest.raises(DatabaseError, match=r"text\.db: not an ASE database"):
        write_records(text, [record()])
    with pytest.raises(DatabaseError, match="no such database"):
        Database(tmp_path / "missing.db")
    with pytest.raises(DatabaseError, match="folder"):
        write_records(tmp_path / "no" / "x.db", [record()])


def test_database_of_other_things_is_refused(tmp_path):
    with ase.db.connect(tmp_path / "other.db", type="db") as connection:
        connection.write(Atoms("Cu"))
    with pytest.raises(DatabaseError, match="not a database of records"):
        Database(tmp_path / "other.db")


def test_missing_record_is_named(tmp_path):
    write_records(tmp_path / "x.db", [record()])
    with pytest.raises(DatabaseError, match="mp-9_000"):
        Database(tmp_path / "x.db").record("mp-9_000")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"element": "Zn"}, "should be Zn but atom 0 is Cu"),
        ({"site": 3}, "absorber index 3"),
        ({"energy": np.array([1.0, 3.0, 2.0])}, "must increase"),
        ({"energy": np.array([1.0, 2.0])}, "energy"),
        ({"mu": np.array([1.0, np.nan, 2.0])}, "not finite"),
        ({"target": "relative"}, "target"),
        ({"material": "mp-2"}, "mp-2"),
        ({"axis": "upright"}, "axis is 'upright'"),
        ({"energy": np.array([-1.0, 2.0, 4.0])}, "absolute energies must be positive"),
        ({"id": ""}, "empty"),
    ],
)
def test_record_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(RecordError, match=message):
        replace(record(), **changes)


def test_foreign_sqlite_file_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "other #1?.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table notes(text)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="not an ASE database"):
        Database(path)
    with pytest.raises(DatabaseError, match="not an ASE database"):
        write_records(path, [record()])
    assert path.read_bytes() == before


def test_database_without_records_has_no_energies(tmp_path):
    with ase.db.connect(tmp_path / "x.db", type="db") as connection:
        connection.delete([connection.write(Atoms("Cu"))])
    text = describe_contents(Database(tmp_path / "x.db").contents())
    assert "sites: 0" in text
    assert "inf" not in text


def execute(path, sql):
    """Run one statement on a file and return its rows."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()


def test_entries_agree_with_the_records(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record(0), record(1, material="my_run-2", version="10"), record(1)])
    database = Database(path)
    for read in database.records(database.ids):
        entry = database.entry(read.id)
        for name in ("material", "element", "edge", "target", "structure_digest"):
            assert getattr(entry, name) == getattr(read, name)
        assert entry.code == f"{read.code} {read.version}"
        assert (entry.lowest, entry.highest, entry.step) == (1.0, 4.0, None)


def test_energies_that_are_relative_are_kept_as_such(tmp_path):
    relative = record(0, energy=np.array([-2.0, 0.0, 4.0]), axis="relative")
    write_records(tmp_path / "x.db", [relative, record(1)])
    database = Database(tmp_path / "x.db")
    assert_same(database.record("mp-1_000"), relative)
    assert [database.entry(i).axis for i in database.ids] == ["relative", "absolute"]
    assert database.contents().kinds["axis"] == {"relative": 1, "absolute": 1}
    absolute = record(0, energy=np.array([2.0, 4.0, 8.0]))
    assert replace(absolute, axis="relative").digest != absolute.digest


def test_deletion_with_ase_is_followed(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record(0), record(1)])
    before = Database(path)
    with ase.db.connect(path, type="db") as connection:
        connection.delete([before.entry("mp-1_000").row])
    with pytest.raises(DatabaseError, match="mp-1_000 .*was deleted or replaced"):
        before.record("mp-1_000")
    assert Database(path).ids == ["mp-1_001"]
    assert Database(path).contents().elements == {"Cu": 1, "O": 1}
    assert write_records(path, [record(0)]).added == 1
    assert Database(path).ids == ["mp-1_001", "mp-1_000"]


def test_structure_that_is_replaced_after_the_index_was_read_is_an_error(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record()])
    before = Database(path)
    moved = record().atoms
    moved.positions[2, 2] += 0.1
    write_records(path, [record(atoms=moved)], replace=True)
    with pytest.raises(DatabaseError, match="mp-1_000 .*was deleted or replaced"):
        before.record("mp-1_000")
    assert_same(Database(path).record("mp-1_000"), record(atoms=moved))


def test_failure_after_many_records_leaves_the_database_as_it_was(tmp_path, monkeypatch):
    """ASE commits by itself after so many changes, 5,000 if it is not told otherwise."""
    monkeypatch.setattr(SQLite3Database.managed_connection.__wrapped__, "__defaults__", (3,))
    path, control = tmp_path / "x.db", tmp_path / "control.db"
    write_records(path, [record()])

    def breaks():
        yield from (record(material=f"mp-{k}") for k in range(2, 12))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(path, breaks())
    assert Database(path).ids == ["mp-1_000"]

    def plainly():
        with ase.db.connect(control, type="db") as connection:
            for made in breaks():
                connection.write(made.atoms)

    with pytest.raises(KeyboardInterrupt):
        plainly()
    assert execute(control, "SELECT COUNT(*) FROM systems") == [(9,)]  # what must not happen


def test_a_second_writer_waits_and_readers_see_the_state_before(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record()])
    counts = []

    def slowly():
        yield record(1)
        other = threading.Thread(target=lambda: write_records(path, [record(0, material="mp-2")]))
        other.start()
        counts.append((other, len(Database(path))))
        yield record(0, material="mp-3")

    write_records(path, slowly())
    ((other, seen),) = counts
    other.join()
    assert seen == 1
    assert Database(path).ids == ["mp-1_000", "mp-1_001", "mp-3_000", "mp-2_000"]


def test_database_that_stays_locked_is_named(tmp_path, monkeypatch):
    path = tmp_path / "x.db"
    write_records(path, [record()])
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.01}))
    with closing(connect(path)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        for use in (lambda: Database(path), lambda: write_records(path, [record(1)])):
            with pytest.raises(DatabaseError, match=r"x\.db: .*locked"):
                use()


def read_in_child(database, queue):
    """Read a record in another process."""
    queue.put(database.record("mp-1_001").mu.tolist())


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read(tmp_path, method):
    path = tmp_path / "x.db"
    write_records(path, [record(0), record(1)])
    database = Database(path)
    database.record("mp-1_000")
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=read_in_child, args=(database, queue))
    child.start()
    assert queue.get(timeout=60) == record(1).mu.tolist()
    child.join()
    assert child.exitcode == 0
    assert_same(database.record("mp-1_000"), record(0))


def test_threads_read_at_the_same_time(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record(site, material=f"mp-{k}") for k in range(40) for site in (0, 1)])
    database = Database(path)
    found = {}

    def read(name, ids):
        found[name] = [r.id for r in database.records(ids)]

    orders = {0: database.ids, 1: database.ids[::-1]}
    threads = [threading.Thread(target=read, args=item) for item in orders.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == orders

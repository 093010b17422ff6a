"""The database: what goes in comes out, once, and a failure leaves it as it was."""

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
from src.dataset.dataset import XANESDataset
from src.dataset.record import PassedOver, Record, Rejected
from src.errors import DatabaseError, RecordError
from src.readers.feff import read_feff
from src.reports.text import describe_contents


@pytest.fixture
def path(tmp_path):
    """Where a database may be made."""
    return tmp_path / "x.db"


def test_records_come_back_to_the_last_bit(path):
    records = [r for r in read_feff(CALCULATIONS) if isinstance(r, Record)]
    records += [record(material="123"), record(material="1e5")]  # as ASE's numbers look
    records.append(record(energy=np.array([-2.0, 0.0, 4.0]), axis="relative"))
    summary = write_records(path, records)
    assert (summary.added, summary.unchanged, summary.replaced) == (30, 0, 0)
    database = Database(path)
    assert database.ids == [r.id for r in records]
    for before, after in zip(records, database.records(database.ids), strict=True):
        assert_same(before, after)


def test_numbers_of_numpy_come_back_as_plain_ones(path):
    numpy_numbers = record(
        np.int64(1), id="mp-1_mean", fermi_level=np.float64(-8.5), kf=np.float32(1.5),
        interstitial=-3, radii=[(np.int64(29), np.float64(1.25), 2)],
        polarization=np.array([0.0, 0.0, 1.0]), mean_over=np.array([1]),
    )  # fmt: skip
    write_records(path, [numpy_numbers])
    after = Database(path).record("mp-1_mean")
    assert (after.site, after.mean_over, after.radii) == (1, (1,), ((29, 1.25, 2.0),))
    assert (after.fermi_level, after.kf, after.interstitial) == (-8.5, 1.5, -3.0)
    assert after.polarization == (0.0, 0.0, 1.0)


def test_writing_twice_is_writing_once(path):
    write_records(path, [record(0), record(1)])
    summary = write_records(path, [record(1, source="copy"), record(0, material="mp-2")])
    assert (summary.added, summary.unchanged) == (1, 1)
    assert Database(path).ids == ["mp-1_000", "mp-1_001", "mp-2_000"]


@pytest.mark.parametrize("field", ["mu", "atoms", "version", "fermi_level"])
def test_changed_record_is_an_error_and_changes_nothing_unless_replaced(path, field):
    write_records(path, [record()])
    moved = record().atoms
    moved.positions[2, 2] += 1e-9
    value = {"mu": record().mu + 1e-12, "atoms": moved, "version": "10", "fermi_level": None}
    changed = replace(record(), **{field: value[field]})
    with pytest.raises(DatabaseError, match=r"mp-1_000 already exists.*--replace"):
        write_records(path, [record(1), changed])
    assert Database(path).ids == ["mp-1_000"]  # nor was the first of the two kept
    assert_same(Database(path).record("mp-1_000"), record())
    assert write_records(path, [changed], replace=True).replaced == 1
    assert_same(Database(path).record("mp-1_000"), changed)


def test_two_different_calculations_of_one_id_never_replace_each_other(path):
    other = record(mu=record().mu + 1.0, source="there")
    for replaces in (False, True):
        with pytest.raises(DatabaseError, match="here and there are different.*mp-1_000"):
            write_records(path, [record(), other], replace=replaces)
    assert not path.exists()
    assert write_records(path, [record(), record(source="copy")], replace=True).unchanged == 1


def test_every_calculation_is_counted_and_strict_makes_a_rejected_one_an_error(path):
    found = [record(), Rejected("a/b", "empty"), PassedOver("c"), record(1)]
    summary = write_records(path, found)
    assert summary.rejected == [Rejected("a/b", "empty")]
    assert (summary.added, summary.passed_over, summary.calculations) == (2, 1, 4)
    with pytest.raises(RecordError, match="a/b: empty"):
        write_records(path.with_name("strict.db"), found, strict=True)
    assert not path.with_name("strict.db").exists()


def test_contents_count_the_records(path):
    relative = record(axis="relative", energy=np.array([-2.0, 0.0, 4.0]))
    write_records(path, [relative, record(1), record(0, material="mp-2", target="normalized")])
    contents = Database(path).contents()
    assert (contents.sites, contents.materials) == (3, 2)
    assert contents.kinds["target"] == {"absolute": 2, "normalized": 1}
    assert contents.kinds["axis"] == {"relative": 1, "absolute": 2}
    assert contents.elements == {"Cu": 3, "O": 3}
    assert contents.energy_range == (-2.0, 4.0)


def test_database_without_records_has_no_energies(path):
    with ase.db.connect(path, type="db") as connection:
        connection.delete([connection.write(Atoms("Cu"))])
    text = describe_contents(Database(path).contents())
    assert "sites: 0" in text
    assert "inf" not in text


def test_files_that_are_no_database_are_named_and_left_as_they_were(tmp_path):
    text, foreign = tmp_path / "text.db", tmp_path / "other #1?.db"
    text.write_text("hello, this is no database\n")
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("create table notes(text)")
    for path in (text, foreign):
        before = path.read_bytes()
        for use in (Database, lambda where: write_records(where, [record()])):
            with pytest.raises(DatabaseError, match=r"\.db: .*not an ASE database"):
                use(path)
        assert path.read_bytes() == before
    with pytest.raises(DatabaseError, match="no such database"):
        Database(tmp_path / "missing.db")
    with pytest.raises(DatabaseError, match="folder"):
        write_records(tmp_path / "no" / "x.db", [record()])


def test_rows_of_other_programs_are_refused(path):
    write_records(path, [record()])
    with ase.db.connect(path) as connection:
        row = connection.get(id=1)
        connection.write(row.toatoms(), key_value_pairs=row.key_value_pairs, data=row.data)
    with pytest.raises(DatabaseError, match="rows 1 and 2 both have the id mp-1_000"):
        Database(path)
    with ase.db.connect(path) as connection:
        connection.update(2, data={"id": "mp-2_000", "energy": None})
    with pytest.raises(DatabaseError, match="row 2 is not a record"):
        Database(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"element": "Zn"}, "should be Zn but atom 0 is Cu"),
        ({"site": 3}, "absorber index 3"),
        ({"energy": np.array([1.0, 3.0, 2.0])}, "must increase, but 2.000 eV follows 3.000"),
        ({"energy": np.array([1.0, 2.0])}, "energy"),
        ({"mu": np.array([1.0, np.nan, 2.0])}, "not finite"),
        ({"kf": np.inf}, "`kf`"),
        ({"target": "relative"}, "target"),
        ({"material": "mp-2"}, "mp-2"),
        ({"axis": "upright"}, "axis is 'upright'"),
        ({"energy": np.array([-1.0, 2.0, 4.0])}, "absolute energies must be positive"),
        ({"id": ""}, "empty"),
        ({"polarization": (0.0, 1.0, 1.0)}, "`polarization`"),
        ({"id": "mp-1_mean"}, "_mean"),
        ({"mean_over": (0, 1)}, "_mean"),
        ({"id": "mp-1_mean", "mean_over": (0, 2)}, "not all Cu"),
        ({"id": "mp-1_mean", "mean_over": (0, 7)}, "not all Cu"),
        ({"id": "mp-1_mean", "mean_over": (1, 0)}, "increasing"),
    ],
)
def test_record_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(RecordError, match=message):
        replace(record(), **changes)


def test_energies_of_another_axis_are_another_record():
    absolute = record(0, energy=np.array([2.0, 4.0, 8.0]))
    assert replace(absolute, axis="relative").digest != absolute.digest


def test_entries_agree_with_the_records(path):
    write_records(path, [record(0), record(1, material="my_run-2", version="10"), record(1)])
    database = Database(path)
    for read in database.records(database.ids):
        entry = database.entry(read.id)
        for name in ("material", "element", "edge", "target", "axis", "structure_digest"):
            assert getattr(entry, name) == getattr(read, name)
        assert entry.code == f"{read.code} {read.version}"
        assert (entry.lowest, entry.highest, entry.step) == (1.0, 4.0, None)
    with pytest.raises(DatabaseError, match="mp-9_000"):
        database.record("mp-9_000")


@pytest.mark.parametrize("change", ["deleted", "structure", "spectrum"])
def test_a_record_that_changed_after_the_database_was_opened_is_not_read(path, change):
    """The checksum of the training data is that of the opened database."""
    write_records(path, [record(0), record(1)])
    before, moved = Database(path), record().atoms
    moved.positions[2, 2] += 0.1
    if change == "deleted":
        with ase.db.connect(path, type="db") as connection:
            connection.delete([before.entry("mp-1_000").row])
        assert Database(path).ids == ["mp-1_001"]
        assert Database(path).contents().elements == {"Cu": 1, "O": 1}
    else:
        new = record(atoms=moved) if change == "structure" else record(mu=2 * record().mu)
        write_records(path, [new], replace=True)
        assert_same(Database(path).record("mp-1_000"), new)
    graphs = XANESDataset(before, ["mp-1_000"], 5.0, record().energy, 0.0)
    with pytest.raises(DatabaseError, match="mp-1_000 .*was deleted or replaced"):
        graphs[0]
    assert_same(before.record("mp-1_001"), record(1))  # negative control


def test_failure_after_many_records_leaves_the_database_as_it_was(path, monkeypatch):
    """ASE commits by itself after 5,000 changes, here after 3."""
    monkeypatch.setattr(SQLite3Database.managed_connection.__wrapped__, "__defaults__", (3,))
    control = path.with_name("control.db")
    write_records(path, [record()])

    def breaks():
        yield from (record(material=f"mp-{k}") for k in range(2, 12))
        raise KeyboardInterrupt

    def plainly():
        with ase.db.connect(control, type="db") as connection:
            for made in breaks():
                connection.write(made.atoms)

    for use in (lambda: write_records(path, breaks()), plainly):
        with pytest.raises(KeyboardInterrupt):
            use()
    assert Database(path).ids == ["mp-1_000"]
    with ase.db.connect(control, type="db") as connection:
        assert connection.count() == 9  # negative control: ASE alone keeps a part


def test_a_second_writer_waits_and_readers_see_the_state_before(path):
    write_records(path, [record()])
    others, counts = [], []

    def slowly():
        yield record(1)
        other = threading.Thread(target=lambda: write_records(path, [record(0, material="mp-2")]))
        other.start()
        others.append(other)
        counts.append(len(Database(path)))
        yield record(0, material="mp-3")

    write_records(path, slowly())
    others[0].join()
    assert counts == [1]
    assert Database(path).ids == ["mp-1_000", "mp-1_001", "mp-3_000", "mp-2_000"]


def test_an_empty_file_is_a_new_database_to_write_but_none_to_read(path):
    """As a killed process leaves it."""
    path.touch()
    with pytest.raises(DatabaseError, match="not an ASE database"):
        Database(path)
    write_records(path, [record()])
    assert Database(path).ids == ["mp-1_000"]

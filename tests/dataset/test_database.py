"""The database: what goes in comes out, once, and a failure leaves it as it was."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import ase.db
import numpy as np
import pytest
from ase import Atoms
from paths import CALCULATIONS

from src.data.database import Database, write_records
from src.data.readers.feff import read_feff
from src.data.record import Record, Rejected
from src.errors import DatabaseError, RecordError
from src.report import describe_contents


def record(site=0, material="mp-1", **changes):
    """A small record."""
    atoms = Atoms("Cu2O", [[0, 0, 0], [2, 0, 0], [1, 1, 0]], cell=[4, 4, 4], pbc=True)
    fields = {
        "id": f"{material}_{site:03d}", "material": material, "atoms": atoms, "site": site,
        "element": "Cu", "edge": "K", "energy": np.array([1.0, 2.0, 4.0]),
        "mu": np.array([0.1, 0.5, 1 / 3]), "target": "absolute", "code": "FEFF",
        "version": "9.9.1", "source": "here", "fermi_level": -8.5,
    }  # fmt: skip
    return Record(**{**fields, **changes})


def assert_same(a, b):
    """Every field of two records is equal, numbers to the last bit."""
    for name in ("id", "material", "site", "element", "edge", "target", "code", "version"):
        assert getattr(a, name) == getattr(b, name)
    assert (a.source, a.fermi_level) == (b.source, b.fermi_level)
    assert np.array_equal(a.energy, b.energy)
    assert np.array_equal(a.mu, b.mu)
    assert np.array_equal(a.atoms.positions, b.atoms.positions)
    assert np.array_equal(a.atoms.cell.array, b.atoms.cell.array)
    assert a.atoms.numbers.tolist() == b.atoms.numbers.tolist()
    assert a.atoms.pbc.tolist() == b.atoms.pbc.tolist()


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
    import ase.db

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

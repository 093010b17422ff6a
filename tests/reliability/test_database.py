"""Databases written by several processes, and by ones that are stopped or killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import ase.db
import pytest
from paths import CALCULATIONS, ROOT
from records import record

from src.cli import main
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.errors import DatabaseError, RecordError, Terminated

pytestmark = pytest.mark.reliability


def collect(*words):
    """Start `dataset` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "src", "dataset", *map(str, words)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(database):
    """Digest of all records, written by one process."""
    return Database(database).digest


def test_processes_that_write_at_once_lose_nothing(tmp_path, whole):
    """Four of them, each with a part of the calculations, two parts twice."""
    folders = sorted(path for path in CALCULATIONS.iterdir() if path.is_dir())
    parts = folders[::2], folders[1::2], folders[::3], folders[:4]
    path = tmp_path / "cu.db"
    started = [collect(*part, "-o", path) for part in parts]
    for process in started:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert Database(path).digest == whole  # whatever the order of the records is
    assert Database(path).contents().sites == 27


def coming(number, at=5):
    """Records of which one is interrupted by a signal."""
    for k in range(10):
        if k == at and number is not None:
            os.kill(os.getpid(), number)
        yield record(material=f"mp-{k}")


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_stopped_collection_keeps_what_it_has_and_goes_on(tmp_path, number, raised, caplog):
    caplog.set_level("INFO")
    with pytest.raises(raised):
        write_records(tmp_path / "cut.db", coming(number))
    assert len(Database(tmp_path / "cut.db").ids) == 5
    assert "5 records are kept of this run; the same command goes on" in caplog.text
    summary = write_records(tmp_path / "cut.db", coming(None))
    assert (summary.added, summary.unchanged) == (5, 5)
    write_records(tmp_path / "whole.db", coming(None))
    assert Database(tmp_path / "cut.db").digest == Database(tmp_path / "whole.db").digest


def test_a_collection_stopped_before_its_first_record_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_records(tmp_path / "x.db", coming(signal.SIGINT, at=0))
    assert not (tmp_path / "x.db").exists()


def test_a_killed_collection_leaves_the_database_as_it_was(tmp_path, whole):
    """At ten moments; what is there is whole, and the command run again makes it complete."""
    folders = sorted(path for path in CALCULATIONS.iterdir() if path.is_dir())
    first, path = folders[0], tmp_path / "cu.db"
    assert main(["dataset", str(first), "-o", str(path)]) == 0
    before, kept = Database(path).digest, tmp_path / "kept.db"
    shutil.copy(path, kept)
    outcomes = []
    for tenth in range(10):
        shutil.copy(kept, path)
        process = collect(CALCULATIONS, "-o", path)
        deadline, journal = time.monotonic() + 30, path.with_name("cu.db-journal")
        while process.poll() is None and not journal.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.002 * tenth)
        process.kill()
        process.communicate()
        outcomes.append(Database(path).digest)
        assert outcomes[-1] in (before, whole)
    assert before in outcomes  # some were killed in time
    assert main(["dataset", str(CALCULATIONS), "-o", str(path)]) == 0
    assert Database(path).digest == whole


def test_a_changed_source_is_noticed(tmp_path, capsys):
    shutil.copytree(CALCULATIONS / "mp-1692", tmp_path / "runs" / "mp-1692")
    words = ["dataset", str(tmp_path / "runs"), "-o", str(tmp_path / "cu.db")]
    assert main(words) == 0
    before = Database(tmp_path / "cu.db").digest
    assert main(words) == 0  # negative control: the same files again
    xmu = next((tmp_path / "runs").rglob("xmu.dat"))
    lines = xmu.read_text().splitlines(keepends=True)
    row = next(k for k, line in enumerate(lines) if not line.startswith("#")) + 30
    columns = lines[row].split()
    changed = lines[row]
    for value in columns[3:5]:  # mu and mu0, so that their difference chi still fits
        changed = changed.replace(value, f"{float(value) + 1e-3:.5E}", 1)
    xmu.write_text("".join([*lines[:row], changed, *lines[row + 1 :]]))
    capsys.readouterr()
    assert main(words) == 1
    assert "is there with other content" in capsys.readouterr().err
    assert Database(tmp_path / "cu.db").digest == before
    assert main([*words, "--replace"]) == 0
    assert Database(tmp_path / "cu.db").digest != before


def test_one_that_fails_does_not_remove_what_another_wrote(tmp_path):
    """Both found no file; the first one fails after the second one was done."""
    path = tmp_path / "x.db"

    def fails():
        write_records(path, [record(material="mp-2")])
        raise RecordError("broken")
        yield

    with pytest.raises(RecordError):
        write_records(path, fails())
    assert Database(path).ids == ["mp-2_000"]


def test_a_file_that_was_removed_meanwhile_is_not_written_to(tmp_path):
    """SQLite looks whether its file still has its name; without that all would be lost."""
    path = tmp_path / "x.db"

    def removes():
        path.unlink()
        yield record()

    with pytest.raises(DatabaseError, match=r"x\.db: not a usable database"):
        write_records(path, removes())
    assert not path.exists()


def test_an_empty_file_is_a_new_database_to_write_but_none_to_read(tmp_path):
    """As another process that has just begun leaves it."""
    path = tmp_path / "x.db"
    path.touch()
    with pytest.raises(DatabaseError, match="not an ASE database"):
        Database(path)
    write_records(path, [record()])
    assert Database(path).ids == ["mp-1_000"]


def test_a_spectrum_that_was_replaced_since_it_was_opened_is_not_given(tmp_path):
    """Its checksum is noted as the training data's."""
    path = tmp_path / "x.db"
    old = record()
    new = replace(old, mu=2 * old.mu)
    write_records(path, [old])
    database = Database(path)
    write_records(path, [new], replace=True)
    graphs = XANESDataset(database, [old.id], 5.0, old.energy, 0.0)
    with pytest.raises(DatabaseError, match="mp-1_000 .*was deleted or replaced"):
        graphs[0]
    write_records(path, [old], replace=True)
    again = XANESDataset(Database(path), [old.id], 5.0, old.energy, 0.0)
    assert again[0].y.max().item() == pytest.approx(old.mu.max())


def test_a_row_added_with_ase_of_an_id_that_is_there_is_refused(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, [record()])
    database = ase.db.connect(path)
    row = database.get(id=1)
    database.write(row.toatoms(), key_value_pairs=row.key_value_pairs, data=row.data)
    with pytest.raises(DatabaseError, match="rows 1 and 2 both have the id mp-1_000"):
        Database(path)

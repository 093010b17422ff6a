"""Databases whose writers are stopped, killed or fail, and calculations that change."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from command import start
from paths import CALCULATIONS
from records import record

from src.cli import main
from src.dataset.database import Database, write_records
from src.errors import Terminated

pytestmark = pytest.mark.reliability


def coming(number, at=5):
    """Records of which one is interrupted by a signal."""
    for k in range(10):
        if k == at and number is not None:
            os.kill(os.getpid(), number)
        yield record(material=f"mp-{k}")


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_stopped_collection_keeps_what_it_has_and_continues(tmp_path, number, raised, caplog):
    caplog.set_level("INFO")
    with pytest.raises(raised):
        write_records(tmp_path / "cut.db", coming(number))
    assert len(Database(tmp_path / "cut.db").ids) == 5
    assert "5 records" in caplog.text
    summary = write_records(tmp_path / "cut.db", coming(None))
    assert (summary.added, summary.unchanged) == (5, 5)
    write_records(tmp_path / "whole.db", coming(None))
    assert Database(tmp_path / "cut.db").digest == Database(tmp_path / "whole.db").digest


def test_a_collection_stopped_before_its_first_record_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_records(tmp_path / "x.db", coming(signal.SIGINT, at=0))
    assert not (tmp_path / "x.db").exists()


def test_a_killed_collection_leaves_the_database_as_it_was(tmp_path, database):
    """At ten moments; what is there is whole, and the command run again makes it complete."""
    first = min(path for path in CALCULATIONS.iterdir() if path.is_dir())
    path, kept = tmp_path / "cu.db", tmp_path / "kept.db"
    assert main(["dataset", str(first), "-o", str(kept)]) == 0
    whole, before, outcomes = Database(database).digest, Database(kept).digest, []
    for tenth in range(10):
        shutil.copy(kept, path)
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = start("dataset", CALCULATIONS, "-o", path, **silent)
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
    assert "already exists with different content" in capsys.readouterr().err
    assert Database(tmp_path / "cu.db").digest == before
    assert main([*words, "--replace"]) == 0
    assert Database(tmp_path / "cu.db").digest != before

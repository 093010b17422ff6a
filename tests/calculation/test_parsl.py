"""Sites calculated by Parsl's workers, and workers that are killed."""

import os
import runpy
import signal

import pytest
from calculating import engines, feff, notes, records, start, wait_for, write_many
from command import run
from paths import ROOT

from src.calculation.parsl_pool import load_config
from src.errors import ConfigError

pytest.importorskip("parsl")
EXAMPLES = ROOT / "docs" / "examples" / "parsl"


@pytest.fixture
def words(tmp_path):
    """The command on eight sites, its files and Parsl's in the test's folder."""
    config = tmp_path / "config.py"
    text = (EXAMPLES / "local.py").read_text()
    config.write_text(text.replace("retries=3", f"retries=3, run_dir={str(tmp_path / 'parsl')!r}"))
    many = write_many(tmp_path / "many.extxyz")
    words = ["calculate", many, "--element", "Cu", "-o", tmp_path / "runs", "--parsl", config]
    return [*words, *feff(tmp_path, 1.0)]


@pytest.mark.slow
@pytest.mark.reliability
def test_killed_worker_loses_nothing(tmp_path, words):
    process = start(words)
    wait_for(tmp_path, 2)
    before = records(tmp_path / "runs")
    os.kill(engines(tmp_path)[0][1], signal.SIGKILL)
    assert process.wait(120) == 0
    assert len(records(tmp_path / "runs")) == 8
    starts = notes(tmp_path, "start")
    assert all(starts[name] == 1 for name in before)
    assert starts.total() <= 8 + 1


@pytest.mark.slow
@pytest.mark.reliability
def test_killed_command_continues(tmp_path, words):
    process = start(words)
    wait_for(tmp_path, 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    before = records(tmp_path / "runs")
    assert start(words).wait(120) == 0
    assert len(records(tmp_path / "runs")) == 8
    assert all(notes(tmp_path, "start")[name] == 1 for name in before)


def test_files_that_define_no_config_are_named(tmp_path, words, capsys):
    path = tmp_path / "wrong.py"
    for text, message in (("x = 1", "config"), ("config = 3", "3"), ("1 / 0", "ZeroDivision")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_config(path)
    assert run(*words, "--jobs", 2) == 2
    assert "jobs" in capsys.readouterr().err


def test_examples_of_queues_are_what_parsl_takes(monkeypatch):
    import parsl.addresses

    monkeypatch.setattr(parsl.addresses, "address_by_interface", lambda _name: "127.0.0.1")
    for name in ("local", "slurm", "pbs"):
        assert runpy.run_path(str(EXAMPLES / f"{name}.py"))["config"].retries == 3

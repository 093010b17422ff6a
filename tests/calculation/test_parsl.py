"""Sites calculated by Parsl's workers, and workers that are killed."""

import os
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from ase.build import bulk
from ase.io import write
from command import run
from paths import ROOT

from src.calculation.parsl_pool import load_config
from src.errors import ConfigError
from src.readers.feff import read_feff

pytest.importorskip("parsl")
EXAMPLES = ROOT / "docs" / "examples" / "parsl"


@pytest.fixture
def words(tmp_path):
    """The command on eight sites, in a folder of its own."""
    frames = [bulk("CuZn", "cesiumchloride", a=2.95 + 0.02 * k) for k in range(8)]
    for k, frame in enumerate(frames):
        frame.info["material"] = f"m-{k}"
    write(tmp_path / "many.extxyz", frames, format="extxyz")
    stub = [sys.executable, ROOT / "tests" / "support" / "stub_feff.py", tmp_path / "log", "1.0"]
    config = tmp_path / "config.py"
    text = (EXAMPLES / "local.py").read_text()
    config.write_text(text.replace("retries=3", f"retries=3, run_dir={str(tmp_path / 'parsl')!r}"))
    return [
        *("calculate", tmp_path / "many.extxyz", "--element", "Cu", "-o", tmp_path / "runs"),
        *("--parsl", config, "--feff", shlex.join(map(str, stub))),
    ]


def start(words):
    """The command as a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "src", *map(str, words)]
    return subprocess.Popen(command, cwd=words[1].parent, env=environment)


def notes(folder):
    """How often each site was started and ended."""
    path = folder / "log"
    return Counter(path.read_text().splitlines()) if path.is_file() else Counter()


def wait_for(folder, ended):
    """Wait until so many sites have ended, and another one has begun."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        words = Counter(line.split()[0] for line in notes(folder).elements())
        if words["end"] >= ended and words["start"] > words["end"]:
            return
        time.sleep(0.05)
    raise TimeoutError


def worker(folder):
    """A process that runs a site: the parent of an engine."""
    while True:
        listed = subprocess.run(
            ["ps", "-ewwo", "ppid,args"], capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            if "feff10_engine" in line and str(folder / "log") in line:
                return int(line.split()[0])


@pytest.mark.slow
@pytest.mark.reliability
def test_killed_worker_loses_nothing(tmp_path, words):
    process = start(words)
    wait_for(tmp_path, 2)
    before = {record.id for record in read_feff(tmp_path / "runs")}
    os.kill(worker(tmp_path), signal.SIGKILL)
    assert process.wait(120) == 0
    assert len(list(read_feff(tmp_path / "runs"))) == 8
    starts = {line.split()[1]: n for line, n in notes(tmp_path).items() if line[:2] == "st"}
    assert all(starts[name] == 1 for name in before)
    assert sum(starts.values()) <= 8 + 1


@pytest.mark.slow
@pytest.mark.reliability
def test_killed_command_continues(tmp_path, words):
    process = start(words)
    wait_for(tmp_path, 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    there = {record.id for record in read_feff(tmp_path / "runs")}
    assert start(words).wait(120) == 0
    assert len(list(read_feff(tmp_path / "runs"))) == 8
    starts = {line.split()[1]: n for line, n in notes(tmp_path).items() if line[:2] == "st"}
    assert all(starts[name] == 1 for name in there)


def test_files_that_define_no_config_are_named(tmp_path, words, capsys):
    path = tmp_path / "wrong.py"
    for text, told in (("x = 1", "config"), ("config = 3", "3"), ("1 / 0", "ZeroDivision")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            load_config(path)
    assert run(*words, "--jobs", 2) == 2
    assert "jobs" in capsys.readouterr().err


def test_examples_of_queues_are_what_parsl_takes(monkeypatch):
    import parsl.addresses

    monkeypatch.setattr(parsl.addresses, "address_by_interface", lambda _name: "127.0.0.1")
    for name in ("local", "slurm", "pbs"):
        assert runpy.run_path(str(EXAMPLES / f"{name}.py"))["config"].retries == 3

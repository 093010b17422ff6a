"""Signals at awkward moments: the state is written, and the training goes on bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hooks import Killed, at, die
from paths import CU_K, ROOT
from states import differing, without_seconds
from team import epoch_batches, graphs, network, settings

from src import run_training
from src.checkpoints.torch_file import read_verified
from src.errors import Terminated
from src.runtime.signals import Pause

pytestmark = pytest.mark.reliability
DATA = graphs(14), graphs(9, first_seed=50)
KINDS = [
    (signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated),
    (signal.SIGUSR1, Terminated),
]  # fmt: skip


def train(folder, name, **changes):
    """Train, and give the state that is left."""
    run_training(network(dropout=0.2), *DATA, settings(folder, name, epochs=3, **changes))
    return read_verified(folder / f"{name}.ckpt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """State of a training that nothing happened to."""
    return train(tmp_path_factory.mktemp("whole"), "whole")


@pytest.fixture
def heard():
    """No signal is ignored, as those but SIGINT and SIGTERM may be in the background."""
    numbers = [number for number, _ in KINDS]
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers[2:]]
    yield
    for number, handler in zip(numbers[2:], before, strict=True):
        signal.signal(number, handler)


def assert_continues(folder, whole):
    """What is resumed ends as what nothing happened to."""
    again = train(folder, "cut", resume=True)
    assert differing(without_seconds(whole), without_seconds(again)) == []


def n_batches():
    """Batches of the training in the second epoch."""
    return len(epoch_batches(DATA[0], 1)[0])


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("validating", [False, True])
@pytest.mark.parametrize(("number", "raised"), KINDS)
def test_a_signal_stops_a_training_and_loses_nothing(tmp_path, whole, number, raised, validating):
    """A queue tells torchrun and its processes at once; torchrun tells them again."""
    seen = []

    def hook(epoch, batch):
        seen.append((epoch, batch))
        if (epoch, batch) == (1, n_batches() if validating else 1):
            signal.raise_signal(number)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(raised):
        train(tmp_path, "cut", on_batch=hook)
    assert seen[-1] == (1, n_batches() if validating else 1)  # no further batch
    state = read_verified(tmp_path / "cut.ckpt")
    assert (state["epoch"], state["batch"]) == (1, n_batches() if validating else 2)
    assert_continues(tmp_path, whole)


def test_a_long_validation_keeps_what_was_trained_before_it(tmp_path, whole):
    """Killed within it, no more than ``checkpoint_minutes`` are lost; the state is written once."""
    hook = at(1, n_batches() + 2, die)
    with pytest.raises(Killed):
        train(tmp_path, "cut", checkpoint_minutes=0.0, keep=9, on_batch=hook)
    states = [read_verified(path) for path in sorted(tmp_path.glob("cut.ckpt*"))]
    assert [state["batch"] for state in states[:2]] == [n_batches(), n_batches() - 1]
    assert_continues(tmp_path, whole)


def test_a_signal_that_comes_again_later_acts_at_once(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("src.runtime.signals.time.monotonic", lambda: now[0])
    with Pause() as pause:
        signal.raise_signal(signal.SIGTERM)
        now[0] += 4.9
        signal.raise_signal(signal.SIGINT)
        assert pause.asked
        now[0] += 0.2
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


def test_signals_that_are_ignored_or_used_by_the_program_are_left_alone():
    seen = []
    before = [
        signal.signal(signal.SIGHUP, signal.SIG_IGN),  # as nohup does
        signal.signal(signal.SIGUSR1, lambda *_: seen.append(1)),
    ]
    try:
        with Pause() as pause:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGUSR1)
        assert not pause.asked
        assert seen == [1]
    finally:
        for number, handler in zip((signal.SIGHUP, signal.SIGUSR1), before, strict=True):
            signal.signal(number, handler)


def test_all_processes_wait_for_the_state_before_they_end(tmp_path, monkeypatch):
    """When one has ended, torchrun ends the others, and the one that writes among them."""
    written = []
    monkeypatch.setattr(
        "src.runtime.distributed.Team.wait",
        lambda _team: written.append((tmp_path / "cut.ckpt").exists()),
    )
    with pytest.raises(Terminated):
        train(tmp_path, "cut", on_batch=at(0, 0, lambda: signal.raise_signal(signal.SIGTERM)))
    assert written == [True]


def start(database, out, *more, fault="slow 0"):
    """A training in a session of its own, slow enough to be met within its first epoch."""
    words = [
        "train", database, "--train", CU_K / "train.txt", "--val", CU_K / "val.txt", "-o", out,
        "--training.epochs=2", "--training.batch_size=2", "--training.device=cpu",
        "--model.num_layers=1", "--model.lmax=1", "--model.channels=8", "--model.num_basis=16",
        "--training.workers=2", *more,
    ]  # fmt: skip
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "support" / "faulty.py"), *map(str, words)],
        cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "FAULT": fault},
    )  # fmt: skip


def within_the_first_epoch(process, out):
    """Wait until batches are trained on; give the processes that read them."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        readers = [int(pid) for pid in children.read_text().split()]
        if len(readers) == 2:
            time.sleep(1.0)
            return readers
        time.sleep(0.01)
    raise TimeoutError("no batch is read")


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds readers in /proc")


@linux
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_all_processes_of_a_training_leaves_its_state(database, tmp_path, number, code):
    """As a queue sends it: those that read batches get it, too."""
    process = start(database, tmp_path / "cut")
    within_the_first_epoch(process, tmp_path / "cut")
    os.killpg(process.pid, number)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == code, told
    state = read_verified(tmp_path / "cut" / "last.ckpt")
    assert state["epoch"] == 0
    assert state["batch"] > 0


@linux
def test_a_reader_that_is_killed_is_told_in_one_line(database, tmp_path):
    process = start(database, tmp_path / "cut")
    os.kill(within_the_first_epoch(process, tmp_path / "cut")[0], signal.SIGKILL)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    (line,) = [line for line in told.splitlines() if "error" in line]
    assert "a process that reads batches is gone (DataLoader worker" in line
    assert "internal" not in line

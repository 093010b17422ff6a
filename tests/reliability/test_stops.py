"""Signals at awkward moments: the state is written, and the training continues bit for bit."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import NETWORK, SPLIT, start
from hooks import Killed, at, die
from states import differing, without_seconds
from team import epoch_batches, graphs, network, settings

from src import run_training
from src.checkpoints.torch_file import read_verified
from src.errors import Terminated
from src.runtime.signals import Pause

pytestmark = pytest.mark.reliability
DATA = graphs(14), graphs(9, first_seed=50)
N_BATCHES = len(epoch_batches(DATA[0], 1)[0])
"""Batches of the training in the second epoch."""


def train(folder, name, **changes):
    """Train, and return the state that is left."""
    run_training(network(dropout=0.2), *DATA, settings(folder, name, epochs=3, **changes))
    return read_verified(folder / f"{name}.ckpt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """State of a training that nothing happened to."""
    return train(tmp_path_factory.mktemp("whole"), "whole")


def assert_continues(folder, whole):
    """A resumed training ends like one that nothing happened to."""
    again = train(folder, "cut", resume=True)
    assert differing(without_seconds(whole), without_seconds(again)) == []


@pytest.mark.parametrize("batch", [1, N_BATCHES], ids=["training", "validation"])
@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_stops_a_training_and_loses_nothing(tmp_path, whole, number, raised, batch):
    """A queue tells torchrun and its processes at once; torchrun tells them again."""
    batches, before = [], signal.getsignal(number)

    def hook(*where):
        batches.append(where)
        if where == (1, batch):
            signal.raise_signal(number)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(raised):
        train(tmp_path, "cut", on_batch=hook)
    assert signal.getsignal(number) is before
    assert batches[-1] == (1, batch)  # no further batch
    state = read_verified(tmp_path / "cut.ckpt")
    assert (state["epoch"], state["batch"]) == (1, N_BATCHES if batch == N_BATCHES else 2)
    assert_continues(tmp_path, whole)


def test_a_kill_in_a_long_validation_keeps_the_training_before_it(tmp_path, whole):
    """No more than ``checkpoint_minutes`` are lost; the state is written once."""
    hook = at(1, N_BATCHES + 2, die)
    with pytest.raises(Killed):
        train(tmp_path, "cut", checkpoint_minutes=0.0, keep=9, on_batch=hook)
    states = [read_verified(path) for path in sorted(tmp_path.glob("cut.ckpt*"))]
    assert [state["batch"] for state in states[:2]] == [N_BATCHES, N_BATCHES - 1]
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


def start_slowly(database, out):
    """Start a training in a session of its own, slow enough to be met within its first epoch.

    Returns:
        The process, and the ids of its two loader processes.
    """
    words = [
        "train", database, *SPLIT, *NETWORK, "-o", out, "--training.epochs=2",
        "--training.batch_size=2", "--training.device=cpu", "--training.workers=2",
    ]  # fmt: skip
    process = start(*words, fault="slow 0", start_new_session=True, stderr=subprocess.PIPE)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        loaders = [int(pid) for pid in children.read_text().split()]
        if len(loaders) == 2:
            time.sleep(1.0)
            return process, loaders
        time.sleep(0.01)
    raise TimeoutError("no batch is read")


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds loaders in /proc")


@linux
def test_a_signal_to_all_processes_of_a_training_leaves_its_state(database, tmp_path):
    """As a queue sends it: the loader processes get it, too."""
    process, _ = start_slowly(database, tmp_path / "cut")
    os.killpg(process.pid, signal.SIGTERM)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 143, message
    state = read_verified(tmp_path / "cut" / "last.ckpt")
    assert state["epoch"] == 0
    assert state["batch"] > 0


@linux
def test_a_killed_loader_process_is_one_line(database, tmp_path):
    process, loaders = start_slowly(database, tmp_path / "cut")
    os.kill(loaders[0], signal.SIGKILL)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    (line,) = [line for line in message.splitlines() if "error" in line]
    assert "DataLoader worker" in line
    assert "internal" not in line

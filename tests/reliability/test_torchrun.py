"""Processes of torchrun that die, are started again or have a full disk."""

import os
import signal
import subprocess
import time
from pathlib import Path

import command
import pytest
from command import NETWORK, SPLIT
from states import differing, without_seconds

from src.checkpoints.torch_file import read_verified
from src.runtime.atomic_files import read_newest, versions

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds ranks in /proc"),
]
EPOCHS = 25
TRAIN = [
    *SPLIT, *NETWORK, "--model.dropout=0.2", f"--training.epochs={EPOCHS}",
    "--training.max_edges=1500", "--training.device=cpu", "--training.checkpoint_minutes=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(database, tmp_path_factory):
    """State of a training by two processes that nothing happened to."""
    out = tmp_path_factory.mktemp("whole") / "cu_k"
    assert finish(start(database, out))[0] == 0
    return without_seconds(read_verified(out / "last.ckpt"))


def start(database, out, *more, restarts=0, fault=None):
    """Start a training by two processes."""
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--max-restarts={restarts}"]
    launcher += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--monitor-interval=0.1"]
    words = ["train", database, *TRAIN, "-o", out, *more]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return command.start(*words, launcher=launcher, fault=fault, **streams)


def finish(process, within=300.0):
    """Exit code and what was said on standard error."""
    try:
        message = process.communicate(timeout=within)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, message


def rank_pid(process, rank):
    """Number of the process that has a rank."""
    wanted = f"RANK={rank}".encode()
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        if wanted in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            return int(child)
    raise LookupError(f"no process of rank {rank}")


def kill_within_an_epoch(process, rank, out, epochs=3):
    """Kill a rank, when the state of some epochs is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        state = out / "last.ckpt"
        if versions(state) and read_newest(state, read_verified)[1]["epoch"] >= epochs:
            os.kill(rank_pid(process, rank), signal.SIGKILL)
            return
        time.sleep(0.01)
    raise TimeoutError("no state was written")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "at"),
    [
        ("die 0", "2 1"),
        ("die 1", "2 1"),
        ("die 0", "2 3"),
        ("die 1", "2 3"),
        ("die_writing 0", "2 3"),
    ],
)
def test_a_killed_process_ends_the_others_and_resumes_bit_for_bit(
    database, whole, tmp_path, fault, at, monkeypatch
):
    """In training, in validation, which follows three batches of training, or while writing."""
    monkeypatch.setenv("AT", at)
    started, out = time.monotonic(), tmp_path / "cut"
    code, message = finish(start(database, out, fault=fault))
    assert code != 0
    assert time.monotonic() - started < 60
    assert message.count("has lost another one, which was killed") == 1, message
    assert "internal error" not in message
    left = read_verified(out / "last.ckpt")
    assert (left["epoch"], left["batch"]) == (2, 2 if fault == "die_writing 0" else int(at[-1]))
    assert bool(list(out.glob(".last.ckpt.*.part"))) == (fault == "die_writing 0")
    assert finish(start(database, out, "--resume"))[0] == 0
    assert differing(whole, without_seconds(read_verified(out / "last.ckpt"))) == []
    assert not list(out.glob(".last.ckpt.*"))


@pytest.mark.slow
def test_torchrun_restarts_killed_processes_and_they_continue(database, whole, tmp_path):
    process = start(database, tmp_path / "cut", restarts=2)
    kill_within_an_epoch(process, 1, tmp_path / "cut")
    time.sleep(0.5)
    kill_within_an_epoch(process, 0, tmp_path / "cut", epochs=8)
    code, message = finish(process)
    assert code == 0, message
    assert differing(whole, without_seconds(read_verified(tmp_path / "cut" / "last.ckpt"))) == []
    log = (tmp_path / "cut" / "log.txt").read_text()
    assert log.count(f"epoch {EPOCHS}/{EPOCHS}") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_torchrun_and_its_processes_leaves_the_state(database, whole, tmp_path, number):
    """As a queue sends it to all of a job; torchrun then passes it on to its own."""
    out, rare = tmp_path / "cut", "--training.checkpoint_minutes=10"
    process = start(database, out, rare, fault="slow 0")
    deadline = time.monotonic() + 60
    while not (out / "config.yaml").exists():  # written before the first batch
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(2.0)
    for pid in (process.pid, rank_pid(process, 0), rank_pid(process, 1)):
        os.kill(pid, number)
    assert finish(process)[0] != 0
    assert read_verified(out / "last.ckpt")["batch"] > 0
    assert finish(start(database, out, rare, "--resume"))[0] == 0
    assert differing(whole, without_seconds(read_verified(out / "last.ckpt"))) == []


def test_a_full_disk_of_the_first_process_stops_all(database, tmp_path):
    code, message = finish(start(database, tmp_path / "full", fault="full_disk 0"))
    assert code != 0
    errors = [line for line in message.splitlines() if line.startswith("e3gnn-xanes: error")]
    assert len(errors) == 1, message
    assert "last.ckpt: can't be written, File too large" in errors[0]

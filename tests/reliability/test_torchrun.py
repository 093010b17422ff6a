"""Processes of torchrun that die, are started again, have a full disk or are slow."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from paths import CALCULATIONS, CU_K, ROOT

from src.checkpoints.torch_file import read_verified
from src.cli import main
from src.training.straggler import describe_straggler

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds ranks in /proc"),
]
EPOCHS = 25
TRAIN = [
    "--train", CU_K / "train.txt", "--val", CU_K / "val.txt", f"--training.epochs={EPOCHS}",
    "--model.num_layers=1", "--model.lmax=1", "--model.channels=8", "--model.num_basis=16",
    "--training.max_edges=1500", "--training.device=cpu", "--model.dropout=0.2",
    "--training.checkpoint_minutes=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The slice's database."""
    path = tmp_path_factory.mktemp("database") / "cu.db"
    assert main(["dataset", str(CALCULATIONS), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def whole(database, tmp_path_factory):
    """State of a training by two processes that nothing happened to."""
    out = tmp_path_factory.mktemp("whole") / "cu_k"
    assert finish(start(database, out))[0] == 0
    return read_verified(out / "last.ckpt")


def start(database, out, *more, restarts=0, fault=None):
    """Start a training by two processes."""
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--max-restarts={restarts}"]
    launcher += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--monitor-interval=0.1"]
    launcher += ["-m", "src"] if fault is None else [str(ROOT / "tests" / "support" / "faulty.py")]
    words = ["train", database, *TRAIN, "-o", out, *more]
    return subprocess.Popen(
        [sys.executable, *launcher, *map(str, words)],
        cwd=ROOT,
        env={
            **os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "FAULT": fault or "",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def finish(process, within=120.0):
    """Exit code and what was said on standard error."""
    try:
        told = process.communicate(timeout=within)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, told


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
        if (out / "last.ckpt").exists() and read_verified(out / "last.ckpt")["epoch"] >= epochs:
            os.kill(rank_pid(process, rank), signal.SIGKILL)
            return
        time.sleep(0.01)
    raise TimeoutError("no state was written")


def assert_same(state, other):
    """Two states hold the same, bit for bit, but the time it took."""
    for part in ("model", "averaged", "best_weights"):
        for name, value in state[part].items():
            assert torch.equal(value, other[part][name]), (part, name)
    moments, others = (s["optimizer"]["state"] for s in (state, other))
    for number, values in moments.items():
        assert all(torch.equal(value, others[number][name]) for name, value in values.items())
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in s["rows"]]
            for s in (state, other)]  # fmt: skip
    assert rows[0] == rows[1]


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_others_and_resumes_bit_for_bit(database, whole, tmp_path, rank):
    process = start(database, tmp_path / "cut")
    kill_within_an_epoch(process, rank, tmp_path / "cut")
    killed = time.monotonic()
    code, told = finish(process)
    seconds = time.monotonic() - killed
    print(f"rank {rank} killed: all ended after {seconds:.1f} s")
    assert code != 0
    assert seconds < 60
    assert told.count("has lost another one, which was killed") == 1, told
    assert "internal error" not in told
    left = read_verified(tmp_path / "cut" / "last.ckpt")
    assert left["epoch"] < EPOCHS
    assert finish(start(database, tmp_path / "cut", "--resume"))[0] == 0
    assert_same(whole, read_verified(tmp_path / "cut" / "last.ckpt"))


@pytest.mark.slow
def test_torchrun_starts_killed_processes_again_and_they_go_on(database, whole, tmp_path):
    process = start(database, tmp_path / "cut", restarts=2)
    kill_within_an_epoch(process, 1, tmp_path / "cut")
    time.sleep(0.5)
    kill_within_an_epoch(process, 0, tmp_path / "cut", epochs=8)
    code, told = finish(process)
    assert code == 0, told
    assert_same(whole, read_verified(tmp_path / "cut" / "last.ckpt"))
    log = (tmp_path / "cut" / "log.txt").read_text()
    assert log.count(f"epoch {EPOCHS}/{EPOCHS}") == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["die_validating 0", "die_validating 1", "die_writing 0"])
def test_a_process_killed_in_validation_or_writing_resumes_bit_for_bit(
    database, whole, tmp_path, fault, monkeypatch
):
    monkeypatch.setenv("DIES_AT", "7")
    begun, out = time.monotonic(), tmp_path / "cut"
    code, told = finish(start(database, out, fault=fault))
    assert code != 0
    assert time.monotonic() - begun < 60
    assert told.count("has lost another one, which was killed") == 1, told
    assert "internal error" not in told
    assert read_verified(out / "last.ckpt")["epoch"] < EPOCHS
    assert bool(list(out.glob(".last.ckpt.*.part"))) == (fault == "die_writing 0")
    assert finish(start(database, out, "--resume"))[0] == 0
    assert_same(whole, read_verified(out / "last.ckpt"))
    assert not list(out.glob(".last.ckpt.*"))


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
    assert_same(whole, read_verified(out / "last.ckpt"))


def test_a_full_disk_of_the_first_process_stops_all(database, tmp_path):
    begun = time.monotonic()
    code, told = finish(start(database, tmp_path / "full", fault="full_disk 0"))
    assert code != 0
    assert time.monotonic() - begun < 60
    errors = [line for line in told.splitlines() if line.startswith("e3gnn-xanes: error")]
    assert len(errors) == 1, told
    assert "last.ckpt: can't be written, File too large" in errors[0]


def test_a_slow_process_is_named(database, tmp_path):
    code, told = finish(start(database, tmp_path / "slow", "--training.epochs=1", fault="behind 1"))
    assert code == 0, told
    assert told.count("process 1 holds the others back") == 1, told


def test_who_is_slow():
    assert describe_straggler([1.0, 1.2, 9.0]) == (
        "process 2 holds the others back: 9.0 s for its part of the epoch, the others 1.1 s; look"
        " for other work or a slow disk on its machine"
    )
    assert describe_straggler([3.0, 1.5, 1.0]) == (
        "process 0 holds the others back: 3.0 s for its part of the epoch, the others 1.2 s; look"
        " for other work or a slow disk on its machine"
    )
    assert describe_straggler([1.0, 1.9]) is None  # less than twice
    assert describe_straggler([0.1, 0.9]) is None  # less than a second

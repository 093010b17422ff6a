"""Trainings killed at random moments, writing included, end as one that was left alone."""

import signal
import subprocess
import time

import numpy as np
import pytest
import torch
from command import NETWORK, SPLIT, start
from states import differing, without_seconds

from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import load_model
from src.runtime.atomic_files import versions

pytestmark = pytest.mark.reliability
KILLS = 50
SMALL = [
    *SPLIT, *NETWORK, "--model.dropout=0.2", "--training.epochs=60", "--training.max_edges=1500",
    "--training.device=cpu", "--training.checkpoint_minutes=0",
]  # fmt: skip


def train(database, out, *more):
    """A training in a process of its own."""
    return start("train", database, *SMALL, "-o", out, *more, stderr=subprocess.DEVNULL)


def modified(path):
    """When a file was written last; None: it is missing, as between the two renames of a write."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.mark.slow
def test_fifty_kills_lose_nothing(database, tmp_path):
    whole = train(database, tmp_path / "whole")
    assert whole.wait() == 0
    rng, kills, last = np.random.default_rng(0), 0, None
    cut = tmp_path / "cut" / "last.ckpt"
    for _ in range(20 * KILLS):
        process = train(database, tmp_path / "cut", *(["--resume"] if versions(cut) else []))
        before, begun = last, time.monotonic()
        while process.poll() is None and time.monotonic() - begun < 60:
            if modified(cut) not in (None, before):
                break
            time.sleep(0.005)
        time.sleep(float(rng.uniform(0.0, 0.15)))
        if process.poll() is not None:
            assert process.returncode == 0
            break
        if kills < KILLS:
            process.send_signal(signal.SIGKILL if kills % 5 else signal.SIGTERM)
            kills += 1
        assert process.wait() in (-signal.SIGKILL, 143, 0)
        for state in versions(cut):
            read_verified(state)  # raises if it is damaged
        last = modified(cut)
    assert kills >= KILLS // 2
    print(f"{kills} kills")
    states = [read_verified(tmp_path / name / "last.ckpt") for name in ("whole", "cut")]
    assert differing(*map(without_seconds, states)) == []
    twins = [load_model(tmp_path / name)[0].state_dict() for name in ("whole", "cut")]
    assert all(torch.equal(twins[0][name], twins[1][name]) for name in twins[0])

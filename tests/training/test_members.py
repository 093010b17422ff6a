"""Members trained in processes of their own are what training one by one gives."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from command import run
from paths import CALCULATIONS, CU_K, ROOT

from src.checkpoints.trained_model import load_model
from src.dataset.location import DatabaseURL
from src.model.ensemble import networks_of
from src.training.config import TrainJob
from src.training.members import member_command, member_environment

WORDS = [
    "--train", CU_K / "train.txt", "--val", CU_K / "val.txt", "--training.epochs=1",
    "--model.num_layers=1", "--model.lmax=0", "--model.channels=8", "--model.num_basis=16",
    "--training.max_edges=4000", "--training.device=cpu",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A database, and two members trained for a moment at the same time."""
    folder = tmp_path_factory.mktemp("made")
    assert run("dataset", CALCULATIONS, "-o", folder / "cu.db") == 0
    before = os.getcwd()
    os.chdir(ROOT)  # the members' processes import the package from here
    try:
        words = ["train", folder / "cu.db", *WORDS, "-o", folder / "both", "--members=2"]
        assert run(*words, "--parallel=2", "--training.seed=4") == 0
        yield folder
    finally:
        os.chdir(before)


def test_members_are_what_training_one_by_one_gives(made):
    networks = networks_of(load_model(made / "both")[0])
    assert len(networks) == 2
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as each member has
    try:
        out = made / "alone"
        assert run("train", made / "cu.db", *WORDS, "-o", out, "--training.seed=5") == 0
    finally:
        torch.set_num_threads(before)
    alone = load_model(made / "alone")[0].state_dict()
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(second[name], alone[name]) for name in alone)
    assert not torch.equal(first["embedding.weight"], alone["embedding.weight"])


def test_training_goes_on_and_new_members_may_join(made, capsys):
    words = ["train", made / "cu.db", *WORDS, "-o", made / "both", "--training.seed=4"]
    assert run(*words, "--members=2") == 1
    assert "member-0: already holds a training; give --resume" in capsys.readouterr().err
    kept = load_model(made / "both")[0].state_dict()
    assert run(*words, "--members=3", "--resume") == 0
    found = load_model(made / "both")[0]
    assert len(networks_of(found)) == 3
    assert all(torch.equal(found.state_dict()[name], kept[name]) for name in kept)
    words[words.index("-o") + 1] = made / "nowhere"
    assert run(*words, "--members=2", "--resume") == 1
    assert "nothing to resume" in capsys.readouterr().err


def test_a_failing_member_ends_the_command_with_its_message(made, capsys):
    words = ["train", made / "cu.db", *WORDS, "-o", made / "failed", "--members=2"]
    assert run(*words, "--training.lr=1e30", "--training.epochs=3", "--parallel=1") == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if "error" in x]
    assert "failed/member-0: epoch 1: val_mse is nan, seen with mp-1692_000," in line
    assert "lower `lr`" in line
    assert not (made / "failed" / "model.pt").exists()
    assert not (made / "failed" / "member-1" / "config.yaml").exists()  # it was never started


@pytest.mark.parametrize("option", ["--members=0", "--parallel=-1"])
def test_numbers_out_of_range_are_wrong_usage(option):
    assert run("train", "x.db", "-o", "y", option) == 2


def test_password_is_not_among_the_words(tmp_path):
    url = DatabaseURL("postgresql://me:s%40crt@host/cu")
    job = TrainJob(database=url, output=tmp_path, members=2)
    words = member_command(job, "training: {seed: 0}", 1, tmp_path)
    assert not any("crt" in word for word in words)
    assert "crt" not in (tmp_path / "settings.yaml").read_text()
    assert member_environment(job, 2)["PGPASSWORD"] == "s@crt"
    hidden = TrainJob(database=DatabaseURL("postgresql://me:***@host/cu"), output=tmp_path)
    assert member_environment(hidden, 2).get("PGPASSWORD") == os.environ.get("PGPASSWORD")


def test_no_member_outlives_a_terminated_training(made):
    """Control: both members were writing before, so that they stop follows from the signal."""
    out = made / "ended"
    words = ["train", made / "cu.db", *WORDS, "--training.epochs=2000", "-o", out, "--members=2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "src", *map(str, words), "--parallel=2"], stderr=subprocess.PIPE
    )
    metrics = [out / f"member-{k}" / "metrics.csv" for k in (0, 1)]
    wait_until(lambda: all(path.exists() and len(path.read_text()) > 200 for path in metrics))
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"terminated" in said
    sizes = [path.stat().st_size for path in metrics]
    time.sleep(1.0)  # many epochs of a member that still ran
    assert sizes == [path.stat().st_size for path in metrics]


def wait_until(reached, seconds=120.0):
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)

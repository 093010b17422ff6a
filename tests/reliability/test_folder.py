"""The output folder of a training: one process at a time, nothing of worth overwritten."""

import shutil
import signal
import subprocess
import time

import pytest
import torch
from command import NETWORK, SPLIT, error_of, run, start
from hooks import Killed, at, die, hook_commands

from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import load_model
from src.runtime.atomic_files import hold, older

pytestmark = pytest.mark.reliability
SMALL = [*SPLIT, *NETWORK, "--training.epochs=3", "--training.device=cpu"]


@pytest.fixture(scope="module")
def made(database, tmp_path_factory):
    """A database and a training on it."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(database, folder)
    assert run("train", folder / "cu.db", *SMALL, "-o", folder / "done") == 0
    return folder


@pytest.fixture
def done(made, tmp_path):
    """A copy of the folder of the training."""
    return shutil.copytree(made / "done", tmp_path / "done")


def words(made, out, *more):
    """The training of ``made``, to another folder."""
    return ["train", made / "cu.db", *SMALL, "-o", out, *more]


def contents(folder):
    """Content of every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("missing", [[], ["last.ckpt", "last.ckpt.1", "model.pt"]])
@pytest.mark.parametrize("more", [[], ["--members=2"]])
def test_a_folder_with_anything_of_a_training_is_refused(made, done, capsys, missing, more):
    for name in missing:
        (done / name).unlink()
    before = contents(done)
    assert run(*words(made, done, *more)) == 1
    assert "done: already contains a training" in error_of(capsys)
    assert contents(done) == before


def test_a_folder_of_members_is_refused(made, tmp_path, capsys):
    shutil.copytree(made / "done", tmp_path / "both" / "member-1")
    assert run(*words(made, tmp_path / "both")) == 1
    assert "both: already contains a training" in error_of(capsys)
    assert [path.name for path in (tmp_path / "both").iterdir()] == ["member-1"]


def test_a_missing_state_is_replaced_by_the_one_before_it(made, done, caplog):
    last = read_verified(done / "last.ckpt")
    (done / "last.ckpt").unlink()
    assert run(*words(made, done, "--resume")) == 0
    assert "last.ckpt: no such file; continuing from" in caplog.text
    again = read_verified(done / "last.ckpt")
    assert all(torch.equal(last["model"][name], again["model"][name]) for name in last["model"])


def test_a_damaged_state_does_not_replace_an_intact_one(made, done, monkeypatch):
    """Killed before its next state, the training still has one to continue from."""
    (done / "last.ckpt").write_bytes(b"damaged")
    hook_commands(monkeypatch, at(2, 0, die))
    with pytest.raises(Killed):
        run(*words(made, done, "--resume"))
    states = [read_verified(older(done / "last.ckpt", age))["epoch"] for age in (0, 1)]
    assert states == [2, 2]


@pytest.mark.parametrize("harm", ["none", "missing", "damaged", "older"])
def test_a_resumed_training_leaves_the_best_model(made, done, harm):
    """Also if nothing is left to train; the command says that the model is written."""
    path, before = done / "model.pt", contents(made / "done")
    if harm == "missing":
        path.unlink()
    elif harm == "damaged":
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    elif harm == "older":  # killed between the state and the model
        assert run(*words(made, done / "other", "--training.epochs=1")) == 0
        shutil.copy(done / "other" / "model.pt", path)
    for name in ("metrics.csv", "training.png"):
        (done / name).unlink()
    assert run(*words(made, done, "--resume")) == 0
    (wanted, wanted_info), (model, info) = load_model(made / "done"), load_model(done)
    assert info.val_mse == wanted_info.val_mse
    weights = wanted.state_dict()
    assert all(torch.equal(weights[name], model.state_dict()[name]) for name in weights)
    assert (path.read_bytes() == before["model.pt"]) or harm != "none"
    assert (done / "metrics.csv").read_bytes() == before["metrics.csv"]
    assert (done / "training.png").exists()


def test_a_config_that_the_user_wrote_is_kept(made, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    mine = "# mine\ntraining:\n  lr: 0.001\n"
    (out / "config.yaml").write_text(mine)
    (out / "log.txt").write_text("my notes\n")
    own = "--config", out / "config.yaml"
    refused = ["train", made / "cu.db", "--train", out / "x", "--val", out / "y", *own, "-o", out]
    assert run(*refused) == 1
    assert "x: " in error_of(capsys)
    assert (out / "config.yaml").read_text() == mine
    assert run(*words(made, out, *own)) == 0
    assert (out / "config.yaml.1").read_text() == mine
    assert (out / "log.txt").read_text().startswith("my notes\n")
    assert "lr: 0.001" in (out / "config.yaml").read_text()


def test_a_full_log_ends_no_training(made, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.txt").symlink_to("/dev/full")
    assert run(*words(made, tmp_path / "run")) == 0
    assert "Traceback" not in capsys.readouterr().err
    assert (tmp_path / "run" / "training.png").exists()


def wait_for(path, process):
    """Wait until a training has written a file."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_training_in_the_same_folder_is_refused_and_a_killed_one_is_followed(
    made, tmp_path, capsys
):
    """Readers of batches, which outlive it for a moment, do not hold the folder."""
    out = tmp_path / "run"
    small = "--training.batch_size=2", "--training.workers=2", "--training.checkpoint_minutes=0"
    first = start(*words(made, out, *small), fault="slow 0", stderr=subprocess.PIPE)
    wait_for(out / "config.yaml", first)  # written before the first batch
    assert run(*words(made, out)) == 1
    assert "run: another process is working here" in error_of(capsys)
    wait_for(out / "last.ckpt", first)
    before = (out / "config.yaml").read_bytes(), (out / "log.txt").read_bytes()
    assert run(*words(made, out, "--training.batch_size=2", "--resume")) == 1
    assert "run: another process is working here" in error_of(capsys)
    assert ((out / "config.yaml").read_bytes(), (out / "log.txt").read_bytes()) == before
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stderr.close()
    assert run(*words(made, out, "--training.batch_size=2", "--resume")) == 0


def test_an_error_within_the_lock_is_not_taken_for_a_lock(tmp_path):
    with pytest.raises(BlockingIOError), hold(tmp_path / "log.txt"):
        raise BlockingIOError(11, "of another file")

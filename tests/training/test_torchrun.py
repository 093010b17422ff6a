"""The command under torchrun, from options to files and messages."""

import csv
import shutil
import subprocess
import sys

import pytest
from paths import CALCULATIONS, CU_K, ROOT

from src.cli import main
from src.prediction.spectra_db import summarize

TRAIN = [
    "--train", str(CU_K / "train.txt"), "--val", str(CU_K / "val.txt"), "--training.epochs=2",
    "--model.num_layers=1", "--model.lmax=1", "--model.channels=8", "--model.num_basis=32",
    "--training.max_edges=4000", "--training.device=cpu",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(database, tmp_path_factory):
    """A folder with the slice's database and a model that one process has trained."""
    folder = tmp_path_factory.mktemp("torchrun")
    shutil.copy(database, folder)
    assert main(["train", str(folder / "cu.db"), *TRAIN, "-o", str(folder / "one")]) == 0
    return folder


def torchrun(*words):
    """Run the command with two processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    launcher += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "-m", "src"]
    return subprocess.run(
        [*launcher, *map(str, words)], capture_output=True, text=True, check=False, cwd=ROOT
    )


def figures(folder):
    """Metrics of a training without the time it took."""
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [[float(row[key]) for key in row if key != "seconds"] for row in rows]


def test_training_writes_the_files_and_figures_of_one_process(made):
    done = torchrun("train", made / "cu.db", *TRAIN, "-o", made / "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("model.pt: written") == 1
    assert done.stderr.count("epoch 2/2") == 1
    assert {path.name for path in (made / "two").iterdir()} == {
        path.name for path in (made / "one").iterdir()
    }
    for a, b in zip(figures(made / "one"), figures(made / "two"), strict=True):
        assert b == pytest.approx(a, rel=1e-4)


@pytest.mark.slow
def test_failures_are_shown_once(made):
    for words, message in (
        (["train", made / "cu.db", *TRAIN, "-o", made / "one"], "already contains a training"),
        (["info", made / "cu.db"], "`info` is for one process"),
        (["train", made / "cu.db"], "needs `--output`"),
        (["predict", made / "one", CALCULATIONS / "mp-1692" / "POSCAR"], "is for one process"),
    ):
        done = torchrun(*words)
        assert done.returncode != 0
        assert done.stderr.count("error: ") >= 1
        assert done.stderr.count(message) == 1, done.stderr


@pytest.mark.slow
def test_a_database_is_predicted(made):
    done = torchrun("predict", made / "one", made / "cu.db", "-o", made / "x.db", "--device=cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("27 structures") == 1
    assert summarize(made / "x.db").failed == 0

"""The studies on the slice of copper: tables, pictures, failures, and going on."""

import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
from paths import CU_K

from research import ablation, cross_validation, learning_curve, runner, transfer, worst_sites
from research.runner import Run, RunError, Study
from src.checkpoints.trained_model import load_model
from src.cli import main
from src.errors import ConfigError

QUICK = [
    "--training.epochs=1", "--model.num_layers=1", "--model.lmax=1", "--model.channels=8",
    "--model.num_basis=32", "--training.max_edges=4000",
]  # fmt: skip
TRAIN, VAL = CU_K / "train.txt", CU_K / "val.txt"


@pytest.fixture(scope="module")
def made(database, tmp_path_factory):
    """A database and a model."""
    folder = tmp_path_factory.mktemp("made")
    words = ["train", folder / "cu.db", "--train", TRAIN, "--val", VAL, "-o", folder / "m", *QUICK]
    shutil.copy(database, folder)
    assert main([str(word) for word in words]) == 0
    return folder


@pytest.fixture
def commands(monkeypatch, capfd):
    """Run commands in this process, which saves seconds each; a list of those that were run."""
    done = []

    def command(words, log):
        done.append([str(word) for word in words])
        if main(done[-1]):
            lines = capfd.readouterr().err.splitlines()
            raise RunError(next(line for line in lines if "error:" in line))

    monkeypatch.setattr("src.cli.orderly_end", nullcontext)  # signals are the main thread's
    monkeypatch.setattr(runner, "command", command)
    return done


def study(script, made, folder, *words):
    """Run a script on the slice; return its exit code."""
    first = [made / "cu.db", "--train", TRAIN, "-o", folder]
    return script.main([str(word) for word in (*first, *words)])


def test_ablation_goes_on_after_a_row_that_fails_and_is_not_done_twice(made, tmp_path, commands):
    rows = tmp_path / "rows.yaml"
    rows.write_text("base:\nbad: --energy.start 1 --energy.stop 2\nflat: --model.lmax 0\n")
    words = ["--val", VAL, "--rows", rows, "--seeds", 1, *QUICK]
    assert study(ablation, made, tmp_path / "out", *words) == 1
    stored = json.loads((tmp_path / "out" / "ablation.json").read_text())
    by_name = {run["name"]: run for run in stored["runs"]}
    assert list(by_name) == ["base-seed-0", "bad", "flat"]
    assert by_name["base-seed-0"]["mse"] != by_name["flat"]["mse"]
    assert "calculated at none of the energies" in by_name["bad"]["failure"]
    model, info = load_model(tmp_path / "out" / "flat" / "model")
    assert model.hyperparameters["lmax"] == 0
    assert by_name["flat"]["mse"] == pytest.approx(info.val_mse, rel=1e-5)
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert "| bad | `--energy.start 1 --energy.stop 2` | failed |" in text
    rows.write_text("base:\nflat: --model.lmax 0\n")
    commands.clear()
    assert study(ablation, made, tmp_path / "out", *words) == 0
    assert all("--resume" in words for words in commands if words[0] == "train")
    again = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert again["runs"] == [by_name["base-seed-0"], by_name["flat"]]
    rows.write_text("base: --training.lr 1e-3\n")
    with pytest.raises(ConfigError, match="base-seed-0: was run with other options before"):
        study(ablation, made, tmp_path / "out", *words)


def test_cross_validation_scores_every_site_once(made, tmp_path, commands):
    assert study(cross_validation, made, tmp_path, "--folds", 2, *QUICK) == 0
    stored = json.loads((tmp_path / "cross_validation.json").read_text())
    sites = [json.loads((tmp_path / f"fold-{k}" / "evaluation.json").read_text()) for k in (0, 1)]
    errors = {name: site["mse"] for fold in sites for name, site in fold["by_site"].items()}
    assert sorted(errors) == sorted(TRAIN.read_text().split())
    assert stored["mse"] == pytest.approx(np.mean(list(errors.values())))


def test_learning_curve_has_nested_sets_and_a_picture(made, tmp_path, commands):
    words = ["--val", VAL, "--sizes", 5, 15, "--epochs", 1, *QUICK]
    assert study(learning_curve, made, tmp_path, *words) == 0
    small, large = ((tmp_path / "ids" / f"{n}-seed-0.txt").read_text().split() for n in (5, 15))
    assert large[:5] == small
    stored = json.loads((tmp_path / "learning_curve.json").read_text())
    assert [(run["sites"], run["epochs"]) for run in stored["runs"]] == [(5, 2), (15, 1)]
    assert stored["power_law"]["exponent"] == pytest.approx(
        -np.log(stored["runs"][1]["mse"] / stored["runs"][0]["mse"]) / np.log(3)
    )
    assert (tmp_path / "learning_curve.png").stat().st_size > 5000


def test_transfer_trains_the_same_network_both_ways(made, tmp_path, commands):
    words = ["--val", VAL, "--init_from", made / "m", "--sizes", 6, "--epochs", 1]
    assert study(transfer, made, tmp_path, *words) == 0
    scratch, moved = (load_model(tmp_path / f"{way}-6-0" / "model") for way in ("scratch", "m"))
    assert scratch[1].started_from is None
    assert moved[1].started_from.startswith("Cu K")
    unlike = {
        name
        for name, value in scratch[0].hyperparameters.items()
        if value != moved[0].hyperparameters[name]
    }
    assert unlike <= set(transfer.MEASURED)
    assert (tmp_path / "transfer.png").stat().st_size > 5000


def test_worst_sites_are_those_of_the_evaluation(made, tmp_path):
    words = [made / "m", made / "cu.db", "-o", tmp_path, "--count", 3]
    assert worst_sites.main([str(word) for word in words]) == 0
    stored = json.loads((tmp_path / "evaluation.json").read_text())["by_site"]
    order = sorted(stored, key=lambda name: -stored[name]["mse"])
    text = (tmp_path / "worst_sites.md").read_text()
    assert [line.split()[1] for line in text.splitlines() if line.startswith("| m")] == order[:3]
    assert (tmp_path / "worst_sites.png").stat().st_size > 10_000


@pytest.mark.slow
def test_scripts_run_as_programs(made, tmp_path):
    run = Run("x", TRAIN, VAL, tuple(QUICK))
    bad = Run("y", TRAIN, VAL, ("--model.lmax=9",))
    good, failed = Study(str(made / "cu.db"), tmp_path, workers=2).run_all([run, bad])
    assert good.mse > 0
    assert "`lmax` is 9" in failed.failure

"""The verification passes a network that learns angles and fails one that does not."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from e3nn import o3
from paths import ROOT

import verify_model
from src.checkpoints.trained_model import load_model
from src.verification.synthetic import SyntheticSite, make_sites, to_graphs


def bend(site):
    """Turn one neighbour about the absorber: distances to the absorber stay, angles change."""
    atoms = site.atoms.copy()
    matrix = o3.angles_to_matrix(*torch.tensor([0.35, 0.6, 0.85]).double())
    bond = atoms.get_distance(0, 1, mic=True, vector=True)
    atoms.positions[1] = atoms.positions[0] + np.asarray(matrix) @ bond
    return SyntheticSite(atoms, 0.0)


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("blind", [True, False])
def test_blind_network_sees_distances_alone_and_the_other_sees_angles(number, blind):
    """In a molecule (site 0) and in a crystal (site 2)."""
    site = make_sites(3, seed=3)[number]
    graphs = to_graphs([site, bend(site)], verify_model.ENERGY)
    a, b = verify_model.predict(verify_model.make_network(blind).eval(), graphs)
    assert (float((a - b).abs().max()) > 1e-4) == (not blind)


def test_verification_fails_when_nothing_was_learned(tmp_path, capsys):
    assert verify_model.verify(epochs=1, folder=tmp_path, n_train=40, n_val=20) is False
    printed = capsys.readouterr().out
    for word in (
        "FAILED",
        "mean training spectrum",
        "blind to angles",
        "parameters",
        "edges per second",
    ):
        assert word in printed
    assert (tmp_path / "verify_model.png").stat().st_size > 10_000
    assert len(list(tmp_path.iterdir())) == 2
    assert load_model(tmp_path / "best_model.pt")[0].lmax == 2


@pytest.mark.parametrize(("mse", "blind_mse", "passed"), [
    (0.1, 1.1, True), (0.3, 1.1, False), (0.1, 0.7, False), (float("nan"), 1.1, False),
])  # fmt: skip
def test_both_bounds_are_needed(tmp_path, monkeypatch, mse, blind_mse, passed):
    """Errors in units of the floor: the network learns, and the control can't."""
    outcomes = iter([(mse, 1.0), (blind_mse, 1.0)])
    monkeypatch.setattr(verify_model, "angular_floor", lambda *_: 1.0)
    monkeypatch.setattr(verify_model, "train", lambda *_: next(outcomes))
    assert verify_model.verify(epochs=1, folder=tmp_path, n_train=4, n_val=2) is passed


@pytest.mark.parametrize(("learned", "code"), [(True, 0), (False, 1)])
def test_exit_code_says_whether_it_learned(tmp_path, monkeypatch, learned, code):
    monkeypatch.setattr(verify_model, "verify", lambda epochs, folder: learned)
    assert verify_model.main(["--epochs", "1", "--output", str(tmp_path)]) == code


@pytest.mark.parametrize("options", [["--epochs", "0"], ["--epochs", "x"], ["--output", "nowhere"]])
def test_wrong_options_exit_2(options):
    with pytest.raises(SystemExit) as stop:
        verify_model.main(options)
    assert stop.value.code == 2


def test_one_epoch_exits_1(tmp_path):
    """The whole script, as a user would run it, with far too little training."""
    command = [sys.executable, ROOT / "verify_model.py", "--epochs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr.decode()
    assert b"FAILED" in done.stdout
    assert b"wrote " in done.stdout  # to its end: a crash exits 1 too
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\nepoch 1/1 ") == 2  # progress, also where there is no terminal
    assert done.stderr.index(b"1 of 2: ") < done.stderr.index(b"2 of 2: ")


@pytest.mark.slow
def test_verification_passes_as_a_new_user_runs_it(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "verify_model.py"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()
    assert (tmp_path / "best_model.pt").is_file()

"""`info --check`: float32 against float64, and the checksum."""

import hashlib
import re

import numpy as np
import pytest
import torch
from ase.data import covalent_radii
from conftest import brute_force_graph

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel, save_model
from src.cli import main
from src.model.gnn import XANES_E3GNN
from src.verification.precision import check_precision

GRID = np.linspace(-10.0, 50.0, 61)
INFO = ModelInfo(element="Cu", edge="K", unit="1", energy_grid=GRID.tolist())


def small_model():
    """A network with weights that are not all alike."""
    torch.manual_seed(3)
    return XANES_E3GNN(num_layers=2, lmax=1, channels=8, num_basis=16, r_max=4.0).eval()


def by_hand(model, dtype):
    """The fcc element's spectrum from a graph made by trying every pair."""
    half = np.sqrt(2.0) * covalent_radii[29]
    cell = half * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    graph = brute_force_graph(np.array([29]), np.zeros((1, 3)), [0], cell, r_max=4.0)
    with torch.no_grad():
        mu = model.to(dtype).predict_spectra(graph, torch.tensor(GRID, dtype=dtype))
    return mu.double().numpy()


def test_the_difference_is_that_of_the_models_turned_by_hand():
    model = small_model()
    difference, largest, _ = check_precision(TrainedModel(model, INFO))
    single, double = by_hand(small_model(), torch.float32), by_hand(small_model(), torch.float64)
    assert largest == pytest.approx(np.abs(double).max(), rel=1e-9)
    # rounding follows the order of the sums over neighbours, so only its size is the same
    rounding = np.abs(single - double).max()
    assert 0 < difference < 10 * rounding
    assert rounding < 10 * difference
    assert model.coefficient_mean.dtype == torch.float32  # left as it was


def test_a_network_that_loses_digits_is_seen():
    """Negative control: on top of a large constant float32 keeps fewer digits."""
    model = small_model()
    usual = check_precision(TrainedModel(model, INFO))[0]
    with torch.no_grad():
        model.coefficient_mean += 1e4
    assert check_precision(TrainedModel(model, INFO))[0] > 30 * usual


def test_info_prints_checksum_and_difference(tmp_path, capsys):
    path = tmp_path / "model.pt"
    save_model(path, small_model(), INFO)
    assert main(["info", str(path), "--check"]) == 0
    out = capsys.readouterr().out
    assert f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in out
    printed = float(re.search(r"differ by at most (\S+) 1,", out).group(1))
    assert printed == pytest.approx(check_precision(TrainedModel(small_model(), INFO))[0], rel=0.01)
    assert main(["info", str(path)]) == 0
    assert "differ" not in capsys.readouterr().out


def test_what_can_not_be_checked_is_said(tmp_path, capsys):
    save_model(tmp_path / "model.pt", small_model(), ModelInfo())
    assert main(["info", str(tmp_path / "model.pt"), "--check"]) == 1
    assert "names no element" in capsys.readouterr().err
    (tmp_path / "x.xyz").write_text("1\n\nCu 0 0 0\n")
    assert main(["info", str(tmp_path / "x.xyz"), "--check"]) == 1
    assert "not a model file" in capsys.readouterr().err

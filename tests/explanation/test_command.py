"""The command `explain`."""

import json

import numpy as np
import pytest
import torch
from paths import CU_K

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import save_model
from src.cli import main
from src.model.gnn import XANES_E3GNN

POSCAR = CU_K / "calculations" / "mp-1692" / "POSCAR"


@pytest.fixture
def model_file(tmp_path):
    """A small network's file."""
    torch.manual_seed(0)
    network = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16, r_max=3.5)
    path = tmp_path / "small.pt"
    grid = [8990.0, 8995.0, 9000.0, 9005.0]
    info = ModelInfo(element="Cu", edge="K", reference_energy=8990.0, energy_grid=grid, unit="1")
    save_model(path, network.eval(), info)
    return path


def test_table_values_and_picture(model_file, tmp_path, capsys):
    out, picture = tmp_path / "why.json", tmp_path / "why.svg"
    words = ["explain", model_file, POSCAR, "--site", 0, "-o", out, "--plot", picture]
    assert main([str(word) for word in words]) == 0
    text, values = capsys.readouterr().out, json.loads(out.read_text())
    assert "4 O 1.95" in text
    assert values["kind"] == "explanation"
    assert values["energy"] == [8990.0, 8995.0, 9000.0, 9005.0]
    assert np.shape([row["slope"] for row in values["neighbors"]]) == (len(values["neighbors"]), 4)
    assert all(row["distance"] < 3.5 for row in values["neighbors"])
    assert "<svg" in picture.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "which site? Give --site with one of 0, 1"),
        (["--site", "2"], "site 2 is O, but the model was trained for Cu"),
        (["--site", "99"], "site 99 is not within 0 to 3"),
        (["--site", "0", "--radius", "-1"], "`radius` is -1.0 but must be positive"),
        (["--site", "0", "--radius", "0.5"], "no neighbor within the radius"),
        (["--site", "0", "--plot", "a.xyz"], "expected one of"),
    ],
)
def test_what_is_wrong_is_said(options, message, model_file, capsys):
    assert main(["explain", str(model_file), str(POSCAR), *options]) in (1, 2)
    assert message in capsys.readouterr().err

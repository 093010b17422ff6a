"""Models by name, from a folder that stands for the package's."""

import logging

import pytest
import torch

from src import load_model
from src.checkpoints import pretrained as registry
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.pretrained import model_path, models, shipped_folder
from src.checkpoints.trained_model import save_model
from src.cli import main
from src.errors import CheckpointError
from src.model.gnn import XANES_E3GNN


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder with two models, in the package's place; the current folder is another one."""
    folder = tmp_path / "models"
    folder.mkdir()
    card = {"data": "OmniXAS Cu K-edge", "licence": "BSD-3-Clause", "accuracy": "test mse 0.0025"}
    for name, described in (("cu-k-feff", card), ("zn-k", None)):
        torch.manual_seed(0)
        info = ModelInfo(
            element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", code="FEFF 9.9.1",
            elements=[8, 29], train_ids=["mp-1_000"], val_mse=0.004, card=described,
        )  # fmt: skip
        model = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=8)
        save_model(folder / f"{name}.safetensors", model, info)
    (folder / "README.md").write_text("not a model")
    monkeypatch.setattr(registry, "shipped_folder", lambda: folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_names_are_those_of_the_files(shipped):
    assert models() == {n: shipped / f"{n}.safetensors" for n in ("cu-k-feff", "zn-k")}


def test_a_name_is_loaded_and_a_file_or_folder_of_that_name_wins(shipped, caplog):
    assert load_model("cu-k-feff")[1].card["licence"] == "BSD-3-Clause"
    folder = shipped.parent / "here" / "cu-k-feff"
    folder.mkdir()
    with caplog.at_level(logging.INFO):
        assert model_path("cu-k-feff").resolve() == folder / "model.pt"
    assert "not the shipped model" in caplog.text
    assert model_path(shipped / "zn-k.safetensors") == shipped / "zn-k.safetensors"


def test_unknown_name_lists_the_known_ones(shipped):
    with pytest.raises(CheckpointError, match=r"no such file; models .*: cu-k-feff, zn-k$"):
        load_model("cu-k-fef")


def test_the_command_lists_what_ships(shipped, capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    first, second = out.split("zn-k: ")
    assert first.startswith("cu-k-feff: Cu K edge, absolute (1e-3 a0^2), FEFF 9.9.1\n")
    for line in (
        "data: OmniXAS Cu K-edge", "licence of the data: BSD-3-Clause", "accuracy: test mse 0.0025",
        "trained on 1 sites, 2 elements: O Cu",
    ):  # fmt: skip
        assert f"  {line}\n" in first
    assert "  data: not stated\n" in second
    assert "  accuracy: validation mse 0.004\n" in second
    assert main(["info", "cu-k-feff"]) == 0
    assert "element: Cu" in capsys.readouterr().out


def test_every_model_in_the_package_can_be_read():
    assert (shipped_folder() / "README.md").is_file()
    for name, path in models().items():
        _, info = load_model(path)
        assert set(info.card or {}) == {"data", "licence", "accuracy"}, name
    assert sum(path.stat().st_size for path in models().values()) <= 20e6

"""Model files: complete, verified, and never half written."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from ase.build import bulk
from conftest import random_molecule
from safetensors import safe_open

from src.checkpoints.join import join_infos
from src.checkpoints.model_file import read_model_file, write_model_file
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel, load_model, save_model
from src.errors import CheckpointError, ConfigError
from src.model.ensemble import XANESEnsemble
from src.model.gnn import XANES_E3GNN
from src.uncertainty.calibration import Calibration
from src.uncertainty.novelty import Novelty

ENERGY = torch.linspace(-10, 50, 31)


def small_model(**arguments):
    """A network with few weights."""
    return XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16, **arguments).eval()


INFO = ModelInfo(
    element="Cu",
    edge="K",
    target="absolute",
    unit="1e-3 a0^2",
    code="FEFF 9.9.1",
    reference_energy=8993.173,
    energy_grid=[8983.173, 8983.423],
    mean_spectrum=[0.1, 0.2],
    extend_below=6.0,
    elements=[8, 29],
    train_ids=["mp-1_000"],
    val_ids=["mp-2_001"],
    val_mse=0.0036,
)


def test_model_and_everything_about_it_come_back(tmp_path):
    model = small_model(r_max=4.0, emax=30.0)
    save_model(tmp_path / "model.pt", model, INFO)
    loaded, info = load_model(tmp_path / "model.pt")
    assert info == INFO
    assert loaded.hyperparameters == model.hyperparameters
    graph, energy = random_molecule(), ENERGY[ENERGY <= 30.0]
    assert torch.equal(loaded.predict_spectra(graph, energy), model.predict_spectra(graph, energy))
    assert not loaded.training


def test_float64_weights_come_back_exactly(tmp_path):
    model = small_model().double()
    with torch.no_grad():
        model.embedding.weight += 1e-12
    save_model(tmp_path / "model.pt", model, ModelInfo())
    loaded, _ = load_model(tmp_path)  # a folder with model.pt in it
    assert loaded.embedding.weight.dtype == torch.float64
    assert torch.equal(loaded.embedding.weight, model.embedding.weight)


def test_the_file_is_safetensors_that_anybody_can_read(tmp_path):
    """An independent reader finds the weights by name and the description as JSON."""
    model = small_model()
    save_model(tmp_path / "model.pt", model, INFO)
    with safe_open(tmp_path / "model.pt", framework="pt") as file:
        assert set(file.keys()) == {f"members.0.{name}" for name in model.state_dict()}
        assert torch.equal(file.get_tensor("members.0.embedding.weight"), model.embedding.weight)
        content = json.loads(file.metadata()["content"])
    assert content["hyperparameters"] == model.hyperparameters
    assert content["info"]["element"] == "Cu"


@pytest.mark.parametrize("place", ["length", "padding", "content", "digest", "weights", "last"])
def test_one_flipped_byte_is_an_error(tmp_path, place):
    path = tmp_path / "model.pt"
    save_model(path, small_model(), INFO)
    content = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    places = {
        "length": 0,
        "padding": header - 1,
        "content": content.index(b"FEFF"),
        "digest": content.index(b'"sha256":"') + 12,
        "weights": (header + len(content)) // 2,
        "last": len(content) - 1,
    }
    content[places[place]] ^= 1
    path.write_bytes(content)
    if place in ("weights", "last", "content"):
        safetensors.torch.load_file(path)  # negative control: safetensors alone does not notice
    with pytest.raises(CheckpointError, match=r"model\.pt: (damaged|format)"):
        load_model(path)


def test_an_ensemble_and_its_calibration_come_back(tmp_path):
    torch.manual_seed(0)
    members = [small_model(avg_num_neighbors=20.0 + k, dropout=0.1 * k) for k in range(3)]
    novelty = Novelty(np.zeros(24, np.float32), np.ones((24, 5)), np.ones((7, 5), np.float16), 2.5)
    grid = np.linspace(-10.0, 10.0, 9)
    calibration = Calibration(
        0.9, ["mp-2_001"], grid, grid**2, grid**3, np.ones(3), np.ones(2), novelty
    )
    info = replace(INFO, calibration=calibration, card={"licence": "CC BY 4.0"})
    save_model(tmp_path / "model.pt", XANESEnsemble(members), info)
    loaded, found = load_model(tmp_path / "model.pt")
    assert isinstance(loaded, XANESEnsemble)
    assert [n.hyperparameters for n in loaded.members] == [m.hyperparameters for m in members]
    graph = random_molecule()
    for before, after in zip(members, loaded.members, strict=True):
        spectra = [model.predict_spectra(graph, ENERGY) for model in (before, after)]
        assert torch.equal(*spectra)
    assert replace(found, calibration=None) == replace(info, calibration=None)
    for name in ("coverage", "ids"):
        assert getattr(found.calibration, name) == getattr(calibration, name)
    for name in ("energy", "floor", "quantile", "law", "smallest"):
        assert np.array_equal(getattr(found.calibration, name), getattr(calibration, name))
    assert found.calibration.novelty.threshold == 2.5
    assert np.array_equal(found.calibration.novelty.sites, novelty.sites)


def test_missing_and_foreign_files_are_errors_that_name_them(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.pt: no such file"):
        load_model(tmp_path / "nothing.pt")
    torch.save({"format": "something else"}, tmp_path / "other.pt")
    safetensors.torch.save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.pt")
    for name in ("other.pt", "foreign.pt"):
        with pytest.raises(CheckpointError, match=f"{name}: .*not a model file"):
            load_model(tmp_path / name)


CHANGES = {
    "later format": (lambda content: content["info"].update(spin=1), "spin"),
    "unknown argument": (lambda c: c["hyperparameters"].update(spin=1), "spin"),
    "another size": (lambda c: c["hyperparameters"].update(channels=7), "does not fit"),
    "no such member": (lambda c: c["differences"].append({}), "does not fit"),
    "no description": (lambda c: c.pop("info"), "does not fit"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_another_version_may_have_written_is_an_error_that_names_it(tmp_path, name):
    path = tmp_path / "model.pt"
    save_model(path, small_model(), INFO)
    file, (change, message) = read_model_file(path), CHANGES[name]
    change(file.content)
    write_model_file(path, file)
    with pytest.raises(CheckpointError, match=rf"model\.pt: .*{message}"):
        load_model(path)


WRONG = [
    ("element", "Xx"), ("reference_energy", float("nan")), ("reference_energy", "8993"),
    ("energy_grid", [2.0, 1.0]), ("energy_grid", []), ("mean_spectrum", [1.0]),
    ("train_ids", "mp-1_000"), ("val_ids", "mp-1_000"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_description_with_which_spectra_would_be_wrong_is_not_written(tmp_path, field, value):
    with pytest.raises(CheckpointError, match=rf"model\.pt: `{field}`"):
        save_model(tmp_path / "model.pt", small_model(), replace(INFO, **{field: value}))
    assert not (tmp_path / "model.pt").exists()


def test_a_trained_model_cuts_graphs_at_its_radius_and_knows_its_file(tmp_path):
    TrainedModel(small_model(r_max=3.0), INFO).save(tmp_path / "model.pt")
    model = TrainedModel.load(tmp_path / "model.pt")
    atoms = bulk("Cu", "fcc", a=3.6)  # 12 neighbours at 2.55 Angstrom, 6 at 3.6
    assert model.graph(atoms, [0]).num_edges == 12
    assert model.sha256 == hashlib.sha256((tmp_path / "model.pt").read_bytes()).hexdigest()
    assert model.provenance()["model"] == str(tmp_path / "model.pt")
    assert model.energy_range == pytest.approx((8983.173, 9043.173))
    assert model.energies().relative == pytest.approx([-10.0, -9.75])
    assert model.energies(np.array([8993.173])).relative == pytest.approx([0.0])
    with pytest.raises(ConfigError, match="8983.173 to 9043.173"):
        model.energies(np.array([8900.0]))


def test_the_description_of_an_ensemble_is_true_of_all_its_members():
    one = replace(INFO, train_ids=["mp-1_000", "mp-1_001", "mp-3_000"], started_from="chemistry")
    two = replace(INFO, train_ids=["mp-2_001"], mean_spectrum=[0.5, 0.6], started_from=None)
    joined = join_infos([one, two])
    assert joined.mean_spectrum == pytest.approx([0.2, 0.3])  # (3 * 0.1 + 0.5) / 4, ..
    assert joined.started_from == "chemistry, random weights"
    assert joined.train_ids == ["mp-1_000", "mp-1_001", "mp-2_001", "mp-3_000"]
    unknown = replace(two, train_ids=None, elements=None)
    for infos in ([one, unknown], [unknown, one]):
        joined = join_infos(infos)
        assert (joined.train_ids, joined.val_ids, joined.elements) == (None, None, [8, 29])
        assert "not known" in joined.note


def test_failed_write_of_a_model_keeps_the_last_good_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_model(path, small_model(), INFO)
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda where, _: where.write_text("{"))
    with pytest.raises(CheckpointError, match="model"):
        save_model(path, small_model(), ModelInfo())
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def test_missing_folder_is_an_error_before_training_is_lost(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        save_model(tmp_path / "nowhere" / "model.pt", small_model(), INFO)

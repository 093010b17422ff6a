"""Model files: complete, verified, and never half written."""

import zipfile

import pytest
import torch
from conftest import random_molecule

from src.checkpoint import ModelInfo, load_model, read_verified, save_model, write_verified
from src.errors import CheckpointError
from src.model.gnn import XANES_E3GNN

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
    graph = random_molecule()
    assert torch.equal(loaded.predict_spectra(graph, ENERGY), model.predict_spectra(graph, ENERGY))
    assert not loaded.training


def test_float64_weights_come_back_exactly(tmp_path):
    model = small_model().double()
    with torch.no_grad():
        model.embedding.weight += 1e-12
    save_model(tmp_path / "model.pt", model, ModelInfo())
    loaded, _ = load_model(tmp_path)  # a folder with model.pt in it
    assert loaded.embedding.weight.dtype == torch.float64
    assert torch.equal(loaded.embedding.weight, model.embedding.weight)


def test_one_flipped_byte_is_an_error(tmp_path):
    path = tmp_path / "model.pt"
    save_model(path, small_model(), INFO)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        weights = [entry for entry in archive.infolist() if "/data/" in entry.filename]
        largest = max(weights, key=lambda entry: entry.file_size)
    content[largest.header_offset + 200 + largest.file_size // 2] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)  # negative control: torch alone does not notice
    with pytest.raises(CheckpointError, match="checksum"):
        load_model(path)


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_truncated_file_is_an_error_that_names_it(tmp_path, keep):
    path = tmp_path / "model.pt"
    save_model(path, small_model(), INFO)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"model\.pt"):
        load_model(path)


def test_missing_and_foreign_files_are_errors(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load_model(tmp_path / "nothing.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="list"):
        load_model(tmp_path / "list.pt")
    torch.save({"format": "something else"}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="something else"):
        load_model(tmp_path / "other.pt")


def test_code_in_a_file_is_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Harm:
        def __reduce__(self):
            return (marker.touch, ())

    torch.save({"format": Harm()}, tmp_path / "harm.pt")
    with pytest.raises(CheckpointError, match="harm"):
        load_model(tmp_path / "harm.pt")
    assert not marker.exists()


def test_failed_write_keeps_the_last_good_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    write_verified(path, {"good": 1})

    def fail_half_way(_payload, where):
        where.write_bytes(b"PK half")
        raise OSError("disk full")

    monkeypatch.setattr("src.checkpoint.torch.save", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        write_verified(path, {"good": 2})
    assert read_verified(path) == {"good": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def test_missing_folder_is_an_error_before_training_is_lost(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        save_model(tmp_path / "nowhere" / "model.pt", small_model(), INFO)

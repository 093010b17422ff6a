"""Device, precision and workers: what changes the result, and what must not."""

import pytest
import torch
from test_train import dataset, full_config, small_model

from src import run_training
from src.checkpoints.trained_model import load_model
from src.dataset.batch import collate_graphs
from src.errors import ConfigError
from src.prediction.inference import raw_sites
from src.runtime.distributed import choose_device
from src.training.step import training_spectra

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
ENERGY = torch.linspace(-10.0, 30.0, 41)


def trained(folder, name, model=None, **changes):
    """Weights and figures after two epochs."""
    model = model or small_model(dropout=0.2)
    config = full_config(folder, name, **{"epochs": 2, "device": "cpu", **changes})
    rows = run_training(model, dataset(12), dataset(4, 1000), config)
    return model, [{key: row[key] for key in row if key != "seconds"} for row in rows]


def test_workers_change_neither_order_nor_weights(tmp_path):
    (alone, rows), (helped, rows_helped) = (
        trained(tmp_path, f"workers{number}", workers=number) for number in (0, 2)
    )
    assert rows == rows_helped
    for name, weight in alone.state_dict().items():
        assert torch.equal(weight, helped.state_dict()[name]), name


def test_mixed_precision_rounds_the_network_and_not_the_basis(tmp_path):
    model, batch = small_model(), collate_graphs(dataset(4))
    model.coefficient_mean.fill_(1.0)
    plain, mixed = (
        training_spectra(model, batch, ENERGY, name) for name in ("float32", "bfloat16")
    )
    assert torch.equal(plain, model.predict_spectra(batch, ENERGY))
    assert mixed.dtype == torch.float32
    difference = (mixed - plain).abs().max() / plain.std()
    assert 0 < difference < 0.05  # bfloat16 resolves 2^-8 = 0.004 and several layers follow
    with pytest.raises(ConfigError, match=r"torch\.float64"):
        trained(tmp_path, "x", small_model().double(), precision="bfloat16")


def test_training_in_mixed_precision_learns_and_is_noticed_on_resumption(tmp_path):
    plain, plain_rows = trained(tmp_path, "plain", small_model(), epochs=3)
    model, rows = trained(tmp_path, "mixed", small_model(), epochs=3, precision="bfloat16")
    assert rows[-1]["train_total"] < rows[0]["train_total"]
    assert rows[-1]["val_mse"] == pytest.approx(plain_rows[-1]["val_mse"], rel=0.1)
    assert not torch.equal(model.embedding.weight, plain.embedding.weight)
    with pytest.raises(ConfigError, match="precision was 'bfloat16', is 'float32'"):
        trained(tmp_path, "mixed", small_model(), epochs=3, resume=True)


def test_device_and_workers_may_change_on_resumption(tmp_path):
    trained(tmp_path, "a")
    trained(tmp_path, "a", resume=True, workers=1, device="auto")


@pytest.mark.parametrize(
    "changes", [{"precision": "float16"}, {"workers": -1}, {"device": "tpu"}, {"device": "cuda:99"}]
)
def test_settings_that_do_not_exist_are_named(tmp_path, changes):
    with pytest.raises(ConfigError, match=f"`{next(iter(changes))}` is"):
        trained(tmp_path, "a", **changes)


def test_auto_is_a_gpu_where_there_is_one():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu", local_rank=3) == torch.device("cpu")


@needs_gpu
def test_training_on_a_gpu_leaves_a_model_for_the_cpu(tmp_path):
    model, rows = trained(tmp_path, "gpu", small_model(), device="cuda")
    _, rows_cpu = trained(tmp_path, "cpu", small_model())
    assert model.coefficient_mean.device.type == "cpu"
    assert rows[-1]["val_mse"] == pytest.approx(rows_cpu[-1]["val_mse"], rel=1e-2)
    weights = torch.load(tmp_path / "gpu.pt")["weights"]
    assert {weight.device.type for weight in weights.values()} == {"cpu"}
    again, _ = trained(tmp_path, "gpu", small_model(), device="cuda", resume=True)
    assert torch.equal(again.embedding.weight, model.embedding.weight)


@needs_gpu
def test_prediction_on_a_gpu_is_that_on_the_cpu(tmp_path):
    trained(tmp_path, "x", small_model())
    model, _ = load_model(tmp_path / "x.pt")
    graphs = dataset(6)
    on_cpu = raw_sites(model, graphs, ENERGY.numpy()).mu
    on_gpu = raw_sites(model.to("cuda"), graphs, ENERGY.numpy()).mu
    assert on_gpu == pytest.approx(on_cpu, abs=1e-4)

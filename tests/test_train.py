"""Training: it learns, it resumes bit for bit, and it refuses what it can't use."""

import math

import pytest
import torch
from conftest import random_molecule
from hooks import Killed, at, die

from src import SpectrumLoss, TrainingConfig, run_training
from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import load_model
from src.errors import CheckpointError, ConfigError, LossError
from src.model.gnn import XANES_E3GNN

ENERGY = torch.linspace(-10.0, 30.0, 41)


def dataset(n_graphs, first_seed=0):
    """Molecules whose spectra are a Gaussian at an energy given by the absorber's distances."""
    graphs = []
    for seed in range(first_seed, first_seed + n_graphs):
        graph = random_molecule(seed, n_atoms=5)
        nearest = torch.cdist(graph.pos[:2], graph.pos).sort(dim=1).values[:, 1]
        graph.y = torch.exp(-((ENERGY - 10 * (nearest.unsqueeze(1) - 2)) ** 2) / 40)
        graph.y, graph.pos = graph.y.float(), graph.pos.float()
        graph.edge_shift = None
        graphs.append(graph)
    return graphs


def small_model(**arguments):
    """A network that trains in seconds."""
    torch.manual_seed(0)
    return XANES_E3GNN(num_layers=1, lmax=1, channels=16, num_basis=24, **arguments)


def config(tmp_path, **changes):
    """A dictionary in the form that the README shows."""
    return {
        "lr": 3e-3,
        "batch_size": 8,
        "epochs": 6,
        "criterion": SpectrumLoss(lambda_grad=0.5),
        "energy_grid": ENERGY,
        "save_path": tmp_path / "model.pt",
        **changes,
    }


def test_training_beats_the_mean_spectrum_and_leaves_the_best_weights(tmp_path):
    train, val = dataset(48), dataset(12, 1000)
    model = small_model()
    rows = run_training(model, train, val, config(tmp_path, epochs=40))
    mean = torch.cat([g.y for g in train]).mean(0)
    target = torch.cat([g.y for g in val])
    baseline = float((target - mean).square().mean())
    with torch.no_grad():
        prediction = torch.cat([model.predict_spectra(g, ENERGY) for g in val])
    mse = float((prediction - target).square().mean())
    assert mse < 0.5 * baseline
    assert mse == pytest.approx(min(row["val_mse"] for row in rows), rel=1e-4)
    loaded, info = load_model(tmp_path / "model.pt")
    assert info.val_mse == min(row["val_mse"] for row in rows)
    with torch.no_grad():
        again = torch.cat([loaded.predict_spectra(g, ENERGY) for g in val])
    assert torch.equal(again, prediction)


def test_untrained_network_starts_at_the_mean_of_the_training_set_alone(tmp_path):
    """Statistics come from the training split: other validation targets change nothing."""
    train, val = dataset(16), dataset(4, 1000)
    model = small_model()
    run_training(model, train, val, config(tmp_path, epochs=1, lr=1e-12))
    mean = torch.cat([g.y for g in train]).mean(0)
    assert (model.predict_spectra(val[0], ENERGY) - mean).abs().max() < 0.02
    other = small_model()
    for graph in val:
        graph.y = graph.y + 5.0
    run_training(other, train, val, config(tmp_path, epochs=1, lr=1e-12))
    assert torch.equal(other.coefficient_mean, model.coefficient_mean)
    assert torch.equal(other.coefficient_scale, model.coefficient_scale)


def full_config(tmp_path, name, **changes):
    """A configuration with a state file and metrics."""
    return TrainingConfig(
        energy_grid=ENERGY,
        save_path=tmp_path / f"{name}.pt",
        checkpoint_path=tmp_path / f"{name}.ckpt",
        metrics_path=tmp_path / f"{name}.csv",
        **{"epochs": 5, "lr": 3e-3, "max_edges": 120, **changes},
    )


def train(tmp_path, **changes):
    """Network and metrics of a training, from the start or resumed."""
    model = small_model(dropout=0.2)
    config = full_config(tmp_path, "cut", **changes)
    return model, run_training(model, dataset(24), dataset(6, 1000), config)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing happened to: network, metrics and folder."""
    folder = tmp_path_factory.mktemp("whole")
    return *train(folder), folder


def without_seconds(rows):
    """Metrics but for the time that it took."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def assert_same(whole, resumed, rows, tmp_path):
    """Weights, metrics and model file of a resumed training do not differ at all from the whole."""
    model, whole_rows, folder = whole
    assert without_seconds(rows) == without_seconds(whole_rows)
    pairs = [(model, resumed), [load_model(path / "cut.pt")[0] for path in (folder, tmp_path)]]
    for a, b in pairs:
        assert all(
            torch.equal(a.state_dict()[name], b.state_dict()[name]) for name in a.state_dict()
        )


@pytest.mark.parametrize(("epochs", "batches"), [(3, 0), (0, 1), (2, 2), (4, 1)])
def test_resumed_training_equals_an_uninterrupted_one_bit_for_bit(tmp_path, whole, epochs, batches):
    often = {"checkpoint_minutes": 0.0, "keep": 3, "on_batch": at(epochs, batches, die)}
    with pytest.raises(Killed):
        train(tmp_path, **often)
    state = torch.load(tmp_path / "cut.ckpt")
    assert (state["epoch"], state["batch"]) == (epochs, batches)
    torch.rand(17)  # what the caller's generator gives must not matter
    assert_same(whole, *train(tmp_path, resume=True), tmp_path)


def test_a_damaged_state_is_replaced_by_the_one_before_it(tmp_path, whole, caplog):
    train(tmp_path)
    last = tmp_path / "cut.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    assert_same(whole, *train(tmp_path, resume=True), tmp_path)
    assert "cut.ckpt.1 instead" in caplog.text
    for path in tmp_path.glob("cut.ckpt*"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"cut\.ckpt: "):
        train(tmp_path, resume=True)


def test_negative_control_another_seed_gives_other_weights(tmp_path, whole):
    model, _ = train(tmp_path, seed=1)
    assert not torch.equal(model.embedding.weight, whole[0].embedding.weight)


def test_resume_with_other_settings_or_data_lists_the_differences(tmp_path):
    train, val = dataset(8), dataset(2, 1000)
    run_training(small_model(), train, val, full_config(tmp_path, "a", epochs=2))
    changed = full_config(tmp_path, "a", epochs=3, lr=1e-3, resume=True)
    with pytest.raises(ConfigError, match=r"epochs was 2, is 3.*lr was 0.003, is 0.001"):
        run_training(small_model(), train, val, changed)
    same = full_config(tmp_path, "a", epochs=2, resume=True)
    with pytest.raises(ConfigError, match=r"model\.dropout was 0.0, is 0.1"):
        run_training(small_model(dropout=0.1), train, val, same)
    train[3].y = train[3].y + 1e-6
    with pytest.raises(ConfigError, match="train_dataset was '8 graphs, sha256"):
        run_training(small_model(), train, val, same)


def test_patience_stops_early(tmp_path):
    train, val = dataset(8), dataset(2, 1000)
    rows = run_training(
        small_model(), train, val, config(tmp_path, epochs=50, lr=1e-12, patience=2)
    )
    assert len(rows) < 10


def test_time_ends_the_training_and_counts_after_an_interruption(tmp_path, whole, caplog):
    caplog.set_level("INFO", logger="src")
    assert len(train(tmp_path, max_hours=1e-9)[1]) == 1
    assert "`max_hours`, 1e-09, are spent after epoch 1 of 5" in caplog.text
    spent = read_verified(tmp_path / "cut.ckpt")["rows"][0]["seconds"] / 3600.0
    for hours in (1e-9, 0.999 * spent):
        assert len(train(tmp_path, max_hours=hours, resume=True)[1]) == 1
    assert_same(whole, *train(tmp_path, max_hours=spent + 1.0, resume=True), tmp_path)


def test_training_does_not_touch_the_callers_random_generator(tmp_path):
    model = small_model()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run_training(model, dataset(4), dataset(2, 9), config(tmp_path, epochs=1))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batchsize": 4}, "'batchsize'.*nearest: 'batch_size'"),
        ({"save_path": "nowhere/model.pt"}, "`save_path`.*nowhere"),
        ({"lr": 0.0}, "lr"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": None}, "batch_size"),
        ({"energy_grid": None}, "energy_grid"),
        ({"warmup": 1.0}, "warmup"),
        ({"resume": True}, "checkpoint_path"),
    ],
)
def test_settings_out_of_range_are_named(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        run_training(small_model(), dataset(2), dataset(2), config(tmp_path, **changes))


def test_targets_that_do_not_fit_are_named(tmp_path):
    good = dataset(3)
    for change, message in (
        (lambda g: g.y[:1], r"train_dataset\[1\].*\(1, 41\), expected \(2, 41\)"),
        (lambda g: g.y[:, :40], r"expected \(2, 41\)"),
        (lambda g: g.y * math.nan, "not finite"),
        (lambda _g: None, "no `y`"),
    ):
        bad = dataset(3)
        bad[1].y = change(bad[1])
        with pytest.raises(ConfigError, match=message):
            run_training(small_model(), bad, good, config(tmp_path))
    with pytest.raises(ConfigError, match="val_dataset is empty"):
        run_training(small_model(), good, [], config(tmp_path))


@pytest.mark.parametrize(
    ("batch_size", "message"),
    [(1, r"epoch 1, batch 2: the loss is nan .* with train_dataset\[\d\]; .*`lr`"),
     (8, r"epoch 1, the validation loss is nan, with val_dataset\[0\], .*`lr`")],
)  # fmt: skip
def test_a_loss_that_is_not_finite_stops_and_leaves_the_last_state(tmp_path, batch_size, message):
    """One batch is finite; the weights after it are not."""
    train, val = dataset(8), dataset(2)
    good = full_config(tmp_path, "x", epochs=1, batch_size=batch_size)
    run_training(small_model(), train, val, good)
    names = ("x.ckpt", "x.pt", "x.csv")
    kept = [(tmp_path / name).read_bytes() for name in names]
    bad = {"lr": 1e30, "warmup": 0.0, "batch_size": batch_size}
    with pytest.raises(LossError, match=message):
        run_training(small_model(), train, val, full_config(tmp_path, "x", **bad))
    assert [(tmp_path / name).read_bytes() for name in names] == kept


def largest_gradient(tmp_path, **changes):
    """Largest norm of the gradients that a training of one epoch steps along."""
    model, norms = small_model(), []

    def note(*_):
        parts = [weight.grad.norm() for weight in model.parameters() if weight.grad is not None]
        norms.extend([float(torch.stack(parts).norm())] if parts else [])

    changes = {"epochs": 1, "on_batch": note, **changes}
    run_training(model, dataset(24), dataset(2), config(tmp_path, **changes))
    return max(norms)


def test_a_large_gradient_is_clipped(tmp_path):
    assert largest_gradient(tmp_path, clip_norm=1e-3) == pytest.approx(1e-3, rel=1e-4)
    assert 0.01 < largest_gradient(tmp_path) < 10.0  # control

"""Numbers that are not finite stop the work by name, and are never "no improvement"."""

import csv
import dataclasses
import math

import ase.db
import numpy as np
import pytest
import torch
from ase import Atoms
from poison import ENERGY, MARK, Poison, graphs, network, poison_element, settings, train_together
from records import record
from team import bulk_model, free_port

from src import run_training
from src.checkpoints.trained_model import ModelInfo, TrainedModel, load_model, save_model
from src.cli import main, parse
from src.comparison.fit import Bounds, Fit
from src.comparison.ranking import Candidate, edge_step, first_in_draws, rank
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.errors import CheckpointError, ConfigError, PredictionError, RecordError
from src.evaluation.calibrate import site_errors
from src.evaluation.evaluate import evaluate
from src.explanation.attribution import explain
from src.plot import plot_training
from src.prediction.bulk import predict_database
from src.prediction.site_prediction import predict_structures
from src.prediction.spectra_db import read_spectra
from src.runtime.distributed import Team
from src.runtime.signals import Pause
from src.training.divergence import LossExplosion
from src.training.state import Progress
from src.training.trainer import Trainer
from src.uncertainty.novelty import Novelty
from src.xas.spectrum import Spectrum

pytestmark = pytest.mark.reliability
BAD = [math.nan, math.inf, -math.inf]
SULPHUR = 16


# where targets enter


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", ["mu", "energy"])
def test_a_record_that_is_not_finite_is_refused_by_id(name, bad):
    values = np.array([1.0, 2.0, bad])
    with pytest.raises(
        RecordError, match=rf"mp-1_000: {name} is not finite .* number 2 with {bad}"
    ):
        record(**{name: values})
    record(mu=np.array([1.0, 2.0, 1e300]))


def data_of(path, mu):
    """Data set of two records, the second with other values."""
    write_records(path, [record(), record(material="mp-2", mu=np.array([0.1, mu, 0.3]))])
    return XANESDataset(Database(path), ["mp-1_000", "mp-2_000"], 4.0, np.array([1.0, 2, 4]), 0.0)


def test_a_record_beyond_the_type_of_the_graphs_is_refused_by_id(tmp_path):
    """Finite in the database, infinite in float32."""
    data = data_of(tmp_path / "x.db", 1e39)
    with pytest.raises(ConfigError, match=r"x\.db: .*float32.*mp-2_000$"):
        list(data)
    assert len(list(data_of(tmp_path / "y.db", 1e30))) == 2


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("part", ["train_dataset", "val_dataset"])
def test_a_target_of_a_graph_that_is_not_finite_is_refused_by_number(tmp_path, part, bad):
    sets = {"train_dataset": graphs(4), "val_dataset": graphs(4, 100)}
    graph = sets[part][2]
    graph.y[1, 7] = bad
    told = rf"{part}\[2\]: `y` holds values that are not finite"
    with pytest.raises(ConfigError, match=rf"{told}.*row 1"):
        run_training(network(), *sets.values(), settings(tmp_path, "x"))
    graph.record_id = ["mp-1_000", "mp-1_001"]
    with pytest.raises(ConfigError, match=rf"{told}.*of mp-1_001$"):
        run_training(network(), *sets.values(), settings(tmp_path, "x"))
    graph.y_mask = torch.isfinite(graph.y)  # control: what was not calculated does not count
    run_training(network(), *sets.values(), settings(tmp_path, "x", epochs=1))


def test_a_position_that_is_not_finite_is_refused_by_number(tmp_path):
    train = graphs(4)
    train[3].pos[0, 1] = math.nan
    with pytest.raises(ConfigError, match=r"train_dataset\[3\]: `pos`"):
        run_training(network(), train, graphs(4, 100), settings(tmp_path, "x"))


# loss and gradient


@pytest.mark.parametrize(
    ("kind", "what"), [("loss", "the loss is nan"), ("gradient", "the norm of the gradient is nan")]
)
def test_what_is_not_finite_goes_back_once_and_then_stops_with_the_graph_named(
    tmp_path, caplog, kind, what
):
    """A batch has four graphs; only the one that is guilty is named."""
    train, val = graphs(12, poisoned=5), graphs(4, 100)
    with pytest.raises(LossExplosion, match=rf"{what}, seen with train_dataset\[5\]; lower `lr`"):
        run_training(network(), train, val, settings(tmp_path, "x", criterion=Poison(kind)))
    assert caplog.text.count("seen with train_dataset[5]; back to the start of epoch 1") == 1
    train[5].record_id = ["mp-7_000", "mp-7_001"]
    with pytest.raises(LossExplosion, match=rf"{what}, seen with mp-7_000, mp-7_001; lower"):
        run_training(network(), train, val, settings(tmp_path, "x", criterion=Poison(kind)))
    healthy = settings(tmp_path, "x", criterion=Poison("none"))
    assert len(run_training(network(), train, val, healthy)) == 3


def with_statistics(train):
    """A network that has its training set's statistics already."""
    model = network()
    mean = torch.cat([graph.y for graph in train]).mean(0)
    model.set_target_statistics(ENERGY, mean, 1.0)
    return model


def test_a_finite_target_whose_square_is_not_is_named(tmp_path):
    train = graphs(12)
    model = with_statistics(train)
    train[8].y[0, 0] = 1e25
    with pytest.raises(LossExplosion, match=r"the loss is inf, seen with train_dataset\[8\]; "):
        run_training(model, train, graphs(4, 100), settings(tmp_path, "x"))


def test_where_one_cannot_tell_all_graphs_of_the_batch_are_named(tmp_path, monkeypatch):
    """A fault that comes and goes: no graph alone shows it."""
    original = Trainer.loss_terms

    def sometimes(self, part):
        total, *rest = original(self, part)
        return (total * (math.nan if self.progress.batch == 1 else 1.0), *rest)

    monkeypatch.setattr(Trainer, "loss_terms", sometimes)
    config = settings(tmp_path, "x")
    trainer = Trainer(network(), graphs(12), graphs(4, 100), config)
    expected = list(trainer.sampler)[1]
    with pytest.raises(LossExplosion) as caught:
        trainer.train_epoch(Pause())
    named = ", ".join(f"train_dataset[{number}]" for number in expected)
    assert str(caught.value) == f"epoch 1, batch 2: the loss is nan, seen with {named}"


# batches left out


def states_around(trainer, graph):
    """State before and after a step on one graph."""
    before = trainer.state()
    trainer.take_step(next(iter(trainer.train_loader)), [graph], n_batches=12)
    return before, trainer.state()


def same(one, other):
    """Whether two nested states are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("kind", ["loss", "gradient", "none"])
def test_a_batch_left_out_changes_nothing_but_the_count(tmp_path, kind):
    """Control: without the poison the same step moves weights, moments and averages."""
    config = settings(
        tmp_path, "x", criterion=Poison(kind), skip_nonfinite=True, batch_size=1, warmup=0.0
    )
    trainer = Trainer(network(), graphs(1, poisoned=0), graphs(2, 100), config)
    trainer.model.train()
    before, after = states_around(trainer, 0)
    for name in ("model", "averaged"):
        assert same(before[name], after[name]) == (kind != "none"), name
    moments = [state["optimizer"]["state"] for state in (before, after)]
    assert same(*moments) == (kind != "none")
    assert after["batch"] == 1
    assert (after["skipped"], after["n_seen"]) == ((1, 0) if kind != "none" else (0, 2))
    assert after["left_out"] == (["train_dataset[0]"] if kind != "none" else [])


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_left_out_batches_are_counted_named_and_not_in_the_mean(tmp_path, caplog, kind):
    train, val = graphs(12, poisoned=5), graphs(4, 100)
    config = settings(
        tmp_path, "x", criterion=Poison(kind), skip_nonfinite=True, batch_size=1, lr=1e-30, epochs=2
    )
    model = network()
    rows = run_training(model, train, val, config)
    assert [row["skipped"] for row in rows] == [1, 1]
    assert caplog.text.count("1 batches left out, loss or gradient not finite, seen with") == 2
    assert caplog.text.count("train_dataset[5]") == 2
    others = [graph for number, graph in enumerate(train) if number != 5]
    with torch.no_grad():  # with such a learning rate the network stays as it began
        errors = [(model.predict_spectra(graph, ENERGY) - graph.y).square() for graph in others]
    assert rows[0]["train_mse"] == pytest.approx(float(torch.cat(errors).mean()), rel=1e-4)
    with (tmp_path / "x.csv").open() as file:
        assert [row["skipped"] for row in csv.DictReader(file)] == ["1", "1"]
    plot_training(tmp_path / "x.csv", tmp_path / "x.png")


def test_metrics_have_the_column_only_where_batches_may_be_left_out(tmp_path):
    run_training(network(), graphs(4), graphs(4, 100), settings(tmp_path, "x", epochs=1))
    assert "skipped" not in (tmp_path / "x.csv").read_text()


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("batches", [1, 2])
def test_a_resumed_training_counts_what_was_left_out_before(tmp_path, monkeypatch, batches):
    """Killed after each batch of the second epoch in turn, the poisoned one among them."""
    train, val = graphs(12, poisoned=5), graphs(4, 100)
    options = {"criterion": Poison("loss"), "skip_nonfinite": True}
    whole = network()
    rows = run_training(whole, train, val, settings(tmp_path, "whole", **options))
    assert [row["skipped"] for row in rows] == [1, 1, 1]
    original = Trainer.take_step

    def die(self, *arguments):
        if (self.progress.epoch, self.progress.batch) == (1, batches):
            raise Killed
        original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "take_step", die)
        cut = settings(tmp_path, "cut", checkpoint_minutes=0.0, **options)
        with pytest.raises(Killed):
            run_training(network(), train, val, cut)
    resumed = network()
    again = run_training(resumed, train, val, settings(tmp_path, "cut", resume=True, **options))
    for a, b in zip(rows, again, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    assert same(whole.state_dict(), resumed.state_dict())
    with pytest.raises(ConfigError, match="skip_nonfinite was True, is False"):
        run_training(
            network(), train, val, settings(tmp_path, "cut", resume=True, criterion=Poison("loss"))
        )


def test_a_state_of_before_the_option_goes_on(tmp_path):
    train, val = graphs(8), graphs(4, 100)
    run_training(network(), train, val, settings(tmp_path, "x"))
    trainer = Trainer(network(), train, val, settings(tmp_path, "x", resume=True))
    state = torch.load(tmp_path / "x.ckpt")
    for name in ("skipped", "left_out"):
        del state[name]
    del state["fingerprint"]["skip_nonfinite"]
    torch.save(state, tmp_path / "x.ckpt")
    trainer.load_state(tmp_path / "x.ckpt")
    assert trainer.progress.epoch == 3
    assert trainer.progress.left_out == []


def test_an_epoch_of_nothing_but_left_out_batches_is_an_error(tmp_path):
    config = settings(tmp_path, "x", criterion=Poison("loss"), skip_nonfinite=True)
    with pytest.raises(LossExplosion, match="epoch 1: every batch was left out"):
        run_training(network(), graphs(1, poisoned=0), graphs(2, 100), config)


def test_two_processes_leave_the_same_batches_out(tmp_path):
    (tmp_path / "port").write_text(str(free_port()))
    torch.multiprocessing.spawn(train_together, args=(tmp_path,), nprocs=2)
    for kind in ("loss", "gradient"):
        one, two = (torch.load(tmp_path / f"{kind} {rank}") for rank in range(2))
        assert [row["skipped"] for row in one["rows"]] == [1, 1, 1]
        assert [{**row, "seconds": 0} for row in one["rows"]] == [
            {**row, "seconds": 0} for row in two["rows"]
        ]
        assert same(one["weights"], two["weights"])
        assert all(bool(torch.isfinite(weight).all()) for weight in one["weights"].values())


def test_the_option_is_one_of_the_command(tmp_path):
    words = ["train", "x.db", "-o", str(tmp_path)]
    assert parse(words)[1].training.skip_nonfinite is False
    assert parse([*words, "--training.skip_nonfinite", "true"])[1].training.skip_nonfinite is True


# validation


def test_a_validation_loss_that_is_not_finite_is_an_error_that_names_the_graph(tmp_path):
    val = graphs(6, 100)
    val[4].y[0, 0] = 1e25
    with pytest.raises(LossExplosion, match=r"val_mse is inf, seen with val_dataset\[4\]; "):
        run_training(network(), graphs(8), val, settings(tmp_path, "x"))
    assert not (tmp_path / "x.pt").exists()
    val[4].record_id = ["mp-3_000", "mp-3_001"]
    for skip in (False, True):  # what is left out of updates is not left out here
        config = settings(tmp_path, "x", skip_nonfinite=skip)
        with pytest.raises(LossExplosion, match="val_mse is inf, seen with mp-3_000, mp-3_001;"):
            run_training(network(), graphs(8), val, config)


def test_negative_control_alone_progress_would_take_it_for_no_improvement():
    progress = Progress(best_val=1.0, best_epoch=0)
    progress.end_epoch({"val_mse": math.nan}, {})
    assert (progress.best_val, progress.best_epoch, progress.epoch) == (1.0, 0, 1)


# explosions that are finite


def test_a_loss_that_explodes_once_is_a_slower_way_on(tmp_path, monkeypatch, caplog):
    train, val = graphs(12), graphs(4, 100)
    original, faults = Trainer.loss_terms, []

    def explode(self, part):
        terms = original(self, part)
        if self.progress.epoch == 4 and len(faults) < 3:
            faults.append(1)
            return tuple(1e4 * term for term in terms)
        return terms

    monkeypatch.setattr(Trainer, "loss_terms", explode)
    rows = run_training(network(), train, val, settings(tmp_path, "x", epochs=6))
    assert caplog.text.count("back to the start of epoch 5") == 1
    assert "over 10 times the lowest before" in caplog.text
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert max(row["train_total"] for row in rows) < 10 * min(row["train_total"] for row in rows)


# predictions


def sulphide():
    """A molecule with the poisoned element."""
    return Atoms("CuSO", [[0, 0, 0], [2, 0, 0], [0, 2.1, 0]])


def oxide():
    """One without."""
    return Atoms("CuO2", [[0, 0, 0], [2, 0, 0], [0, 2.1, 0]])


@pytest.fixture
def poisoned():
    """A network that gives no numbers where sulphur is near, and its description."""
    model, info = bulk_model()
    grid = [8990.0, 8992.5, 9000.0]
    info = dataclasses.replace(
        info, energy_grid=grid, mean_spectrum=[0.1, 0.5, 1.0], target="absolute",
        unit="1e-3 a0^2", code="FEFF 9.9.1", elements=[8, 16, 29], extend_below=0.0,
    )  # fmt: skip
    return TrainedModel(poison_element(model, SULPHUR), info, sha256="this model")


def test_a_prediction_that_is_not_finite_names_structure_and_site(poisoned):
    both = [("oxide", oxide()), ("sulphide", sulphide())]
    with pytest.raises(PredictionError, match="sulphide, site 0: .* not finite"):
        predict_structures(poisoned, both)
    ((site,),) = predict_structures(poisoned, both[:1])
    assert np.isfinite(site.mu).all()


def test_an_explanation_names_the_site(poisoned):
    with pytest.raises(PredictionError, match="site 0: .* not finite"):
        explain(poisoned, sulphide(), 0)
    assert np.isfinite(explain(poisoned, oxide(), 0).mu).all()


def test_the_command_refuses_it_in_one_line(poisoned, tmp_path, capsys):
    poisoned.save(tmp_path / "m.pt")
    sulphide().write(tmp_path / "CuS.xyz")
    words = ["predict", tmp_path / "m.pt", tmp_path / "CuS.xyz", "-o", tmp_path / "x.dat"]
    assert main([str(word) for word in words]) == 1
    assert "CuS, site 0" in capsys.readouterr().err
    assert not (tmp_path / "x.dat").exists()


def test_in_bulk_it_is_a_failed_row_with_the_reason(poisoned, tmp_path):
    with ase.db.connect(tmp_path / "in.db", type="db") as connection:
        for atoms in (oxide(), sulphide(), oxide()):
            connection.write(atoms)
    paths = tmp_path / "in.db", tmp_path / "out.db"
    summary = predict_database(poisoned, *paths, Team())
    assert (summary.structures, summary.failed, summary.spectra) == (3, 1, 2)
    good, bad, again = read_spectra(paths[1])
    assert "site 0: the model predicts values that are not finite" in bad.error
    assert bad.mu.shape == (0, 3)
    assert good.error is None
    ((alone,),) = predict_structures(poisoned, [("oxide", oxide())])
    for row in (good, again):  # rounding depends on the place in a batch
        assert row.mu[0] == pytest.approx(alone.mu, abs=1e-5)


@pytest.fixture
def records_db(tmp_path):
    """A database of an oxide and a sulphide."""
    energy = np.array([8980.0, 8995.0, 9010.0])
    made = [
        record(material=name, atoms=atoms, energy=energy)
        for name, atoms in (("mp-1", oxide()), ("mp-2", sulphide()))
    ]
    write_records(tmp_path / "x.db", made)
    return Database(tmp_path / "x.db")


def test_evaluation_names_the_record(poisoned, records_db):
    with pytest.raises(PredictionError, match="mp-2_000: .* not finite"):
        evaluate(poisoned, records_db, records_db.ids)
    assert evaluate(poisoned, records_db, ["mp-1_000"]).result.ids == ["mp-1_000"]


def test_calibration_names_the_record(poisoned, records_db):
    novelty = Novelty.fit(np.random.default_rng(0).normal(size=(9, 24)))
    grid = np.asarray(poisoned.info.energy_grid)
    settings_of = poisoned.network.r_max, grid, 0.0, poisoned.network.max_z
    data = XANESDataset(records_db, records_db.ids, *settings_of)
    with pytest.raises(PredictionError, match="mp-2_000: .* not finite"):
        site_errors(data, poisoned, novelty)


# comparisons


def fits_of(*parts):
    """Measured energies, and a fit for each fitted spectrum with its half width."""
    energy = np.linspace(8980.0, 9020.0, 41)
    measured = Spectrum(energy, 1.0 / (1.0 + np.exp(8995.0 - energy)))
    made = [
        Fit(name, 0.0, 0.0, 1.0, (), fitted(measured.mu), half, {"mse": float(k)})
        for k, (name, fitted, half) in enumerate(parts)
    ]
    return measured, made


def test_beyond_the_calibrated_energies_a_prediction_is_not_taken_as_exact():
    """Widths are NaN there; a lead that only these points give is not beyond all doubt."""
    measured, _ = fits_of()
    upper = measured.energy > 9000.0
    wide = np.where(upper, np.nan, 5.0)
    parts = [("a", lambda mu: mu, wide), ("b", lambda mu: mu + 0.1 * upper, wide)]
    part = first_in_draws(*fits_of(*parts), "mse")
    assert 0.3 < part < 0.7
    sure = [(name, fitted, np.full(41, 1e-3)) for name, fitted, _ in parts]  # control
    assert first_in_draws(*fits_of(*sure), "mse") == 1.0
    none = [(name, fitted, np.full(41, np.nan)) for name, fitted, _ in parts]
    assert first_in_draws(*fits_of(*none), "mse") is None


@pytest.mark.filterwarnings("ignore")  # NumPy's and SciPy's, of what is constant
def test_a_candidate_without_structure_is_named_where_it_has_no_measure():
    """NaN would stand anywhere in a sorted list."""
    energy = np.arange(8900.0, 9100.0, 0.25)
    measured = Spectrum(energy[200:500], 1.0 / (1.0 + np.exp(8995.0 - energy[200:500])))
    made = [
        Candidate("flat", Spectrum(energy, np.zeros(len(energy))), None, []),
        Candidate("good", Spectrum(energy, 1.0 / (1.0 + np.exp(8995.0 - energy))), None, []),
    ]
    bounds = Bounds(shift=(0.0, 0.0), broadening=(0.0, 0.0), scale=(1.0, 1.0))
    with pytest.raises(RecordError, match="flat: its cosine is nan"):
        rank(measured, made, bounds, "cosine")
    assert [fit.name for fit in rank(measured, made, bounds, "mse").fits] == ["good", "flat"]


@pytest.mark.parametrize("step", [0.0, -1.0])
def test_a_model_without_an_edge_step_compares_nothing(step):
    info = ModelInfo(target="absolute", mean_spectrum=[0.0, 0.0, step])
    with pytest.raises(ConfigError, match="the edge step of the model's mean spectrum is"):
        edge_step(info)


# model files


@pytest.mark.parametrize("bad", BAD)
def test_a_model_with_a_weight_that_is_not_finite_is_not_written(tmp_path, bad):
    model = network()
    with torch.no_grad():
        model.embedding.weight[3, 2] = bad
    with pytest.raises(CheckpointError, match=r"n\.pt: 1 of .* embedding\.weight of member 0"):
        save_model(tmp_path / "n.pt", model, ModelInfo())
    assert not (tmp_path / "n.pt").exists()


def test_a_calibration_that_is_not_finite_is_not_written(tmp_path):
    """Its bands would look as outside the calibrated energies, nan."""
    model, info = load_model("cu-k-feff")
    values = info.calibration.floor.copy()
    values[1] = math.nan
    info.calibration = dataclasses.replace(info.calibration, floor=values)
    with pytest.raises(CheckpointError, match=r"bad\.pt: `floor` of the calibration"):
        save_model(tmp_path / "bad.pt", model, info)
    assert not (tmp_path / "bad.pt").exists()


def test_the_mark_is_no_spectrum_of_the_others():
    """Of the helper: only the poisoned graph has it."""
    assert [bool((g.y == MARK).any()) for g in graphs(4, poisoned=2)] == [False, False, True, False]

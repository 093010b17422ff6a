"""Numbers that are not finite stop the work by name, and are never "no improvement"."""

import dataclasses
import math

import ase.db
import numpy as np
import pytest
import torch
from ase import Atoms
from hooks import at
from poison import ENERGY, Poison, graphs, network, poison_element, settings
from records import record
from team import bulk_model

from src import run_training
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import TrainedModel, load_model, save_model
from src.comparison.candidates import Candidate, edge_step
from src.comparison.fit import Bounds, Fit
from src.comparison.ranking import first_in_draws, rank
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.errors import CheckpointError, ConfigError, LossError, PredictionError, RecordError
from src.evaluation.calibrate import site_errors
from src.evaluation.evaluate import evaluate
from src.explanation.attribution import explain
from src.prediction.bulk import predict_database
from src.prediction.site_prediction import predict_structures
from src.prediction.spectra_db import read_spectra
from src.runtime.distributed import Team
from src.uncertainty.novelty import Novelty
from src.xas.spectrum import Spectrum

pytestmark = pytest.mark.reliability
SULPHUR = 16


# where targets enter


@pytest.mark.parametrize(("name", "bad"), [("mu", math.nan), ("energy", math.inf)])
def test_a_record_that_is_not_finite_is_refused_by_id(name, bad):
    with pytest.raises(RecordError, match=rf"mp-1_000: {name} .*2 with {bad}"):
        record(**{name: np.array([1.0, 2.0, bad])})
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


@pytest.mark.parametrize(("part", "bad"), [("train_dataset", math.nan), ("val_dataset", -math.inf)])
def test_a_target_of_a_graph_that_is_not_finite_is_refused_by_number(tmp_path, part, bad):
    sets = {"train_dataset": graphs(4), "val_dataset": graphs(4, 100)}
    graph = sets[part][2]
    graph.y[1, 7] = bad
    with pytest.raises(ConfigError, match=rf"{part}\[2\]: `y` .*row 1"):
        run_training(network(), *sets.values(), settings(tmp_path, "x"))
    graph.record_id = ["mp-1_000", "mp-1_001"]
    with pytest.raises(ConfigError, match=rf"{part}\[2\]: `y` .*of mp-1_001$"):
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
    ("kind", "what"), [("loss", "the loss is nan"), ("gradient", "the norm of its gradient nan")]
)
def test_what_is_not_finite_stops_with_the_epoch_and_the_records_named(tmp_path, kind, what):
    """Control: without the poison the same training ends well."""
    train, val = graphs(12, poisoned=5), graphs(4, 100)
    with pytest.raises(LossError, match=rf"^epoch 1, batch \d: .*{what}.* with .*_dataset\[5\]"):
        run_training(network(), train, val, settings(tmp_path, "x", criterion=Poison(kind)))
    assert not (tmp_path / "x.pt").exists()
    train[5].record_id = ["mp-7_000", "mp-7_001"]
    with pytest.raises(LossError, match=rf"{what}.* with .*mp-7_000, mp-7_001.*lower `lr`"):
        run_training(network(), train, val, settings(tmp_path, "x", criterion=Poison(kind)))
    healthy = settings(tmp_path, "x", criterion=Poison("none"))
    assert len(run_training(network(), train, val, healthy)) == 3


@pytest.mark.parametrize("part", ["train_dataset", "val_dataset"])
def test_a_finite_target_whose_square_is_not_is_named(tmp_path, part):
    """A validation loss that is not finite would else pass as no improvement."""
    sets = {"train_dataset": graphs(12), "val_dataset": graphs(6, 100)}
    model = network()
    mean = torch.cat([graph.y for graph in sets["train_dataset"]]).mean(0)
    model.set_target_statistics(ENERGY, mean, 1.0)
    sets[part][5].y[0, 0] = 1e25
    with pytest.raises(LossError, match=rf"epoch 1, .*loss is inf.*, with .*{part}\[5\]"):
        run_training(model, *sets.values(), settings(tmp_path, "x"))
    assert not (tmp_path / "x.pt").exists()


def test_the_last_good_state_stays_and_continues(tmp_path):
    """The poison begins in the second epoch; without it the state of the first is continued."""
    train, val, sound = graphs(12), graphs(4, 100), graphs(12)
    whole = network()
    run_training(whole, sound, val, settings(tmp_path, "whole"))

    def spoil():
        train[5].y[0, 0] = 1e25

    with pytest.raises(LossError, match="epoch 2, "):
        run_training(network(), train, val, settings(tmp_path, "x", on_batch=at(1, 0, spoil)))
    assert read_verified(tmp_path / "x.ckpt")["epoch"] == 1
    resumed = network()
    run_training(resumed, sound, val, settings(tmp_path, "x", resume=True))
    assert all(
        torch.equal(weight, resumed.state_dict()[name])
        for name, weight in whole.state_dict().items()
    )


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
    with pytest.raises(PredictionError, match="site 0: .* not finite"):
        explain(poisoned, sulphide(), 0)
    ((site,),) = predict_structures(poisoned, both[:1])
    assert np.isfinite(site.mu).all()
    assert np.isfinite(explain(poisoned, oxide(), 0).mu).all()


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


def test_evaluation_and_calibration_name_the_record(poisoned, tmp_path):
    energy = np.array([8980.0, 8995.0, 9010.0])
    structures = (("mp-1", oxide()), ("mp-2", sulphide()))
    path = tmp_path / "x.db"
    write_records(path, [record(material=m, atoms=a, energy=energy) for m, a in structures])
    database = Database(path)
    with pytest.raises(PredictionError, match="mp-2_000: .* not finite"):
        evaluate(poisoned, database, database.ids)
    assert evaluate(poisoned, database, ["mp-1_000"]).result.ids == ["mp-1_000"]
    novelty = Novelty.fit(np.random.default_rng(0).normal(size=(9, 24)))
    grid = np.asarray(poisoned.info.energy_grid)
    data = XANESDataset(database, database.ids, poisoned.network.r_max, grid, 0.0)
    with pytest.raises(PredictionError, match="mp-2_000: .* not finite"):
        site_errors(data, poisoned, novelty)


# comparisons


def fits_of(*parts):
    """Measured energies, and a fit for each fitted spectrum with its half width."""
    energy = np.linspace(8980.0, 9020.0, 41)
    measured = Spectrum(energy, 1.0 / (1.0 + np.exp(8995.0 - energy)))
    made = [
        Fit(name, 0.0, 0.0, 1.0, (), {"mse": float(k)}, fitted(measured.mu), half)
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


def test_a_model_with_a_weight_that_is_not_finite_is_not_written(tmp_path):
    model = network()
    with torch.no_grad():
        model.embedding.weight[3, 2] = -math.inf
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

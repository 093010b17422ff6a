"""Ensembles: the mean of their members, however they are batched; what can't be joined."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import bulk
from conftest import random_crystal, random_molecule

from src.checkpoints.join import join_models
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel, load_model, save_model
from src.errors import ConfigError
from src.model.ensemble import XANESEnsemble, as_model, networks_of
from src.model.gnn import XANES_E3GNN
from src.prediction.inference import predict_sites, raw_sites
from src.prediction.site_prediction import predict_structure
from src.uncertainty.calibration import Calibration
from src.uncertainty.novelty import Novelty

GRID = np.linspace(-10.0, 40.0, 11)
INFO = ModelInfo(
    element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", reference_energy=8993.0,
    energy_grid=(8993.0 + GRID).tolist(), elements=[8, 26, 29], train_ids=["mp-1_000"],
    val_ids=["mp-2_000"], val_mse=0.1,
)  # fmt: skip


def network(seed, **changes):
    """A network with random weights, its own edge step included."""
    torch.manual_seed(seed)
    model = XANES_E3GNN(**{"num_layers": 2, "lmax": 1, "channels": 8, "num_basis": 12, **changes})
    with torch.no_grad():
        model.spectral_basis.step_center.fill_(float(seed))
    return model.eval()


def calibrated():
    """An ensemble with a calibration made by hand; two graphs are its training sites."""
    ensemble = XANESEnsemble([network(seed) for seed in range(2)])
    graphs = [random_molecule(5), random_crystal(6)]
    calibration = Calibration(
        coverage=0.9, ids=["mp-3_000"], energy=GRID, floor=np.full(len(GRID), 0.01),
        quantile=np.linspace(1.0, 2.0, len(GRID)), law=np.array([-3.0, 0.5, 0.25]),
        smallest=np.full(2, 1e-6), novelty=Novelty.fit(raw_sites(ensemble, graphs, GRID).features),
    )  # fmt: skip
    return TrainedModel(ensemble, replace(INFO, calibration=calibration))


def test_spectrum_is_the_mean_of_the_members_and_spread_their_deviation():
    members = [network(seed) for seed in range(3)]
    ensemble, graph = XANESEnsemble(members), random_molecule()
    grid = torch.as_tensor(GRID, dtype=torch.float32)
    by_hand = np.stack([m.predict_spectra(graph, grid).detach().numpy() for m in members])
    assert np.ptp(by_hand, axis=0).max() > 1e-2
    found = raw_sites(ensemble, [graph], GRID)
    assert found.mu == pytest.approx(by_hand.mean(axis=0), abs=1e-6)
    assert found.spread == pytest.approx(np.std(by_hand, axis=0, ddof=1), abs=1e-6)
    with torch.no_grad():  # negative control: coefficients must not be averaged, steps differ
        mixed = ensemble(graph).mean(dim=0) @ members[0].spectral_basis(grid).T
    assert np.abs(mixed.numpy() - found.mu).max() > 1e-3


def test_features_are_all_there_when_absorbers_come_in_parts(monkeypatch):
    ensemble = XANESEnsemble([network(seed) for seed in range(2)])
    graphs = [random_molecule(), random_crystal()]
    whole = raw_sites(ensemble, graphs, GRID).features
    monkeypatch.setattr("src.model.gnn.ABSORBERS_AT_ONCE", 1)
    parts = raw_sites(ensemble, graphs, GRID).features
    assert len(parts) == 4
    assert parts == pytest.approx(whole, abs=1e-5)


def test_batches_give_what_graphs_alone_give(monkeypatch):
    model, graphs = calibrated(), [random_molecule(), random_crystal(), random_molecule(1)]
    monkeypatch.setattr("src.prediction.inference.MAX_EDGES", graphs[0].num_edges + 1)
    together = predict_sites(model, graphs, GRID)  # in two batches or three
    assert together.mu.shape == together.bands.half_width.shape == (6, len(GRID))
    for number, graph in enumerate(graphs):
        rows, alone = slice(2 * number, 2 * number + 2), predict_sites(model, [graph], GRID)
        assert together.mu[rows] == pytest.approx(alone.mu, abs=1e-5)
        for name in ("half_width", "expected", "distance"):
            values = (getattr(sites.bands, name) for sites in (together, alone))
            assert next(values)[rows] == pytest.approx(next(values), rel=1e-3)


def test_bands_do_not_depend_on_the_energies_asked_for():
    model, graph = calibrated(), random_molecule()
    whole = predict_sites(model, [graph], GRID)
    part = predict_sites(model, [graph], GRID[4:6])
    assert part.bands.half_width == pytest.approx(whole.bands.half_width[:, 4:6], rel=1e-6)
    # negative control: with the mean over the asked energies in its place they would
    spread = raw_sites(model.network, [graph], GRID[4:6]).spread
    wrong = model.calibration.expected_error(spread, part.bands.distance)
    assert wrong != pytest.approx(part.bands.expected, rel=1e-2)


def test_prediction_has_lower_and_upper_and_warns_of_novel_sites(caplog):
    model, atoms = calibrated(), bulk("CuO", "rocksalt", a=4.2)
    (plain,) = predict_structure(TrainedModel(model.network, INFO), atoms)
    assert plain.lower is plain.upper is None
    (site,) = predict_structure(model, atoms, "oxide")
    assert site.mu == pytest.approx(plain.mu, abs=1e-4)  # rounding depends on the batch
    assert (site.lower < site.mu).all()
    assert site.upper - site.mu == pytest.approx(site.mu - site.lower)
    assert not site.novel
    assert caplog.text == ""
    novelty = replace(model.calibration.novelty, threshold=0.0)
    model.info.calibration = replace(model.calibration, novelty=novelty)
    (site,) = predict_structure(model, atoms, "oxide")
    assert site.novel
    assert "oxide: unlike anything the model was trained on, sites 0" in caplog.text


def test_members_that_differ_are_refused_by_name():
    with pytest.raises(ConfigError, match="`channels` is 8 in member 0 but 4 in member 1"):
        XANESEnsemble([network(0), network(1, channels=4)])
    with pytest.raises(ConfigError, match="float32 in member 0 but torch.float64 in member 1"):
        XANESEnsemble([network(0), network(1).double()])
    with pytest.raises(ConfigError, match="at least 2"):
        XANESEnsemble([network(0)])
    XANESEnsemble([network(0), network(1, dropout=0.1, avg_num_neighbors=9.0)])
    assert isinstance(as_model([network(0)]), XANES_E3GNN)


def save(folder, name, seed, **changes):
    """A model file."""
    save_model(folder / name, network(seed), replace(INFO, **changes))
    return folder / name


def test_files_are_joined_and_ensembles_flattened(tmp_path):
    files = [save(tmp_path, f"{seed}.pt", seed) for seed in range(3)]
    model = join_models(files[:2])
    info = model.info
    assert (info.train_ids, info.val_mse, info.note) == (["mp-1_000"], None, None)
    model.save(tmp_path / "two.pt")
    three = join_models([tmp_path / "two.pt", files[2]]).network
    assert len(networks_of(three)) == 3
    joined = networks_of(three)[2].state_dict()
    alone = load_model(files[2])[0].state_dict()
    assert all(torch.equal(joined[name], alone[name]) for name in alone)
    one = join_models(files[:1])
    assert isinstance(one.network, XANES_E3GNN)
    assert one.info.val_mse == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"element": "Zn"}, r"`element` is 'Cu' in .*a\.pt but 'Zn' in .*b\.pt"),
        ({"edge": "L3"}, "`edge`"),
        ({"target": "normalized"}, "`target`"),
        ({"unit": "1"}, "`unit`"),
        ({"reference_energy": 9000.0}, "`reference_energy` is 8993.0"),
        ({"energy_grid": [8990.0, 8991.0]}, r"11 values, 8983\.0 to 9033\.0 in"),
    ],
)
def test_models_for_other_things_are_not_joined(tmp_path, changes, message):
    paths = save(tmp_path, "a.pt", 0), save(tmp_path, "b.pt", 1, **changes)
    with pytest.raises(ConfigError, match=message):
        join_models(paths)


def test_members_trained_on_different_sites_say_so(tmp_path, caplog):
    """As in cross-validation: nobody's training site may later count as one for validation."""
    paths = [
        save(tmp_path, "a.pt", 0, train_ids=["mp-1_000"], val_ids=["mp-2_000", "mp-9_000"]),
        save(
            tmp_path, "b.pt", 1,
            train_ids=["mp-2_001"], val_ids=["mp-2_000", "mp-9_000"], elements=[8, 29],
        ),
    ]  # fmt: skip
    info = join_models(paths).info
    assert info.train_ids == ["mp-1_000", "mp-2_001"]
    assert info.val_ids == ["mp-9_000"]
    assert info.elements == [8, 29]
    assert "different sites, 1, 1, 2 in all" in info.note
    assert info.note in caplog.text

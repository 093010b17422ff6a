"""Predictions of structures: sites, symmetry, energies, and what is refused."""

import sys

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal as make_crystal

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel
from src.errors import ConfigError, StructureError
from src.model.gnn import XANES_E3GNN
from src.prediction.site_prediction import predict_structure, predict_structures
from src.structures.absorbers import equivalent_sites
from src.structures.graph import atoms_to_graph

GRID = [8990.0, 8992.5, 9000.0]


@pytest.fixture
def trained():
    """A network and its description."""
    torch.manual_seed(0)
    model = XANES_E3GNN(num_layers=2, lmax=2, channels=8, num_basis=16).eval()
    info = ModelInfo(
        element="Cu", edge="K", reference_energy=8993.0, energy_grid=GRID, elements=[8, 29]
    )
    return TrainedModel(model, info)


def tenorite(*shift):
    """CuO, whose four copper atoms are equivalent, unless the first is shifted."""
    atoms = make_crystal(
        ["Cu", "O"], [(0.25, 0.25, 0), (0, 0.4184, 0.25)], spacegroup=15,
        cellpar=[4.6837, 3.4226, 5.1288, 90, 99.54, 90],
    )  # fmt: skip
    atoms.positions[0] += shift or 0.0
    return atoms


COPPER = [k for k, z in enumerate(tenorite().numbers) if z == 29]


def test_every_copper_site_is_predicted_and_equivalent_ones_are_joined(trained):
    atoms = tenorite()
    (site,) = predict_structure(trained, atoms, "CuO")
    assert site.equivalent == COPPER
    assert site.site == COPPER[0] == 0
    every = [predict_structure(trained, atoms, sites=[i])[0].mu for i in COPPER]
    # symprec of 1e-3 Angstrom and float32
    assert np.ptp(every, axis=0).max() < 1e-4


def test_prediction_is_the_networks_spectrum_at_relative_energies(trained):
    atoms = tenorite()
    (site,) = predict_structure(trained, atoms)
    graph = atoms_to_graph(atoms, [site.site], 5.0)
    with torch.no_grad():
        expected = trained.network.predict_spectra(graph, torch.tensor(GRID) - 8993.0)[0]
    assert site.energy.tolist() == GRID
    assert site.mu == pytest.approx(expected.numpy(), abs=1e-5)


def test_sites_that_differ_are_kept_apart(trained):
    atoms = tenorite(0.1, 0.05, 0.02)
    found = predict_structure(trained, atoms)
    assert len(found) > 1
    assert sorted(i for site in found for i in site.equivalent) == COPPER
    assert [s.site for s in found] == sorted(s.site for s in found)
    by_hand = {s.site: predict_structure(trained, atoms, sites=[s.site])[0].mu for s in found}
    for site in found:
        assert site.mu == pytest.approx(by_hand[site.site], abs=1e-5)
    assert np.abs(found[0].mu - found[1].mu).max() > 1e-4


def test_many_structures_at_once_are_as_one_by_one(trained, monkeypatch):
    """In batches of one graph and of several; names and order are kept."""
    named = [("a", tenorite(0.1, 0.05, 0.02)), ("b", bulk("Cu")), ("c", tenorite())]
    alone = [predict_structure(trained, atoms, name) for name, atoms in named]
    assert alone[0][0].mu != pytest.approx(alone[2][0].mu, abs=1e-4)
    for most in (1, 100_000):
        monkeypatch.setattr("src.prediction.inference.MAX_EDGES", most)
        together = predict_structures(trained, named)
        for one, other in zip(alone, together, strict=True):
            assert [(s.structure, s.site) for s in one] == [(s.structure, s.site) for s in other]
            for a, b in zip(one, other, strict=True):
                assert a.mu == pytest.approx(b.mu, abs=1e-5)


def test_without_spglib_every_site_stands_for_itself(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "spglib", None)
    assert equivalent_sites(tenorite(), [0, 1]) is None
    assert len(predict_structure(trained, tenorite())) == 4


def test_molecules_have_no_equivalent_sites():
    assert equivalent_sites(Atoms("Cu2", [[0, 0, 0], [2, 0, 0]]), [0, 1]) == [[0], [1]]


def test_energies_asked_for_must_be_within_the_models(trained):
    energy = np.array([8983.0, 9043.0])
    (site,) = predict_structure(trained, tenorite(), energy=energy)
    assert site.energy.tolist() == energy.tolist()
    for outside in (np.array([8982.0, 8990.0]), np.array([9000.0, 9044.0])):
        with pytest.raises(ConfigError, match=r"8983\.000 to 9043\.000"):
            predict_structure(trained, tenorite(), energy=outside)


def test_elements_never_seen_are_warned_of_by_name(trained, caplog):
    predict_structure(trained, tenorite(), "good")
    assert caplog.text == ""
    predict_structure(trained, bulk("CuZn", "cesiumchloride", a=2.95), "brass")
    assert "brass: contains Zn" in caplog.text


def test_structure_without_the_element_and_wrong_sites_are_refused(trained):
    with pytest.raises(StructureError, match="iron: Fe contains no Cu"):
        predict_structure(trained, bulk("Fe"), "iron")
    atoms = tenorite()
    oxygen = atoms.get_chemical_symbols().index("O")
    with pytest.raises(StructureError, match=f"site {oxygen} is O"):
        predict_structure(trained, atoms, sites=[oxygen])
    with pytest.raises(StructureError, match="site 99"):
        predict_structure(trained, atoms, sites=[99])


def test_network_that_has_seen_no_spectra_is_refused():
    model = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16).eval()
    energy = np.arange(0.0, 10.0)
    TrainedModel(model).energies(energy)
    with pytest.raises(ConfigError, match="trained on labels, not on spectra.* --init_from"):
        TrainedModel(model, ModelInfo(pretrained_on="labels")).energies(energy)

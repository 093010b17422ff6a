"""The spectrum of a material against the mean of every absorber predicted on its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.spacegroup import crystal
from paths import CALCULATIONS

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel
from src.errors import StructureError
from src.model.gnn import XANES_E3GNN
from src.prediction.inference import predict_sites
from src.prediction.site_prediction import material_half_width, material_mean, predict_structure
from src.structures.files import read_structures
from src.structures.graph import atoms_to_graph

pytest.importorskip("spglib")
GRID = np.linspace(8985.0, 9015.0, 31)
INFO = ModelInfo("Cu", "K", reference_energy=8990.0, energy_grid=GRID.tolist())


def in_a_general_place():
    """Copper on three orbits of a trigonal group, of 3, 6 and 18 atoms."""
    places = [(0, 0, 0), (0, 0, 0.21), (0.13, 0.29, 0.08), (0.41, 0.22, 0.33)]
    cell = [9.1, 9.1, 11.3, 90, 90, 120]
    return crystal(["Cu", "Cu", "Cu", "O"], places, spacegroup=148, cellpar=cell)


def every_site(model, atoms):
    """Mean over all absorbers, each predicted, without symmetry."""
    info, network = model.info, model.network
    sites = [k for k, symbol in enumerate(atoms.get_chemical_symbols()) if symbol == info.element]
    graph = atoms_to_graph(atoms, sites, network.r_max, dtype=network.coefficient_mean.dtype)
    energy = np.asarray(info.energy_grid) - info.reference_energy
    found = predict_sites(model, [graph], energy)
    assert len(found.mu) == len(sites)
    return found.mu


def test_the_weighted_mean_is_that_of_all_atoms(float64):
    torch.manual_seed(0)
    network = XANES_E3GNN(num_layers=2, channels=8, num_basis=24, r_max=4.0)
    model = TrainedModel(network.double().eval(), INFO)
    atoms = in_a_general_place()
    found = predict_structure(model, atoms)
    assert sorted(len(site.equivalent) for site in found) == [3, 6, 18]
    brute = every_site(model, atoms)
    assert np.abs(material_mean(found) - brute.mean(axis=0)).max() < 1e-10
    unweighted = np.mean([site.mu for site in found], axis=0)  # negative control
    assert np.abs(unweighted - brute.mean(axis=0)).max() > 1e-3


@pytest.mark.parametrize("name", ["mp-1225837", "mp-1692", "mp-3748"])
def test_real_crystals_to_a_millionth(name, float64):
    shipped = TrainedModel.load("zn-k")
    atoms = read_structures(CALCULATIONS / name / "POSCAR")[0]
    atoms.numbers[atoms.numbers == 29] = 30
    grid = list(np.asarray(shipped.info.energy_grid))
    info = ModelInfo("Zn", "K", reference_energy=0.0, energy_grid=grid)
    model = TrainedModel(shipped.network.double(), info)
    found = predict_structure(model, atoms)
    brute = every_site(model, atoms)
    # symmetry joins atoms that are mapped to within 1e-3 Angstrom, not exactly
    assert np.abs(material_mean(found) - brute.mean(axis=0)).max() < 1e-6


@pytest.mark.parametrize("mean", [material_mean, material_half_width])
def test_a_mean_needs_sites_on_the_same_energies(mean):
    (site,) = predict_structure(TrainedModel.load("zn-k"), Atoms("ZnO", [[0, 0, 0], [0, 0, 2.0]]))
    expected = site.mu if mean is material_mean else site.half_width
    assert np.allclose(mean([site, site]), expected, equal_nan=True)
    assert material_half_width([site, replace(site, half_width=None)]) is None
    with pytest.raises(StructureError, match="without absorbers"):
        mean([])
    other = replace(site, energy=site.energy + 1.0)
    for half_width in (site.half_width, None):  # calibrated or not
        pair = [replace(one, half_width=half_width) for one in (site, other)]
        with pytest.raises(StructureError, match="has other energies than site 0"):
            mean(pair)

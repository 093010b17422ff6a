"""Explanations: exact where that is known, and the neighbour that matters is found."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel
from src.errors import StructureError
from src.explanation.attribution import explain
from src.explanation.perturbation import Site
from src.explanation.tables import explanation_table, explanation_values
from src.loss import SpectrumLoss
from src.model.ensemble import as_model
from src.model.gnn import XANES_E3GNN
from src.structures.cluster import cut_cluster
from src.structures.graph import atoms_to_graph
from src.train import run_training

ENERGY = np.linspace(-5.0, 30.0, 36)
INFO = ModelInfo(element="Cu", edge="K", energy_grid=ENERGY.tolist())


pytestmark = pytest.mark.usefixtures("float64")


def random_network(seed=0, **sizes):
    """An untrained network in float64 whose dependence on the surroundings is strong."""
    torch.manual_seed(seed)
    sizes = {"num_layers": 2, "lmax": 2, "channels": 8, "num_basis": 24, "r_max": 3.5} | sizes
    network = XANES_E3GNN(emin=-10.0, emax=40.0, avg_num_neighbors=10.0, **sizes)
    return network.double().eval()


def crystal():
    """Cu3N with one atom displaced, so that no two neighbours are alike by symmetry."""
    atoms = Atoms("CuCuCuN", [[1.9, 0, 0], [0, 1.9, 0], [0, 0, 1.9], [0, 0, 0]], cell=[3.8] * 3)
    atoms.pbc = True
    atoms.positions[1] += 0.11, 0.07, -0.05
    return atoms


def predicted(model, atoms, site=0):
    """Mean spectrum of members on the energies, by the plain call."""
    graph = atoms_to_graph(atoms, [site], model.r_max, dtype=torch.float64)
    with torch.no_grad():
        return model.predict_spectra(graph, torch.as_tensor(ENERGY))[0].numpy()


def test_the_cluster_has_the_crystals_spectrum():
    model, atoms = random_network(), crystal()
    expected = predicted(model, atoms, 1)
    cluster = cut_cluster(atoms, 1, model.num_layers * model.r_max)
    assert np.abs(predicted(model, cluster.atoms) - expected).max() < 1e-10
    smaller = cut_cluster(atoms, 1, 0.9 * model.r_max)  # negative control
    assert np.abs(predicted(model, smaller.atoms) - expected).max() > 1e-4


@pytest.mark.parametrize("sizes", [{}, {"num_layers": 1, "lmax": 0}], ids=["default", "scalars"])
def test_slope_is_the_derivative_of_moving_one_image(sizes):
    model = as_model([random_network(seed, **sizes) for seed in (0, 1)])
    found = explain(TrainedModel(model, INFO), crystal(), 1)
    assert np.abs(found.mu - predicted(model, crystal(), 1)).max() < 1e-10
    step = 1e-4
    for k in (0, 5, len(found.neighbors) - 1):
        number = found.neighbors[k]
        bond = found.cluster.atoms.positions[number]
        ends = []
        for sign in (1, -1):
            moved = found.cluster.atoms.copy()
            moved.positions[number] += sign * step * bond / np.linalg.norm(bond)
            ends.append(predicted(model, moved))
        difference = (ends[0] - ends[1]) / (2 * step)
        assert np.abs(found.slope[k] - difference).max() < 1e-6 * max(1, np.abs(difference).max())
    assert np.abs(found.slope[0] - found.slope[5]).max() > 1e-4  # negative control


def ethanol():
    """A molecule whose first atom absorbs."""
    atoms = molecule("CH3CH2OH")
    atoms.numbers[0] = 29
    return atoms


@pytest.mark.parametrize("atoms", [ethanol(), bulk("Cu", "fcc", a=3.61)], ids=["molecule", "fcc"])
def test_removal_is_the_difference_to_the_structure_without_the_atom(atoms):
    model = random_network()
    found = explain(TrainedModel(model, INFO), atoms, 0)
    near = set(found.cluster.origin[found.neighbors])
    assert near == (set(range(1, len(atoms))) if len(atoms) > 1 else {0})
    changes = [((number,), found.removal[k]) for k, number in enumerate(found.neighbors)]
    changes += zip([shell.members for shell in found.shells], found.shell_removal, strict=True)
    for members, change in changes:
        rest = found.cluster.atoms.copy()
        del rest[list(members)]
        assert np.abs(change - (predicted(model, atoms) - predicted(model, rest))).max() < 1e-10


def test_attention_is_a_part_of_one_and_ends_at_the_cutoff():
    model = random_network(num_layers=2)
    cluster = cut_cluster(crystal(), 0, 7.0)
    with torch.no_grad():
        weights = Site(model, atoms_to_graph(cluster.atoms, [0], model.r_max)).attention().numpy()
    assert (weights >= 0).all()
    assert 0.1 < weights.sum() < 1.0
    assert (weights[cluster.distance > model.r_max] == 0).all()
    assert (weights[(cluster.distance > 0) & (cluster.distance < 3.0)] > 0).all()


def test_a_site_without_neighbours_or_of_another_element_is_refused():
    model = random_network()
    with pytest.raises(StructureError, match="no neighbor within"):
        explain(TrainedModel(model, INFO), Atoms("Cu"), 0)
    with pytest.raises(StructureError, match="site 3 is N, but the model was trained for Cu"):
        explain(TrainedModel(model, INFO), crystal(), 3)


def lone_cause(cause, n_sites, seed):
    """Sites of copper with O and Ar at random places; the peak follows the distance to one."""
    rng, graphs = np.random.default_rng(seed), []
    for _ in range(n_sites):
        directions = rng.normal(size=(2, 3))
        directions[1] -= directions[0] * (directions[0] @ directions[1]) / sum(directions[0] ** 2)
        distance = rng.uniform(1.8, 2.6, 2)
        places = distance[:, None] * directions / np.linalg.norm(directions, axis=1)[:, None]
        atoms = Atoms("CuOAr", np.concatenate([np.zeros((1, 3)), places]))
        graph = atoms_to_graph(atoms, [0], 4.0, dtype=torch.float32)
        graph.y = torch.as_tensor(peak(distance[cause])[None], dtype=torch.float32)
        graphs.append(graph)
    return graphs


def peak(distance):
    """An edge step and a peak that moves by -10 eV an Angstrom."""
    step = 0.5 + np.arctan((ENERGY - 0.0) / 2.0) / np.pi
    return step + 0.8 * np.exp(-0.5 * ((ENERGY - 10.0 + 10.0 * (distance - 2.2)) / 3.0) ** 2)


@pytest.mark.parametrize("cause", [0, 1], ids=["O decides", "Ar decides"])
def test_the_one_neighbour_that_matters_is_found(cause, tmp_path):
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    sizes = {"num_layers": 1, "lmax": 1, "channels": 16, "num_basis": 32, "r_max": 4.0}
    model = XANES_E3GNN(emin=-6.0, emax=31.0, avg_num_neighbors=2.0, num_amplitudes=0, **sizes)
    config = {
        "lr": 1e-2, "batch_size": 32, "epochs": 40, "criterion": SpectrumLoss(lambda_grad=0.5),
        "energy_grid": torch.as_tensor(ENERGY, dtype=torch.float32),
        "save_path": str(tmp_path / "model.pt"),
    }  # fmt: skip
    run_training(model, lone_cause(cause, 160, 0), lone_cause(cause, 32, 1), config)
    atoms = Atoms("CuOAr", [[0, 0, 0], [2.1, 0, 0], [0, 2.2, 0]])
    found = explain(TrainedModel(model.eval(), INFO), atoms, 0)
    assert found.cluster.atoms.get_chemical_symbols() == ["Cu", "O", "Ar"]
    removal, slope = np.abs(found.removal).mean(axis=1), np.abs(found.slope).mean(axis=1)
    assert removal[cause] > 3 * removal[1 - cause]
    assert slope[cause] > 8 * slope[1 - cause]
    d = 2.1 if cause == 0 else 2.2
    known = (peak(d + 1e-4) - peak(d - 1e-4)) / 2e-4
    assert np.corrcoef(known, found.slope[cause])[0, 1] > 0.97
    assert np.abs(known - found.slope[cause]).mean() < 0.25 * np.abs(known).mean()


def test_table_and_values_say_the_same():
    found = explain(TrainedModel(random_network(), INFO), crystal(), 1, radius=2.5)
    values = explanation_values(found)
    lines = explanation_table(found, "1").splitlines()
    assert len(values["neighbors"]) == len(found.neighbors)
    assert sum(len(shell["neighbors"]) for shell in values["shells"]) == len(found.neighbors)
    for row in values["neighbors"]:
        label = f"{row['element']} {row['index']} at {row['distance']:.3f}"
        line = next(line for line in lines if line.startswith(label))
        size = np.abs(row["removal"]).mean()
        assert f"{row['attention']:.3f}" in line
        assert f"{size:.4f}" in line

"""The whole network: symmetry, locality, smoothness, special sites, and its constructor."""

import copy
import pickle

import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import brute_force_graph, random_crystal, random_molecule
from e3nn import o3
from torch_geometric.data import Batch

from src.dataset.batch import collate_graphs
from src.model.gnn import XANES_E3GNN, magnitudes
from src.model.neighbor_lists import Neighborhood
from src.structures.graph import atoms_to_graph

pytestmark = pytest.mark.usefixtures("float64")
ENERGY = torch.linspace(-10, 50, 61, dtype=torch.float64)
SMALL = {"channels": 8, "num_basis": 16, "num_heads": 2, "avg_num_neighbors": 12.0}


def network(seed=0, **arguments):
    """A small network with random weights."""
    torch.manual_seed(seed)
    return XANES_E3GNN(**{**SMALL, "num_layers": 2, **arguments}).eval()


def deviation(model, a, b):
    """Largest difference of the spectra of two graphs over the spread of the first's."""
    with torch.no_grad():
        first, second = model.predict_spectra(a, ENERGY), model.predict_spectra(b, ENERGY)
    return float((first - second).abs().max() / first.std())


@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("improper", [False, True])
@pytest.mark.parametrize("make", [random_molecule, random_crystal])
def test_spectrum_is_invariant_under_rotation_and_reflection(make, lmax, improper):
    graph, model = make(), network(lmax=lmax)
    matrix = o3.rand_matrix() * (-1 if improper else 1)
    turned = graph.clone()
    turned.pos, turned.edge_shift = graph.pos @ matrix.T, graph.edge_shift @ matrix.T
    assert deviation(model, graph, turned) < 1e-9
    other = graph.clone()
    other.pos = graph.pos + 0.05 * torch.randn_like(graph.pos)
    assert deviation(model, graph, other) > 1e-3  # a different structure is seen


@pytest.mark.parametrize(("made", "tolerance"), [(None, 1e-4), (torch.float32, 1e-9)])
def test_float32_is_invariant_to_rounding_and_converted_to_float64_exact(molecule, made, tolerance):
    """Rounding of some thousand float32 operations: 1e-7 each gives 1e-5 of the spread at most."""
    torch.set_default_dtype(made or torch.float64)
    model = network(num_layers=4, lmax=3)
    torch.set_default_dtype(torch.float64)
    model = model.float() if made is None else model.double()
    turned = molecule.clone()
    turned.pos = molecule.pos @ o3.rand_matrix().T
    assert deviation(model, molecule, turned) < tolerance


def test_batch_equals_single(molecule, crystal):
    model = network()
    batch = Batch.from_data_list([molecule, crystal, random_molecule(3)])
    together = model.predict_spectra(batch, ENERGY)
    alone = torch.cat(
        [model.predict_spectra(g, ENERGY) for g in (molecule, crystal, random_molecule(3))]
    )
    assert together.shape == (6, 61)
    assert (together - alone).abs().max() < 1e-9 * alone.std()


def test_pruning_to_the_receptive_field_changes_nothing(crystal):
    """With every atom an absorber nothing is pruned; the rows of the absorbers must be the same."""
    model = network(num_layers=3)
    every = crystal.clone()
    every.absorber_mask = torch.ones_like(crystal.absorber_mask)
    rows = model.predict_spectra(every, ENERGY)[crystal.absorber_mask]
    assert (rows - model.predict_spectra(crystal, ENERGY)).abs().max() < 1e-10


def test_atoms_beyond_reach_do_not_matter_and_those_within_do():
    chain = np.array([[4.0 * k, 0.3 * (k % 2), 0.0] for k in range(5)])
    numbers = np.array([29, 8, 26, 8, 16])
    model = network(num_layers=2)
    graph = brute_force_graph(numbers, chain, [0])
    for atom, matters in ((2, True), (3, False), (4, False)):
        changed = graph.clone()
        changed.z = graph.z.clone()
        changed.z[atom] = 47
        assert (deviation(model, graph, changed) > 1e-9) == matters


def test_gradient_of_spectrum_equals_finite_difference(molecule):
    model = network(num_layers=3)
    direction = torch.randn_like(molecule.pos)
    probe = torch.randn(2, len(ENERGY))

    def objective(step):
        graph = molecule.clone()
        graph.pos = molecule.pos + step * direction
        return (model.predict_spectra(graph, ENERGY) * probe).sum()

    step = torch.zeros((), requires_grad=True)
    (slope,) = torch.autograd.grad(objective(step), step)
    numeric = (objective(torch.tensor(1e-5)) - objective(torch.tensor(-1e-5))).detach() / 2e-5
    assert float(slope) == pytest.approx(float(numeric), rel=1e-6)


def test_magnitudes_are_smooth_norms():
    feats = torch.randn(3, 9, 4)
    norm = magnitudes(feats, 2, eps=1e-9)
    expected = torch.cat([feats[:, 1:4].norm(dim=1) / 3**0.5, feats[:, 4:].norm(dim=1) / 5**0.5], 1)
    torch.testing.assert_close(norm, expected, rtol=0, atol=1e-8)
    zero = torch.zeros(1, 9, 4, requires_grad=True)
    magnitudes(zero, 2).sum().backward()
    assert (zero.grad == 0).all()
    assert magnitudes(torch.randn(2, 1, 4), 0).shape == (2, 0)


def test_default_has_under_a_million_parameters_and_one_coefficient_a_basis_function(molecule):
    model = XANES_E3GNN(num_layers=4, lmax=2, num_basis=128)
    assert 100_000 < sum(p.numel() for p in model.parameters()) < 1_000_000
    coefficients = model(molecule)
    assert coefficients.shape == (2, 128)
    expected = coefficients @ model.spectral_basis(ENERGY).T
    torch.testing.assert_close(model.predict_spectra(molecule, ENERGY), expected)


def test_graphs_that_can_not_be_used_are_refused(molecule):
    model = network(max_z=30)
    cases = {"absorber_mask": torch.zeros(7, dtype=torch.bool), "z": torch.full((7,), 31)}
    for field, value in cases.items():
        graph = copy.copy(molecule)
        graph[field] = value
        with pytest.raises(ValueError, match=field):
            model(graph)
    for field in ("z", "pos", "edge_index", "absorber_mask"):
        graph = copy.copy(molecule)
        del graph[field]
        with pytest.raises(ValueError, match=field):
            model(graph)


def ways_of_a_graph(graphs):
    """Graphs as they reach a network: one of them, and batches of all, sent to processes, moved."""
    yield from (graphs[0], graphs[0].clone(), collate_graphs(graphs), Batch.from_data_list(graphs))
    yield pickle.loads(pickle.dumps(collate_graphs(graphs, num_layers=2))).to("cpu")


@pytest.mark.parametrize("r_max", [4.0, 5.1])
def test_graph_cut_with_another_radius_is_refused_and_with_the_same_accepted(r_max):
    """A user's graph that does not say its radius is taken; 5.1 is rounded in PyG's batches."""
    torch.set_default_dtype(torch.float32)
    atoms = Atoms("CuO", positions=[[0.0, 0, 0], [0, 0, 1.9]])
    graphs = [atoms_to_graph(atoms, [site], r_max) for site in (0, 1)]
    fitting, other = network(r_max=r_max), network(r_max=5.0)
    for data in ways_of_a_graph(graphs):
        assert torch.isfinite(fitting(data)).all()
        with pytest.raises(ValueError, match=f"`r_max` {r_max:g} .* network is 5"):
            other(data)
    mixed = [graphs[0], atoms_to_graph(atoms, [0], 5.0)]
    for model, radius in ((fitting, "5"), (other, f"{r_max:g}")):
        with pytest.raises(ValueError, match=f"`r_max` {radius} but"):
            model(collate_graphs(mixed))
    for graph in graphs:
        del graph.r_max
    for data in ways_of_a_graph(graphs):
        assert torch.isfinite(other(data)).all()


def test_target_statistics_make_the_untrained_network_predict_the_mean(molecule):
    model = network(num_basis=128)
    mean = 0.5 + torch.atan(ENERGY) / np.pi + 0.2 * torch.exp(-((ENERGY - 5) ** 2) / 10)
    model.set_target_statistics(ENERGY, mean, 0.1)
    assert (model.predict_spectra(molecule, ENERGY) - mean).abs().max() < 5e-3


def test_a_bounded_number_of_atoms_at_once_changes_nothing(crystal, molecule, monkeypatch):
    """Parts of two atoms and of one absorber, each padded to its own longest list."""
    model = network()
    whole = [model.predict_spectra(graph, ENERGY) for graph in (crystal, molecule)]
    monkeypatch.setattr("src.model.layers.ATOMS_AT_ONCE", 2)
    monkeypatch.setattr("src.model.gnn.ABSORBERS_AT_ONCE", 1)
    for graph, expected in zip((crystal, molecule), whole, strict=True):
        parts = model.predict_spectra(graph, ENERGY)
        assert (parts - expected).abs().max() < 1e-10 * expected.std()
    in_order = Neighborhood.split
    monkeypatch.setattr(Neighborhood, "split", lambda self, most: in_order(self, most)[::-1])
    wrong = model.predict_spectra(crystal, ENERGY)  # negative control: it is parts that are joined
    assert (wrong - whole[0]).abs().max() > 1e-3 * whole[0].std()

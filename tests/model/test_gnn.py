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


def test_training_mode_with_dropout_is_invariant_too(molecule):
    model = network(dropout=0.3).train()
    matrix = o3.rand_matrix()
    turned = molecule.clone()
    turned.pos = molecule.pos @ matrix.T
    spectra = []
    for graph in (molecule, turned, molecule):
        torch.manual_seed(0 if len(spectra) < 2 else 1)
        spectra.append(model.predict_spectra(graph, ENERGY))
    assert (spectra[0] - spectra[1]).abs().max() < 1e-9
    assert (spectra[0] - spectra[2]).abs().max() > 1e-3  # dropout does act


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


def test_permutation_reorders_absorbers_only(molecule):
    model = network()
    order = torch.randperm(molecule.num_nodes)
    rank = torch.argsort(order)
    permuted = molecule.clone()
    permuted.z, permuted.pos = molecule.z[order], molecule.pos[order]
    permuted.absorber_mask = molecule.absorber_mask[order]
    permuted.edge_index = rank[molecule.edge_index]
    shuffle = torch.randperm(molecule.num_edges)
    permuted.edge_index = permuted.edge_index[:, shuffle]
    permuted.edge_shift = molecule.edge_shift[shuffle]
    where = order[permuted.absorber_mask].argsort()
    a = model.predict_spectra(molecule, ENERGY)
    b = model.predict_spectra(permuted, ENERGY)[where]
    assert (a - b).abs().max() < 1e-9 * a.std()


def described_otherwise():
    """A crystal, its 2 x 1 x 2 supercell with the same absorbers, and its atoms in other cells."""
    cell = np.array([[4.1, 0.2, -0.3], [0.9, 3.8, 0.1], [-0.4, 0.7, 4.5]])
    crystal = random_crystal()
    numbers, positions = crystal.z.numpy(), crystal.pos.numpy()
    shifts = [i * cell[0] + k * cell[2] for i in range(2) for k in range(2)]
    images = np.concatenate([positions + shift for shift in shifts])
    supercell = brute_force_graph(np.tile(numbers, 4), images, [0, 2], cell * [[2], [1], [2]])
    unwrapped = positions + np.array([[0.0, 0, 0], [1, 0, -2], [0, 3, 0], [-1, 0, 0]]) @ cell
    return crystal, supercell, brute_force_graph(numbers, unwrapped, [0, 2], cell)


def test_supercell_and_unwrapped_atoms_give_the_same_spectrum():
    crystal, *others = described_otherwise()
    for other in others:
        assert deviation(network(), crystal, other) < 1e-9


def test_negative_control_a_readout_that_counts_the_cell_sees_the_supercell():
    spectra = []
    for graph in described_otherwise()[:2]:
        model = network()
        n_atoms = graph.num_nodes
        model.attention.register_forward_hook(lambda _m, _i, out, n=n_atoms: out + 1e-3 * n)
        spectra.append(model.predict_spectra(graph, ENERGY))
    assert (spectra[0] - spectra[1]).abs().max() > 1e-6


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


def through_the_cutoff(model, atom, distances):
    """Spectra while one atom is moved through the cutoff of the atom at the origin."""
    base = np.array([[0.0, 0, 0], [1.9, 0.4, 0.1], [-0.7, 1.8, 0.6], [0, 0, 0]])
    spectra = []
    for distance in distances:
        positions = base.copy()
        positions[3] = base[atom] + distance * np.array([0.36, -0.48, 0.8])
        graph = brute_force_graph(np.array([29, 8, 16, 26]), positions, [0])
        spectra.append(model.predict_spectra(graph, ENERGY)[0].detach())
    return torch.stack(spectra)


@pytest.mark.parametrize("atom", [0, 1])
def test_spectrum_and_slope_are_continuous_through_the_cutoff(atom):
    """The envelope falls with the third power of the distance to the cutoff."""
    model = network()
    step = 1e-2
    mu = through_the_cutoff(
        model, atom, [5 - 2 * step, 5 - step, 5 - 1e-9, 5 + 1e-9, 5 + step, 4.0]
    )
    scale = mu.std()
    assert (mu[2] - mu[3]).abs().max() < 1e-12 * scale
    slope_inside = (mu[2] - mu[1]).abs().max() / step
    assert slope_inside < 1e-3 * scale  # per Angstrom
    assert (mu[5] - mu[3]).abs().max() > 1e-4 * scale  # the atom does matter further in


def test_negative_control_without_envelope_the_spectrum_jumps(monkeypatch):
    monkeypatch.setattr(
        "src.model.gnn.polynomial_envelope", lambda length, r_max: (length < r_max).to(length)
    )
    mu = through_the_cutoff(network(), 0, [5 - 1e-9, 5 + 1e-9])
    assert (mu[0] - mu[1]).abs().max() > 1e-3 * mu.std()


SITES = {
    "isolated": np.zeros((1, 3)),
    "one neighbor": np.array([[0.0, 0, 0], [0, 0, 1.9]]),
    "linear": np.array([[0.0, 0, 0], [0, 0, 1.9], [0, 0, -1.9]]),
    "tetrahedral": np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]]),
    "octahedral": 2.0 * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)]),
}


@pytest.mark.parametrize("name", sorted(SITES))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_symmetric_sites_give_finite_spectra_and_gradients(name, dtype):
    positions = SITES[name]
    graph = brute_force_graph(np.array([29] + [8] * (len(positions) - 1)), positions, [0])
    model = network(num_layers=4, lmax=3).to(dtype)
    graph.pos = graph.pos.to(dtype).requires_grad_()
    mu = model.predict_spectra(graph, ENERGY)
    mu.square().sum().backward()
    assert torch.isfinite(mu).all()
    assert graph.pos.grad is None or torch.isfinite(graph.pos.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", ["linear", "tetrahedral", "octahedral"])
def test_rounding_at_symmetric_sites_is_not_amplified(name):
    """A turned site differs by rounding only; a norm of l > 0 alone would multiply it by 1000."""
    positions = SITES[name]
    numbers = np.array([29] + [8] * (len(positions) - 1))
    matrix = o3.rand_matrix().numpy()
    a, b = (brute_force_graph(numbers, p, [0]) for p in (positions, positions @ matrix.T))
    assert deviation(network(num_layers=4, lmax=3), a, b) < 1e-10


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


def test_energies_may_be_any_grid(molecule):
    """A spectrum is a function of energy: a point has the same value on every grid."""
    model = network()
    grid = torch.tensor([-10.0, -3.7, 0.0, 0.1, 12.0, 49.0])
    mu = model.predict_spectra(molecule, grid)
    alone = torch.cat([model.predict_spectra(molecule, e[None]) for e in grid], dim=1)
    assert (mu - alone).abs().max() < 1e-12
    assert (mu[:, 0] - mu[:, 3]).abs().max() > 1e-3


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

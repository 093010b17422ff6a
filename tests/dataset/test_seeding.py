"""Random numbers of data sets follow from seed, epoch and graph; displacements keep their word."""

# ruff: noqa: NPY002 - data sets may use the global generator

import random

import numpy as np
import pytest
import torch
from ase.build import bulk
from conftest import random_crystal, random_molecule

from src import XANES_E3GNN
from src.dataset.batch import GraphBatchSampler
from src.dataset.loader import make_loader
from src.dataset.seeding import SeededGraphs, displaced, seed_of, seeded
from src.runtime.distributed import Team
from src.structures.graph import atoms_to_graph


class Drawing:
    """A data set that draws with every global generator there is."""

    def __len__(self):
        return 6

    def __getitem__(self, number):
        graph = random_molecule(number, n_atoms=4)
        factor = random.random() + np.random.random() + torch.rand(()).item()
        graph.y = torch.full((int(graph.absorber_mask.sum()), 3), factor)
        return graph


def factors(workers, epochs=(0, 1), seeds_it=True):
    """What the graphs of some epochs drew, by epoch and batch."""
    data, found = Drawing(), []
    sampler = GraphBatchSampler([1] * len(data), None, 2, seed=0)
    graphs = SeededGraphs(data, seed=5)
    if not seeds_it:
        graphs = type("Plain", (), {"__getitem__": lambda _self, key: data[key[1]]})()
    loader = make_loader(graphs, sampler, Team(), num_layers=1, workers=workers)
    for epoch in epochs:
        sampler.set_epoch(epoch)
        found.append([batch.y[:, 0].tolist() for batch in loader])
        random.random(), np.random.random(), torch.rand(())  # others draw, too
    return found


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_draws_do_not_depend_on_workers_or_on_what_came_before():
    whole = factors(workers=0)
    assert factors(workers=2) == whole
    assert factors(workers=0, epochs=(1,)) == whole[1:]
    flat = [factor for epoch in whole for batch in epoch for factor in batch]
    assert len(set(flat)) == 2 * len(Drawing())  # a molecule's absorbers share theirs, no other
    assert factors(workers=0, seeds_it=False) != factors(workers=0, seeds_it=False)


def test_generators_are_afterwards_as_they_were():
    def draw():
        return random.random(), np.random.random(), torch.rand(()).item()

    for seed in (1, 2):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        wanted = draw()
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        with pytest.raises(ZeroDivisionError), seeded(-(2**63)):
            raise ZeroDivisionError(draw())
        assert draw() == wanted
    assert len({seed_of(1, 2, 3), seed_of(1, 23), seed_of(12, 3), seed_of(3, 2, 1)}) == 4


def test_coordinates_are_displaced_by_the_deviation_and_the_original_is_left():
    graphs = [random_crystal(0)] * 400
    data = SeededGraphs(graphs, seed=0, displacement=0.03)
    moves = torch.stack([data[0, number].pos - graphs[0].pos for number in range(400)])
    count = moves.numel()
    assert moves.std().item() == pytest.approx(0.03, rel=4 / (2 * count) ** 0.5)
    assert abs(moves.mean().item()) < 4 * 0.03 / count**0.5
    assert torch.equal(data[0, 7].pos, data[0, 7].pos)
    assert not torch.equal(data[0, 7].pos, data[1, 7].pos)
    assert SeededGraphs(graphs, seed=0)[0, 7] is graphs[7]


def test_a_displaced_crystal_is_the_graph_of_displaced_atoms():
    """Neighbours that cross the cutoff meanwhile count for next to nothing."""
    torch.manual_seed(0)
    atoms = bulk("CuO", "rocksalt", a=4.2, cubic=True)
    model = XANES_E3GNN(num_layers=2, lmax=1, channels=8, num_basis=12).double().eval()
    energy = torch.linspace(-10.0, 30.0, 21, dtype=torch.float64)
    at_rest = atoms_to_graph(atoms, [0, 1], model.r_max)
    at_rest.pos, at_rest.edge_shift = at_rest.pos.double(), at_rest.edge_shift.double()
    moved = displaced(at_rest, 0.05)
    atoms.positions = moved.pos.numpy()
    anew = atoms_to_graph(atoms, [0, 1], model.r_max)
    anew.pos, anew.edge_shift = anew.pos.double(), anew.edge_shift.double()
    wanted, found, rest = (model.predict_spectra(g, energy) for g in (anew, moved, at_rest))
    effect = (wanted - rest).abs().max()
    assert effect > 1e-3
    assert (found - wanted).abs().max() < 1e-2 * effect

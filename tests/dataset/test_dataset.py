"""The data set of graphs, batches and target statistics."""

import functools
import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import random_crystal, random_molecule
from paths import CALCULATIONS, CU_K

from src.dataset.batch import GraphBatchSampler, balanced_draws, collate_graphs
from src.dataset.database import Database
from src.dataset.dataset import XANESDataset
from src.dataset.split import read_ids
from src.errors import DatabaseError
from src.model.gnn import XANES_E3GNN

GRID = 8983.173 + 0.25 * np.arange(141)


def make(database, ids, extend_below=6.0):
    """A data set on the benchmark's grid."""
    return XANESDataset(Database(database), ids, r_max=5.0, grid=GRID, extend_below=extend_below)


def ids_of(data):
    """Record ids in the order of the rows, graph after graph."""
    return [record_id for graph in data for record_id in graph.record_id]


def test_sites_of_one_structure_share_a_graph(database):
    ids = read_ids(CU_K / "train.txt")
    data = make(database, ids)
    assert len(data) == len({i.rpartition("_")[0] for i in ids}) == 9
    assert sorted(ids_of(data)) == sorted(ids)
    for graph in data:
        assert graph.y.shape == (int(graph.absorber_mask.sum()), 141)
        sites = [int(i.rpartition("_")[2]) for i in graph.record_id]
        assert graph.absorber_mask.nonzero().squeeze(1).tolist() == sites
        assert (graph.z[graph.absorber_mask] == 29).all()


def test_memory_is_bounded_and_the_rest_is_made_again(database):
    ids = read_ids(CU_K / "train.txt")
    plain = list(make(database, ids))
    size = sum(value.nbytes for _, value in plain[0] if torch.is_tensor(value))
    data = XANESDataset(Database(database), ids, 5.0, GRID, 6.0, memory_bytes=2 * size)
    for _ in range(2):
        for one, other in zip(plain, data, strict=True):
            assert one.record_id == other.record_id
            assert all(torch.equal(one[key], other[key]) for key in ("pos", "edge_index", "y"))
    kept = sum(v.nbytes for g in data.graphs.values() for _, v in g if torch.is_tensor(v))
    assert 0 < kept <= 2 * size
    assert len(data.graphs) < len(plain)


def test_targets_are_the_published_definition(database):
    """The cross-section mu xsedge / a0^2 * 1000, interpolated linearly, from the files."""
    for graph in make(database, read_ids(CU_K / "val.txt")):
        for row, record_id in zip(graph.y, graph.record_id, strict=True):
            material, _, site = record_id.rpartition("_")
            path = CALCULATIONS / material / "FEFF-XANES" / f"{site}_Cu" / "xmu.dat"
            header = next(line for line in path.read_text().splitlines() if "xsedge" in line)
            table = np.loadtxt(path)
            scale = float(header.split()[-1]) / 0.529177210903**2 * 1000
            expected = np.interp(GRID, table[:, 0], table[:, 3] * scale)
            assert np.abs(row.numpy() - expected).max() < 1e-6  # float32 of values near 1
        assert graph.y_mask.all()


def test_energies_that_were_not_calculated_are_masked(database):
    (graph,) = make(database, ["mp-4886_001"], extend_below=0.0)
    energy = np.loadtxt(CALCULATIONS / "mp-4886/FEFF-XANES/001_Cu/xmu.dat")[:, 0]
    assert graph.y_mask[0].tolist() == (energy[0] <= GRID).tolist()
    assert not graph.y_mask.all()


def test_order_depends_on_the_ids_alone_and_an_unknown_one_is_named(database):
    ids = read_ids(CU_K / "train.txt")
    assert ids_of(make(database, ids)) == ids_of(make(database, ids[::-1]))
    with pytest.raises(DatabaseError, match="mp-0_000"):
        make(database, ["mp-0_000"])


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_give_what_the_main_process_gives(database, method):
    ids = read_ids(CU_K / "train.txt")
    data = make(database, ids)
    loader = torch.utils.data.DataLoader(
        data, batch_size=2, collate_fn=collate_graphs, num_workers=2, multiprocessing_context=method
    )
    there = torch.cat([batch.y for batch in loader])
    assert torch.equal(there, torch.cat([graph.y for graph in make(database, ids)]))


def test_molecules_and_crystals_join_in_one_batch():
    molecule, crystal = random_molecule(), random_crystal()
    del molecule.edge_shift
    molecule.y, crystal.y = torch.zeros(2, 5), torch.ones(2, 5)
    crystal.y_mask = torch.zeros(2, 5, dtype=torch.bool)
    batch = collate_graphs([molecule, crystal])
    assert batch.y.shape == (4, 5)
    assert batch.y_mask.tolist() == [[True] * 5] * 2 + [[False] * 5] * 2
    assert (batch.edge_shift[: molecule.num_edges] == 0).all()
    assert torch.equal(batch.edge_shift[molecule.num_edges :], crystal.edge_shift)


def test_lists_padded_while_loading_are_those_of_the_forward(database):
    data = make(database, read_ids(CU_K / "val.txt"))
    model = XANES_E3GNN(num_layers=2, channels=8)
    torch.nn.init.normal_(model.readout[-1].weight)
    collate = functools.partial(collate_graphs, num_layers=2)
    (planned,) = torch.utils.data.DataLoader(
        data, batch_size=len(data), collate_fn=collate, num_workers=1
    )
    plain = collate_graphs(list(data))
    assert "plan" not in plain
    with torch.no_grad():
        assert torch.equal(model(planned), model(plain))
        layers = list(planned.plan.layers)
        layers[1] = layers[1]._replace(sources=layers[1].sources.roll(1, 0))
        planned.plan = planned.plan._replace(layers=layers)
        assert not torch.equal(model(planned), model(plain))  # negative control: it is used
        other = XANES_E3GNN(num_layers=1, channels=8)
        assert torch.equal(other(planned), other(plain))  # a plan for 2 layers is not


def test_batches_keep_to_the_budget_and_hold_every_graph_once():
    rng = np.random.default_rng(0)
    edges = rng.integers(1, 900, 200).tolist()
    edges[7] = 5000
    sampler = GraphBatchSampler(edges, max_edges=2000, batch_size=12, seed=3)
    batches = list(sampler)
    assert sorted(k for batch in batches for k in batch) == list(range(200))
    assert len(batches) == sampler.count()
    for batch in batches:
        assert len(batch) <= 12
        assert sum(edges[k] for k in batch) <= 2000 or batch == [7]


@pytest.mark.parametrize(("exponent", "of_rare"), [(0.0, 1), (0.5, 3), (0.99, 9)])
def test_graphs_of_rare_kinds_are_drawn_more_often(exponent, of_rare):
    draws = balanced_draws(["frequent"] * 9 + ["rare"], exponent)
    sampler = GraphBatchSampler([10] * 10, 40, None, seed=0, draws=draws)
    drawn = Counter(itertools.chain(*sampler))
    assert drawn == dict.fromkeys(range(9), 1) | {9: of_rare}


def test_order_of_batches_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        sampler = GraphBatchSampler([10] * 50, 100, None, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    sampler = GraphBatchSampler([10] * 50, 100, None, seed=0)
    sampler.set_epoch(3, first=2)  # a training that is resumed
    assert (list(sampler), sampler.count()) == (order(0, 3)[2:], 5)
    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)
    assert order(None, 3) == [list(range(k, k + 10)) for k in range(0, 50, 10)]

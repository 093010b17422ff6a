"""One network for several edges: each absorber's own table, and the network of one edge in it."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from src.dataset.batch import collate_graphs
from src.errors import ConfigError
from src.model.multi_edge import MultiEdgeNetwork
from src.structures.graph import structure_graph

pytestmark = pytest.mark.usefixtures("float64")
GRID = torch.linspace(-10, 50, 61, dtype=torch.float64)


@pytest.fixture
def network():
    torch.manual_seed(1)
    model = MultiEdgeNetwork(
        edges=["K", "L3"], codes=["one", "other"], num_layers=2, channels=8, num_heads=2
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
        model.coefficient_mean.normal_()
        model.coefficient_scale.uniform_(0.5, 2.0)
    return model.eval()


def graph_of(symbol, core_level, code, seed=0):
    atoms = bulk(symbol, "fcc", a=4.0, cubic=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.1, atoms.positions.shape)
    atoms.numbers[1] = 8
    graph = structure_graph(atoms, [0, 2], 5.0, 100, torch.float64)
    graph.core_level, graph.code = torch.full((2,), core_level), torch.full((2,), code)
    return graph


def test_a_network_of_one_edge_gives_the_same_spectra_in_the_unit_of_the_records(network):
    parts = [(graph_of("Cu", 0, 1), 29, "K", "other"), (graph_of("Au", 1, 0), 79, "L3", "one")]
    with torch.no_grad():
        together = network.predict_spectra(collate_graphs([part[0] for part in parts], 2), GRID)
        for number, (graph, z, edge, code) in enumerate(parts):
            own = together[2 * number : 2 * number + 2]
            alone = network.specialize(z, edge, code, constant=0.9)
            assert type(alone) is not MultiEdgeNetwork
            torch.testing.assert_close(alone.predict_spectra(graph, GRID), 0.9 * own)
            # another edge, code or element is another spectrum
            wrong = {"K": "L3", "L3": "K", "one": "other", "other": "one"}
            for other in ((z, wrong[edge], code), (z, edge, wrong[code]), (30, edge, code)):
                changed = network.specialize(*other, constant=0.9).predict_spectra(graph, GRID)
                assert float((changed - 0.9 * own).abs().max()) > 1e-3


def test_unknown_edges_and_codes_are_refused(network):
    with pytest.raises(ConfigError, match="M5.*K, L3"):
        network.specialize(29, "M5", "one", 1.0)
    with pytest.raises(ConfigError, match="FDMNES.*one, other"):
        network.specialize(29, "K", "FDMNES", 1.0)


def test_the_table_is_the_spectrum_of_an_untrained_network():
    model = MultiEdgeNetwork(
        edges=["K", "L3"], codes=["one"], num_layers=1, channels=8, num_heads=2
    )
    mean = torch.linspace(0.1, 1.0, 202).view(2, 101, 1) * torch.exp(-(((GRID - 10) / 8) ** 2))
    model.set_table(GRID, mean, torch.full((2, 101), 0.1))
    graph = graph_of("Au", 1, 0)
    with torch.no_grad():
        found = model.eval().predict_spectra(graph, GRID)
    assert float((found - mean[1, 79]).abs().max()) < 1e-3
    assert float((found - mean[0, 79]).abs().max()) > 1e-2

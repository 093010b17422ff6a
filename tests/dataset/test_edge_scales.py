"""A training on several elements: scales, mean spectra, graphs in units of the edge step."""

import numpy as np
import pytest
import torch
from command import run
from records import record
from several import SMALL, UNIT, write_several

from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.dataset.dataset import XANESDataset
from src.dataset.edge_scales import Scales, mean_spectra
from src.errors import ConfigError, DatabaseError
from src.evaluation.evaluate import evaluate
from src.xas.edges import find_edge

GRID = np.arange(-10.0, 25.1, 0.25)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_several(tmp_path_factory.mktemp("several") / "several.db")


def test_graphs_are_in_units_of_the_edge_step_on_one_axis(path):
    database = Database(path)
    scales = Scales.measure(database, database.ids)
    assert [scale.name for scale in scales.scales] == ["Ti K", "Mn K", "Cu K"]
    for scale in scales.scales:
        assert scale.edge_step == pytest.approx(UNIT[scale.element], rel=0.05)
    graphs = XANESDataset(database, database.ids, 5.0, GRID, 6.0, scales=scales)
    mean = {z: [] for z in (22, 25, 29)}
    for graph in graphs:
        mean[int(graph.z[graph.absorber_mask][0])].append(graph.y.mean(0))
        assert bool((graph.core_level == 0).all())
    titanium, copper = (torch.stack(mean[z]).mean(0) for z in (22, 29))
    assert float((titanium - copper)[-20:].abs().max()) < 0.05  # the tails agree, not the peaks
    assert float((copper - titanium).max()) > 0.5


def test_elements_with_spectra_keep_their_mean_and_others_get_that_of_neighbors():
    class Statistics:
        by_edge = {
            (0, 22): (torch.tensor([50.0, 50.0, 0.0, 0.0]).double(), torch.tensor([1.0, 2, 0, 0])),
            (0, 24): (torch.tensor([50.0, 50.0, 50.0, 0.0]).double(), torch.tensor([1.0, 4, 6, 0])),
        }

    mean = mean_spectra(Statistics, 1, 30, 4)[0]
    assert mean[23].tolist() == pytest.approx([1.0, 3.0, 6.0, 6.0])  # V: between Ti and Cr
    assert mean[22].tolist() == pytest.approx([1.0, 2.0, 6.0, 6.0], abs=0.15)  # few words of Cr
    assert mean[24, 1] == pytest.approx(4.0, abs=0.15)


def test_a_model_of_two_elements_predicts_each_in_its_unit_at_its_energies(path, tmp_path):
    assert run("train", path, "-o", tmp_path / "both", *SMALL) == 0
    model = TrainedModel.load(tmp_path / "both")
    assert model.info.spectra == "3 edges of 3 elements"
    database = Database(path)
    for element in ("Cu", "Ti"):
        one = model.of(element)
        ids = [i for i in database.ids if database.entry(i).element == element]
        assert (one.info.element, one.info.edge) == (element, "K")
        assert evaluate(one, database, ids).result.mean_mse < 0.01 * UNIT[element] ** 2
    between = model.of("Fe").info  # never seen: an energy and a size between those of the others
    assert 5.0 < between.reference_energy - find_edge("Fe", "K").energy < 15.0
    step = np.mean(between.mean_spectrum[-20:])
    assert UNIT["Cu"] < step < UNIT["Ti"]
    with pytest.raises(ConfigError, match="L3"):
        model.of("Cu", "L3")


def test_records_that_no_scale_fits_are_refused(path):
    database = Database(path)
    scales = Scales.measure(database, database.ids)
    with pytest.raises(DatabaseError, match=r"mp-1_000: edge is L3.*K"):
        scales.of(record(edge="L3"), 1)
    with pytest.raises(DatabaseError, match=r"mp-1_000: code is FDMNES.*FEFF 9.9.1"):
        scales.of(record(code="FDMNES", version=""), 1)

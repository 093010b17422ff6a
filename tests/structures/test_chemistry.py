"""Ranges by hand; what the shipped model was never trained on is flagged, with the reason."""

import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, surface
from ase.io import read

from src import XANESPredictor
from src.checkpoints.trained_model import TrainedModel
from src.errors import PredictionError
from src.prediction.site_prediction import predict_each
from src.structures.chemistry import RARE, Survey, usual_range
from src.structures.environments import environments
from src.structures.graph import structure_graph

ROOT = Path(__file__).parents[2]
OXIDE = read(ROOT / "docs" / "examples" / "copper" / "CuO.vasp")
CALCULATED = ROOT / "research" / "calculated" / "cu_oxygen_free.extxyz.xz"
EXPANDED = Atoms(OXIDE)
EXPANDED.set_cell(1.15 * OXIDE.cell.array, scale_atoms=True)
CLUSTER = Atoms("CuO6", 2.0 * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)]))


def test_a_range_leaves_out_what_few_materials_have():
    values = [(f"m{k}", float(k)) for k in range(400)] + [("m0", 500.0), ("m9", -7.123)]
    # 2 of 400 materials on either side, each material by its own least and greatest value
    assert int(RARE * 400) == 2
    assert usual_range(values) == [-7.13, 1.0, 398.0, 500.0]
    # of few materials none is left out, and the ends are 5 % farther
    assert usual_range([("a", 0.123), ("a", 0.456)]) == [0.12, 0.11, 0.48, 0.46]


def graphs():
    """Rocksalt with several constants; the last one has fluorine, too."""
    for a in np.linspace(4.01, 4.41, 9):
        yield structure_graph(bulk("CuO", "rocksalt", a=a) * (1, 1, 2), [0, 2], 5.0, 100)
    yield structure_graph(Atoms("CuOF", [[0, 0, 0], [2, 0, 0], [0, 2.2, 0]]), [0], 5.0, 100)


def test_a_survey_counts_materials_and_sites():
    survey = Survey()
    for k, graph in enumerate(graphs()):
        graph.record_id = [f"m{k // 2}_000"]
        survey.add(graph)
    found = survey.summary(5.0)
    assert (found.materials, found.sites) == (5, 19)
    assert found.elements == {"Cu": 5, "O": 5, "F": 1}
    assert found.nearest_sites == {"O": 19}
    assert found.coordination == {"2": 1, "6": 18}
    assert found.distances == {"Cu-O": [2.0, 1.9, 2.32, 2.21]}
    assert not found.rare  # of five materials
    assert found.neighbors[0] == 2
    text = "\n".join(found.describe())
    assert "19 sites of 5 materials, 3 elements" in text
    assert "every training material contains Cu, O\n" in text


@pytest.fixture(scope="module")
def shipped():
    """The model that ships, trained mostly on oxides."""
    return TrainedModel.load("cu-k-feff")


@pytest.mark.parametrize(
    ("atoms", "word"),
    [
        (Atoms("CuH", [[0, 0, 0], [1.46, 0, 0]]), "1 neighbor within 5 Angstrom"),
        (CLUSTER, "6 neighbors within 5 Angstrom"),
        (bulk("Cu", a=1.3 * 3.61), "nearest Cu at 3.32 Angstrom"),
        (fcc111("Cu", (1, 1, 5), a=3.61, vacuum=8), "asymmetry 0.36"),
        (surface(OXIDE, (0, 1, 0), 2, vacuum=8, periodic=True), "asymmetry 0.38"),
        (bulk("CuZn", "cesiumchloride", a=2.95), "Zn is a nearest neighbor, as in"),
        (EXPANDED, "nearest O at 2.24 Angstrom"),
        (bulk("CuPo", "rocksalt", a=5.0), "Po among its neighbors, absent from the training set"),
    ],
    ids=["Cu-H", "CuO6", "expanded Cu", "Cu slab", "CuO slab", "CuZn", "expanded CuO", "CuPo"],
)
def test_what_was_never_trained_on_is_flagged_with_its_reason(shipped, atoms, word, caplog):
    (found,) = predict_each(shipped, [("it", atoms)])
    reasons = [reason for site in found for reason in site.reasons]
    assert any(word in reason for reason in reasons), reasons
    assert any(site.novel for site in found)


def test_negative_control_oxides_are_not_flagged(shipped):
    found = predict_each(shipped, [("CuO", OXIDE)])
    assert not any(site.novel for sites in found for site in sites)


def test_oxygen_free_sites_are_flagged_more_where_they_were_held_back(shipped):
    """By their environments alone; the others' are in the survey of the training set."""
    with lzma.open(CALCULATED, "rt") as file:
        frames = read(file, ":", format="extxyz")
    sites = [
        environments(structure_graph(atoms, [int(atoms.info["absorber"])], 5.0, 100))[0]
        for atoms in frames
    ]
    flagged = np.array([len(shipped.info.chemistry.departures(site)) > 0 for site in sites])
    names = [f"{one.info['material']}_{int(one.info['site']):03d}" for one in frames]
    trained = np.isin(names, shipped.info.train_ids)
    assert trained.sum() > 80
    assert flagged[~trained].mean() > 1.5 * flagged[trained].mean() > 0.1


def test_an_absorber_without_neighbors_is_refused_everywhere():
    predictor = XANESPredictor("cu-k-feff")
    apart = Atoms("CuOCu", [[0, 0, 0], [1.9, 0, 0], [9, 0, 0]])
    with pytest.raises(PredictionError, match="Cu site 2 has no neighbor within 5 Angstrom"):
        predictor(apart)
    good, bad, last = predictor.each([("a", OXIDE), ("b", Atoms("Cu")), ("c", OXIDE)])
    assert isinstance(bad, PredictionError)
    assert str(bad).startswith("b: Cu site 0 has no neighbor")
    assert len(good) == len(last) > 0
    assert len(predictor(apart, sites=[0])) == 1


def test_the_shipped_file_says_what_it_was_trained_on(shipped):
    info, known = shipped.info, shipped.info.chemistry
    assert (known.materials, known.sites) == (1334, len(info.train_ids))
    assert known.elements["Cu"] == known.materials
    assert 0.9 * known.sites < known.nearest_sites["O"] < 0.97 * known.sites
    assert all(len(limits) == 4 for limits in known.distances.values())
    assert len(info.data_digest) == 64
    assert "train" in info.command
    assert torch.tensor(known.neighbors).diff().min() >= 0

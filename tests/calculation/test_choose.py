"""The choice of sites that teach most."""

from itertools import combinations

import numpy as np
import pytest
from ase.build import bulk
from command import run
from paths import CALCULATIONS

from src.calculation.choose import choose_novel, farthest_points
from src.calculation.plan import Structure, find_structures, make_plan
from src.checkpoints.trained_model import TrainedModel
from src.errors import CheckpointError
from src.prediction.inference import predict_sites


def test_farthest_points_of_a_line():
    """By hand: known at 0; then 10, then the middle, then the quarters."""
    points = np.array([[1.0], [5.0], [10.0], [2.6], [7.7]])
    assert farthest_points(points, np.array([[0.0]]), 4) == [2, 1, 3, 4]
    assert farthest_points(points, np.zeros((0, 1)), 1) == [2]  # farthest from the mean, 5.26
    assert len(farthest_points(points, np.array([[0.0]]), 9)) == 5


def test_cover_is_within_twice_the_best():
    """Gonzalez's bound, against the best three centers of all, by trying every set."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(14, 2))

    def reach(chosen):
        distance = np.linalg.norm(points[:, None] - points[list(chosen)][None], axis=2)
        return distance.min(axis=1).max()

    best = min(reach(chosen) for chosen in combinations(range(14), 3))
    first = farthest_points(points, np.zeros((0, 2)), 1)
    others = farthest_points(points, points[first], 2)
    assert reach([*first, *others]) <= 2 * best


def test_first_choice_is_the_site_that_predict_finds_most_novel():
    known = [CALCULATIONS / name / "POSCAR" for name in ("mp-1692", "mp-4886", "mp-9158")]
    structures = list(find_structures(known))
    structures.append(Structure("cuzn", bulk("CuZn", "cesiumchloride", a=2.95)))
    sites = make_plan(structures, "Cu", None).sites
    model = TrainedModel.load("cu-k-feff")
    graphs = [model.graph(s.atoms, [s.site]) for s in sites]
    distance = predict_sites(model, graphs, np.zeros(1)).bands.distance
    chosen = choose_novel("cu-k-feff", sites, len(sites))
    assert chosen[0].id == sites[int(np.argmax(distance))].id
    assert sorted(site.id for site in chosen) == sorted(site.id for site in sites)


def test_command_calculates_the_chosen_ones(tmp_path):
    structures = [CALCULATIONS / name / "POSCAR" for name in ("mp-1692", "mp-4886")]
    sites = make_plan(find_structures(structures), "Cu", None).sites
    (first,) = choose_novel("cu-k-feff", sites, 1)
    out = tmp_path / "runs"
    words = ["calculate", *structures, "--element", "Cu", "-o", out, "--write-only"]
    assert run(*words, "--choose-by", "cu-k-feff", "--limit", 1) == 0
    (written,) = out.rglob("feff.inp")
    assert written.parent == out / first.material / "FEFF-XANES" / f"{first.site:03d}_Cu"


def test_model_without_a_measure_is_refused():
    sites = make_plan(find_structures([CALCULATIONS / "mp-1692" / "POSCAR"]), "Cu", None).sites
    with pytest.raises(CheckpointError, match="calibrated"):
        choose_novel("chemistry", sites, 1)

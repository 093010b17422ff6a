"""Errors grouped by environment, and tables of them."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from ase import Atoms

from src.evaluation.evaluate import Comparison
from src.evaluation.metrics import evaluate_spectra
from src.evaluation.table import write_table
from src.prediction.inference import row_environments
from src.prediction.structure_prediction import Labels
from src.structures.environments import Environment
from src.structures.graph import atoms_to_graph
from src.xas.energies import EnergyAxis
from src.xas.features import feature_errors, find_features


def environment(coordination, **distances):
    """An environment of copper."""
    return Environment("Cu", 40, coordination, distances, 2.0, 0.0)


AROUND = [environment(4, O=1.9, Cu=2.9), environment(6, O=2.0), environment(4, S=2.3)]


def test_a_mean_over_sites_has_the_environments_of_them_all():
    atoms = Atoms("CuOCuSS", [[0, 0, 0], [1.9, 0, 0], [20, 0, 0], [22.2, 0, 0], [17.8, 0, 0]])
    graph = atoms_to_graph(atoms, [0, 2], r_max=5.0)
    assert [[site.coordination for site in row] for row in row_environments(graph)] == [[1], [2]]
    graph.row_of_site = torch.zeros(2, dtype=torch.long)
    assert [[*site.elements] for row in row_environments(graph) for site in row] == [["O"], ["S"]]
    graph.row_of_site = torch.tensor([1, 0])
    assert [[*site.elements] for row in row_environments(graph) for site in row] == [["S"], ["O"]]


def test_tables_contain_the_same_figures(tmp_path):
    energy = np.linspace(0.0, 10.0, 21)
    target = np.stack([np.tanh(energy - c) for c in (4.0, 5.0, 6.0)]) + 1
    prediction, mask = target + np.array([[1.0], [2.0], [0.0]]), np.ones((3, 21), dtype=bool)
    prediction[2] = 1.0  # without an edge
    result = evaluate_spectra(["a", "b", "c"], prediction, target, mask, target[0])
    errors = feature_errors(*(find_features(energy, mu, mask) for mu in (prediction, target)))
    formulas, figures = ["CuO", "Cu2O", "CuS"], (prediction, target, mask, None, result, errors)
    compared = Comparison(
        EnergyAxis(energy),
        Labels("Energy of FEFF (eV)", unit="1e-3 a0^2"),
        *figures,
        AROUND,
        formulas,
    )
    mse = result.mse
    groups = [(g.name, g.sites, g.mse) for g in compared.elements]
    assert groups == [("O", 2, pytest.approx(2.5)), ("Cu", 1, 1.0), ("S", 1, mse[2])]
    groups = [(g.name, g.sites, g.mse) for g in compared.coordination]
    assert groups == [("4", 2, (mse[0] + mse[2]) / 2), ("6", 1, mse[1])]
    compared.plot(tmp_path / "x.svg")
    assert "Energy of FEFF (eV)" in "".join((tmp_path / "x.svg").read_text().split("<!--"))
    for name in ("x.json", "x.csv"):
        write_table(tmp_path / name, compared)
    stored = json.loads((tmp_path / "x.json").read_text())
    assert stored["by_site"]["c"]["e0_error"] is None
    assert stored["features"]["e0"]["sites"] == 2
    assert stored["by_element"]["S"] == {"sites": 1, "mse": pytest.approx(result.mse[2])}
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    value = {(row["kind"], row["name"]): float(row["value"] or "nan") for row in rows}
    assert value["element", "S"] == stored["by_element"]["S"]["mse"]
    assert value["figure", "mse"] == stored["mse"] == result.mean_mse
    assert [value["site", name] for name in "abc"] == result.mse.tolist()
    assert len(stored["r2"]) == sum(row["kind"] == "r2" for row in rows) == 21
    assert math.isfinite(value["e0 mean_absolute", ""])

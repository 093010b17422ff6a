"""Predicted spectra as records."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from research import self_labels
from src import XANESPredictor
from src.dataset.database import Database, write_records
from src.dataset.record import Record


def crystal(a):
    """Titanium monoxide."""
    return bulk("TiO", "rocksalt", a=a, cubic=True)


@pytest.fixture
def structures(tmp_path):
    frames = []
    for name, a in (("mp-1", 4.2), ("mp-2", 4.4)):
        atoms = crystal(a)
        atoms.info = {"material": name, "element": "Ti", "sites": "0"}
        frames.append(atoms)
    write(tmp_path / "omnixas_train.extxyz", frames)
    return tmp_path


def test_materials_of_the_database_are_left_out(structures):
    file = "omnixas_train.extxyz"
    assert {site.material for site in self_labels.sites(structures / file, set())} == {
        "mp-1",
        "mp-2",
    }
    assert [site.id for site in self_labels.sites(structures / file, {"mp-1"})] == ["mp-2_000"]


def test_records_are_what_the_model_predicts(structures, tmp_path, monkeypatch):
    energy = np.arange(4960.0, 5000.0, 0.25)
    known = Record("mp-1_000", "mp-1", crystal(4.2), 0, "Ti", "K", energy, np.ones_like(energy),
                   "absolute", "FEFF", "9.9.1", "a test")  # fmt: skip
    path, ids = tmp_path / "ti.db", tmp_path / "predicted.txt"
    write_records(path, [known])
    words = ["any-edge", path, "--structures", structures / "omnixas_train.extxyz", "-o", ids]
    monkeypatch.setattr(sys, "argv", ["self_labels.py", *map(str, words)])
    self_labels.main()
    assert ids.read_text().split() == ["mp-2_000"]
    record = Database(path).record("mp-2_000")
    expected = XANESPredictor("any-edge:Ti")(crystal(4.4), [0])[0]
    assert record.source == "predicted by any-edge"
    np.testing.assert_allclose(record.mu, expected.mu, rtol=1e-6)
    np.testing.assert_allclose(record.energy, expected.energy)

"""A prediction as a widget of chemiscope, where that is installed."""

import json
import sys

import numpy as np
import pytest
from ase.io import read
from paths import ROOT

from src import XANESPredictor
from src.errors import ConfigError, StructureError
from src.prediction.structure_prediction import StructurePrediction

COPPER = ROOT / "docs" / "examples" / "copper"


@pytest.fixture(scope="module")
def predicted():
    return XANESPredictor("cu-k-feff")(COPPER / "CuO.vasp")


def test_a_prediction_keeps_the_structure_as_it_was_predicted():
    atoms = read(COPPER / "CuO.vasp")
    positions = atoms.positions.copy()
    predicted = XANESPredictor("cu-k-feff")(atoms)
    atoms.positions += 1.0
    np.testing.assert_array_equal(predicted.atoms.positions, positions)
    assert predicted.atoms.pbc.all()


def test_without_chemiscope_or_structure_the_error_says_what_is_missing(predicted, monkeypatch):
    with pytest.raises(StructureError, match="needs a structure"):
        StructurePrediction(predicted).view()
    monkeypatch.setitem(sys.modules, "chemiscope", None)
    with pytest.raises(ConfigError, match=r"pip install 'e3gnn-xanes\[chemiscope\]'"):
        predicted.view()


def test_the_widget_has_structure_and_spectrum_of_every_absorber(predicted, tmp_path):
    chemiscope = pytest.importorskip("chemiscope")
    with pytest.warns(UserWarning, match="notebook"):
        widget = predicted.view()
    assert isinstance(widget, chemiscope.widget.ChemiscopeWidget)
    widget.save(str(tmp_path / "CuO.json"))
    data = json.loads((tmp_path / "CuO.json").read_text())
    (structure,) = data["structures"]
    atoms = read(COPPER / "CuO.vasp")
    np.testing.assert_allclose(structure["x"], atoms.positions[:, 0])
    centers = [one["center"] for one in data["environments"]]
    assert centers == [k for k, symbol in enumerate(atoms.symbols) if symbol == "Cu"]
    spectra = {atom: site.mu for site in predicted for atom in site.equivalent}
    np.testing.assert_allclose(data["properties"]["mu"]["values"], [spectra[k] for k in centers])
    np.testing.assert_allclose(data["parameters"]["energy"]["values"], predicted.energy)

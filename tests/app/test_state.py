"""The state of the page, without a browser."""

import numpy as np
import pytest
from paths import ROOT

from src.app.crystal import POINTS, crystal_figure, draw
from src.app.figures import spectrum_figure
from src.app.state import MEAN, State, predict
from src.errors import StructureError
from src.predictor import predict as predict_file

COPPER = ROOT / "docs" / "examples" / "copper"


@pytest.fixture(scope="module")
def sulfide():
    """CuS, whose two distinct sites are novel to a model of oxides, predicted."""
    state = State()
    state.add(COPPER / "CuS.vasp")
    state.result = predict(state.request())
    return state


def test_spectra_are_those_of_the_command(sulfide):
    expected = predict_file(COPPER / "CuS.vasp", "cu-k-feff")
    assert [one.site for one in expected] == sulfide.result.sites
    for one, other in zip(expected, sulfide.result.spectra[0], strict=True):
        assert one.mu == pytest.approx(other.mu, abs=1e-12)


def test_site_is_chosen_by_any_of_its_atoms_and_by_steps(sulfide):
    first, second = sulfide.result.spectra[0]
    sulfide.choose(second.equivalent[-1])
    assert sulfide.site == second.site
    sulfide.choose(0)  # sulfur
    assert sulfide.site == second.site
    sulfide.choose(MEAN)
    reached = [sulfide.step(1) or sulfide.site for _ in range(4)]
    assert reached == [first.site, second.site, second.site, second.site]
    sulfide.choose(MEAN)


def test_figures_show_the_numbers_of_the_prediction(sulfide):
    sites = sulfide.result.spectra[0]
    curves = {one.get("name"): one for one in spectrum_figure(sulfide)["data"]}
    assert curves["mean of 6 sites"]["y"] == pytest.approx(sites.mean, abs=1e-5)
    sulfide.derivative = True
    curves = {one.get("name"): one for one in spectrum_figure(sulfide)["data"]}
    sulfide.derivative = False
    slope = np.diff(sites.mean)[:-1] + np.diff(sites.mean)[1:]
    assert curves["mean of 6 sites"]["y"][1:-1] == pytest.approx(slope / 0.5, abs=1e-5)


def test_clicked_point_is_an_atom_of_its_trace(sulfide):
    atoms, result = sulfide.structure.atoms, sulfide.result
    drawing = draw(atoms, result)
    data = crystal_figure(atoms, result, MEAN, drawing)["data"]
    for trace, (group, one) in enumerate(zip(drawing.groups, data, strict=False)):
        for k in range(len(group)):
            atom = drawing.atom({"curveNumber": trace, "pointNumber": k * POINTS + 5})
            center = [one[axis][k * POINTS : (k + 1) * POINTS].mean() for axis in "xyz"]
            image = (center - atoms.positions[atom]) @ np.linalg.inv(atoms.cell.array)
            assert image == pytest.approx(image.round(), abs=0.01)
    assert drawing.atom({"curveNumber": len(drawing.groups), "pointNumber": 0}) is None


def test_structure_without_a_known_absorber_is_refused():
    state = State(models=["cu-k-feff"])
    state.add(ROOT / "tests" / "data" / "gan" / "GaN-wurtzite.cif")
    with pytest.raises(StructureError, match="absorber"):
        state.request()

"""The state of the page, without a browser."""

import numpy as np
import pytest
from paths import ROOT

from src.app.crystal import POINTS, crystal_figure, draw_structure
from src.app.figures import spectrum_figure
from src.app.state import MEAN, State, predict_both
from src.errors import StructureError
from src.predictor import predict as predict_file

COPPER = ROOT / "docs" / "examples" / "copper"


@pytest.fixture(scope="module")
def sulfide():
    """CuS, which has two distinct sites, predicted."""
    state = State()
    state.add(COPPER / "CuS.vasp")
    state.accept(*predict_both(state.request(), None))
    return state


def test_spectra_are_those_of_the_command(sulfide):
    expected = predict_file(COPPER / "CuS.vasp", "cu-k-feff")
    assert len(expected) == 2
    for one, other in zip(expected, sulfide.result.sites, strict=True):
        assert one.equivalent == other.equivalent
        assert one.mu == pytest.approx(other.mu, abs=1e-12)


def test_site_is_chosen_by_any_of_its_atoms_and_by_steps(sulfide):
    first, second = sulfide.result.sites
    sulfide.choose(second.equivalent[-1])
    assert sulfide.site == second.site
    sulfide.choose(0)  # sulfur
    assert sulfide.site == second.site
    sulfide.choose(MEAN)
    reached = [sulfide.step(1) or sulfide.site for _ in range(3)]
    assert reached == [first.site, second.site, second.site]
    sulfide.choose(MEAN)


def test_figures_show_the_numbers_of_the_prediction(sulfide):
    sites = sulfide.result.sites
    curves = {one.get("name"): one for one in spectrum_figure(sulfide)["data"]}
    assert curves["mean of 6 sites"]["y"] == pytest.approx(sites.mean, abs=1e-5)
    sulfide.derivative = True
    curves = {one.get("name"): one for one in spectrum_figure(sulfide)["data"]}
    sulfide.derivative = False
    slope = np.diff(sites.mean)[:-1] + np.diff(sites.mean)[1:]
    assert curves["mean of 6 sites"]["y"][1:-1] == pytest.approx(slope / 0.5, abs=1e-5)


def test_clicked_point_is_an_atom_of_its_trace(sulfide):
    atoms = sulfide.structure.atoms
    drawing = draw_structure(atoms, len(atoms), sulfide.table)
    data = crystal_figure(drawing)["data"]
    for trace, group in enumerate(drawing.groups):
        for k in range(len(group.members)):
            atom = drawing.atom({"curveNumber": trace, "pointNumber": k * POINTS + 5})
            around = [data[trace][axis][k * POINTS : (k + 1) * POINTS] for axis in "xyz"]
            image = (np.mean(around, axis=1) - atoms.positions[atom]) @ np.linalg.inv(atoms.cell)
            assert image == pytest.approx(image.round(), abs=0.01)
    assert sum(len(group.members) for group in drawing.groups) == len(drawing.atoms) > len(atoms)
    assert drawing.atom({"curveNumber": len(drawing.groups), "pointNumber": 0}) is None


def test_structure_without_a_known_absorber_is_refused():
    state = State(models=["cu-k-feff"])
    state.add(ROOT / "tests" / "data" / "gan" / "GaN-wurtzite.cif")
    with pytest.raises(StructureError, match="absorber"):
        state.request()


def test_absorbers_with_few_spectra_come_last_and_are_flagged():
    state = State(models=["any-edge"])
    state.add(COPPER / "CuFeS2.vasp")
    assert state.edges()[0] == ("Cu", "K")
    assert set(state.edges()[1:]) == {("Fe", "K"), ("S", "K")}
    assert not any("training spectra" in text for text in reasons(state))
    state.edge = "Fe", "K"
    assert all("training spectra" in text for text in reasons(state))


def reasons(state):
    """Why each site of a structure is novel."""
    return ["; ".join(one.reasons) for one in predict_both(state.request())[0].sites]

"""A measured scan on the page, without a browser: the same numbers as `compare` and `fit`."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
from command import run
from paths import EXPERIMENT, ROOT

from src.app import scan
from src.app.export import command_lines, save_file
from src.app.figures import lines_of, spectrum_figure
from src.app.state import Scan, State, predict
from src.comparison.candidates import predict_named
from src.errors import ConfigError, RecordError
from src.xas.columns import read_columns

COPPER = [ROOT / "docs" / "examples" / "copper" / f"{name}.vasp" for name in ("Cu", "CuO")]
FOIL = Scan(EXPERIMENT / "cu_metal_rt.xdi")


@pytest.fixture(scope="module")
def state():
    """Copper, shown, and CuO."""
    state = State(models=["cu-k-feff"])
    for path in reversed(COPPER):
        state.add(path)
    state.result = predict(state.request())
    return state


@pytest.fixture(scope="module")
def comparison(state):
    return scan.read(FOIL, state.request())


@pytest.fixture(scope="module")
def candidates(state, comparison):
    return predict_named(comparison.model, [(one.name, one.atoms) for one in state.structures])


def knobs_of(fit):
    return {name: getattr(fit, name) for name in scan.KNOBS}


def test_r_factor_and_ranking_are_those_of_compare(comparison, candidates, tmp_path):
    out = tmp_path / "foil.json"
    assert run("compare", FOIL.path, *COPPER, "--model", "cu-k-feff", "-o", out) == 0
    compared = {one["name"]: one for one in json.loads(out.read_text())["candidates"]}
    assert [fit.name for fit in comparison.rank(candidates).fits] == list(compared)
    for one in candidates:
        expected, knobs = compared[one.name], knobs_of(comparison.rank([one]).fits[0])
        for name, value in knobs.items():
            assert value == pytest.approx(expected[name], abs=1e-6)
        fitted = comparison.r_factor(one, **knobs)
        assert fitted == pytest.approx(expected["measures"]["r_factor"], abs=1e-6)
        moved = {**knobs, "shift": knobs["shift"] + 0.5}
        assert comparison.r_factor(one, **moved) > fitted + 1e-4  # negative control


def test_mixture_is_that_of_fit(comparison, candidates, tmp_path):
    out = tmp_path / "mixture.json"
    names = [ROOT / "docs" / "examples" / "copper" / f"{one.name}.vasp" for one in candidates]
    assert run("fit", FOIL.path, *names, "--model", "cu-k-feff", "-o", out) == 0
    mixture = comparison.mixture(candidates)
    for one, fraction in zip(
        json.loads(out.read_text())["components"], mixture.fractions, strict=True
    ):
        assert fraction == pytest.approx(one["fraction"], abs=1e-5)


def test_scan_lies_on_the_prediction_where_it_was_fitted(state, comparison, candidates):
    """The drawn scan is the measurement moved back by the shift, in the prediction's unit."""
    copper = next(one for one in candidates if one.name == "Cu")
    knobs = knobs_of(comparison.rank([copper]).fits[0])
    curves = scan.overlays(comparison, copper, knobs, state.result)
    drawn, fitted, difference = curves
    np.testing.assert_allclose(drawn.mu - fitted.mu, difference.mu, atol=1e-12)
    known, predicted = np.isfinite(fitted.mu), copper.predicted.energy
    assert (known == (drawn.energy >= predicted[0]) & (drawn.energy <= predicted[-1])).all()
    assert not known.all()
    flat = comparison.measured.flat
    back = np.interp(drawn.energy + knobs["shift"], flat.energy, flat.mu)
    assert np.ptp(drawn.mu / back) < 1e-9 * np.ptp(drawn.mu)
    knobs["broadening"] = 0.0
    unbroadened = scan.overlays(comparison, copper, knobs, state.result)[1]
    site = state.result.sites[0]
    inside = (unbroadened.energy > site.energy[0]) & (unbroadened.energy < site.energy[-1])
    at = np.interp(unbroadened.energy[inside], site.energy, site.mu)
    np.testing.assert_allclose(unbroadened.mu[inside], at, atol=2e-3)
    names = [one.get("name") for one in spectrum_figure(state, curves)["data"]]
    assert f"{FOIL.path.name}, moved to the prediction" in names


def test_on_energies_of_the_experiment_the_scan_has_its_own(
    state, comparison, candidates, tmp_path
):
    """The foil is calibrated otherwise than the model expects, so not where that would put it."""
    there = replace(state, axis="experiment")
    there.result = predict(there.request())
    copper = next(one for one in candidates if one.name == "Cu")
    knobs = knobs_of(comparison.rank([copper]).fits[0])
    there.shift = knobs["shift"]
    lines = lines_of(there, scan.overlays(comparison, copper, knobs, there.result))
    drawn = next(line for line in lines if line.name == FOIL.path.name)
    assert set(drawn.energy.round(6)) <= set(comparison.measured.flat.energy.round(6))
    plain = state.result.sites
    np.testing.assert_allclose(lines[0].energy, plain.energy + knobs["shift"])
    expected = there.result.models[0].moved_by
    assert abs(expected - knobs["shift"]) > 0.5  # negative control: the expected shift is another
    save_file(there, tmp_path / "Cu.csv")
    assert np.loadtxt(tmp_path / "Cu.csv", delimiter=",", skiprows=1)[:, 0] == pytest.approx(
        lines[0].energy, abs=1e-3
    )
    save_file(there, tmp_path / "Cu.json")
    assert f"shifted by {knobs['shift']:.2f} eV" in (tmp_path / "Cu.json").read_text()


def test_columns_ranges_and_edge_are_those_asked_for(state, comparison, tmp_path):
    asked = replace(FOIL, e0=8980.0, pre1=-150.0, pre2=-50.0, norm1=80.0, norm2=250.0)
    other = scan.read(asked, state.request()).measured
    assert other.e0 == 8980.0
    assert replace(other.ranges, nnorm=None) == asked.ranges
    energy, mu = other.norm.energy, comparison.measured.norm.mu
    after = (energy > 8980.0 + 80.0) & (energy < 8980.0 + 249.0)
    assert other.flat.mu[after].mean() == pytest.approx(1.0, abs=2e-3)
    assert not np.allclose(other.norm.mu, mu, atol=1e-3)  # negative control
    with pytest.raises(ConfigError, match="`pre1`"):
        scan.read(replace(FOIL, pre1=-50.0, pre2=-80.0), state.request())
    path = tmp_path / "x.dat"
    table = np.stack([energy, 0.0 * mu + 3.0, np.exp(-mu), mu], axis=1)
    np.savetxt(path, table)
    with pytest.raises(RecordError, match="which of 4 columns is mu"):
        scan.read(Scan(path), state.request())
    assert read_columns(path).names == ["1", "2", "3", "4"]
    for column in ("4", "-ln(3/2)"):
        measured = scan.read(Scan(path, mu=column), state.request()).measured
        assert measured.e0 == pytest.approx(comparison.measured.e0, abs=0.3)


def test_lines_reproduce_what_is_shown(state, capsys):
    """Copper and CuO; with another edge energy, which `fit` does not know, only `compare`."""
    _, compare, fit = (shlex.split(line) for line in command_lines(replace(state, scan=FOIL)))
    assert [compare[1], fit[1]] == ["compare", "fit"]
    assert run(*compare[1:]) == 0
    assert "Cu leads the 2 candidates" in capsys.readouterr().out
    fixed = replace(FOIL, mu="mutrans", e0=8980.0)
    _, line = command_lines(replace(state, scan=fixed))
    assert shlex.split(line)[-4:] == ["--column", "mutrans", "--e0", "8980"]
    ranged = replace(FOIL, norm1=50.0)
    assert "norm1=50" in command_lines(replace(state, scan=ranged))[-1]


def test_knobs_that_move_the_scan_away_are_refused(state, comparison, candidates):
    knobs = {"shift": 5000.0, "broadening": 0.0, "scale": 1.0}
    with pytest.raises(RecordError, match="no energies"):
        scan.overlays(comparison, candidates[0], knobs, state.result)

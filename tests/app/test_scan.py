"""A measured scan on the page, without a browser: the same numbers as `compare` and `fit`."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
from command import run
from paths import EXPERIMENT, ROOT

from src.app.figures import spectrum_figure
from src.app.scan import Knobs, Prepared, Scan
from src.app.state import State, predict
from src.errors import ConfigError, RecordError
from src.xas.normalization import Ranges

COPPER = [ROOT / "docs" / "examples" / "copper" / f"{name}.vasp" for name in ("Cu", "CuO")]
FOIL = EXPERIMENT / "cu_metal_rt.xdi"


@pytest.fixture(scope="module")
def state():
    """Copper, shown, and CuO."""
    state = State(models=["cu-k-feff"])
    for path in reversed(COPPER):
        state.add(path)
    state.result = predict(state.request())
    return state


@pytest.fixture(scope="module")
def prepared(state):
    return Prepared.read(Scan(FOIL), state.request())


@pytest.fixture(scope="module")
def candidates(state, prepared):
    return [prepared.candidate(one.name, one.atoms) for one in state.structures]


def test_r_factor_and_ranking_are_those_of_compare(prepared, candidates, tmp_path):
    out = tmp_path / "foil.json"
    assert run("compare", FOIL, *COPPER, "--model", "cu-k-feff", "-o", out) == 0
    compared = {one["name"]: one for one in json.loads(out.read_text())["candidates"]}
    assert [fit.name for fit in prepared.rank(candidates).fits] == list(compared)
    for one in candidates:
        expected, knobs = compared[one.name], prepared.fit(one)
        for name, value in vars(knobs).items():
            assert value == pytest.approx(expected[name], abs=1e-6)
        fitted = prepared.r_factor(one, knobs)
        assert fitted == pytest.approx(expected["measures"]["r_factor"], abs=1e-6)
        moved = replace(knobs, shift=knobs.shift + 0.5)
        assert prepared.r_factor(one, moved) > fitted + 1e-4  # negative control


def test_mixture_is_that_of_fit(prepared, candidates, tmp_path):
    out = tmp_path / "mixture.json"
    names = [ROOT / "docs" / "examples" / "copper" / f"{one.name}.vasp" for one in candidates]
    assert run("fit", FOIL, *names, "--model", "cu-k-feff", "-o", out) == 0
    mixture = prepared.mixture(candidates)
    for one, fraction in zip(
        json.loads(out.read_text())["components"], mixture.fractions, strict=True
    ):
        assert fraction == pytest.approx(one["fraction"], abs=1e-5)


def test_scan_lies_on_the_prediction_where_it_was_fitted(state, prepared, candidates):
    """The drawn scan is the measurement moved back by the shift, in the prediction's unit."""
    copper = next(one for one in candidates if one.name == "Cu")
    knobs = prepared.fit(copper)
    curves = prepared.overlays(state.result, copper, knobs, difference=True)
    scan, fitted, difference = (curves[name] for name in ("scan", "fitted", "difference"))
    np.testing.assert_allclose(scan.mu - fitted.mu, difference.mu, atol=1e-12)
    back = np.interp(scan.energy + knobs.shift, prepared.measured.flat.energy,
                     prepared.measured.flat.mu)  # fmt: skip
    assert np.ptp(scan.mu / back) < 1e-9 * np.ptp(scan.mu)
    unbroadened = prepared.overlays(
        state.result, copper, replace(knobs, broadening=0.0), difference=False
    )["fitted"]
    site = state.result.spectra[0][0]
    inside = (unbroadened.energy > site.energy[0]) & (unbroadened.energy < site.energy[-1])
    at = np.interp(unbroadened.energy[inside], site.energy, site.mu)
    np.testing.assert_allclose(unbroadened.mu[inside], at, atol=2e-3)
    names = [one.get("name") for one in spectrum_figure(state, list(curves.values()))["data"]]
    assert FOIL.name in names


def test_columns_ranges_and_edge_are_those_asked_for(state, prepared, tmp_path):
    ranges = Ranges(pre1=-150.0, pre2=-50.0, norm1=80.0, norm2=250.0, nnorm=1)
    other = Prepared.read(Scan(FOIL, e0=8980.0, ranges=ranges), state.request()).measured
    assert (other.e0, other.ranges) == (8980.0, ranges)
    energy, mu = other.norm.energy, prepared.measured.norm.mu
    after = (energy > 8980.0 + 80.0) & (energy < 8980.0 + 249.0)
    assert other.flat.mu[after].mean() == pytest.approx(1.0, abs=2e-3)
    assert not np.allclose(other.norm.mu, mu, atol=1e-3)  # negative control
    with pytest.raises(ConfigError, match="`pre1`"):
        Prepared.read(Scan(FOIL, ranges=Ranges(pre1=-50.0, pre2=-80.0)), state.request())
    flat, path = prepared.measured.norm, tmp_path / "x.dat"
    table = np.stack([flat.energy, 0.0 * mu + 3.0, np.exp(-mu), mu], axis=1)
    np.savetxt(path, table)
    scan = Scan(path)
    with pytest.raises(RecordError, match="which of 4 columns is mu"):
        Prepared.read(scan, state.request())
    assert scan.columns() == ["1", "2", "3", "4"]
    for column in ("4", "-ln(3/2)"):
        chosen = Prepared.read(replace(scan, mu=column), state.request())
        assert chosen.measured.e0 == pytest.approx(prepared.measured.e0, abs=0.3)


def test_lines_reproduce_what_is_shown(state, capsys):
    """Copper and CuO; with another edge energy, which `fit` does not know, only `compare`."""
    compare, fit = (shlex.split(line) for line in Scan(FOIL).commands(state))
    assert [compare[1], fit[1]] == ["compare", "fit"]
    assert run(*compare[1:]) == 0
    assert "Cu leads the 2 candidates" in capsys.readouterr().out
    (line,) = Scan(FOIL, mu="mutrans", e0=8980.0).commands(state)
    assert shlex.split(line)[-4:] == ["--column", "mutrans", "--e0", "8980"]
    assert "norm1=50" in Scan(FOIL, ranges=Ranges(norm1=50.0)).commands(state)[-1]


def test_knobs_that_move_the_scan_away_are_refused(state, prepared, candidates):
    with pytest.raises(RecordError, match="no energies"):
        prepared.overlays(state.result, candidates[0], Knobs(shift=5000.0), difference=False)

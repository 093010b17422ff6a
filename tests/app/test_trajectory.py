"""Frames of a trajectory on the page, without a browser."""

import numpy as np
import pytest
from ase.io import read, write
from paths import ROOT

from src import XANESPredictor
from src.app.figures import spectrum_figure
from src.app.state import State, predict

pytest.importorskip("nicegui", reason="pip install '.[app]'")


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Five frames of CuO."""
    path = tmp_path_factory.mktemp("md") / "md.extxyz"
    frames = [read(ROOT / "docs" / "examples" / "copper" / "CuO.vasp") for _ in range(5)]
    for frame in frames[1:]:
        frame.rattle(0.05, rng=np.random.default_rng(len(frame)))
        frame.positions += np.random.default_rng(0).normal(0.0, 0.03, frame.positions.shape)
    frames[4].positions *= 1.01
    write(path, frames)
    state = State(models=["cu-k-feff"])
    state.add(path)
    state.result = predict(state.request())
    return state


def test_mean_and_spread_are_those_of_the_predictor(state):
    from src.app.trajectory import overlays

    spectrum = XANESPredictor(state.request().load()[0]).trajectory(state.structure.frames)
    expected = XANESPredictor("cu-k-feff").trajectory(state.structure.source)
    np.testing.assert_allclose(spectrum.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(spectrum.spread, expected.spread, atol=1e-6)
    assert np.abs(spectrum.mean - state.result.sites.mean).max() > 1e-3  # not the frame shown
    curves = spectrum_figure(state, overlays(spectrum))["data"][-3:]
    middle, above, below = (curve["y"] for curve in curves)
    np.testing.assert_allclose(above - below, 2 * spectrum.spread, atol=2e-5)
    np.testing.assert_allclose(middle, spectrum.mean, atol=1e-5)

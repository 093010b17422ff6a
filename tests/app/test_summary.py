"""The line below the spectrum, against numbers worked out by hand."""

import numpy as np
import pytest
from paths import ROOT

from src.app.state import State, predict_both
from src.app.summary import highest, summary

CUS = ROOT / "docs" / "examples" / "copper" / "CuS.vasp"


def test_maximum_of_a_parabola_lies_between_its_points():
    energy = np.arange(10.0)
    assert highest(energy, 3 - 0.2 * (energy - 4.3) ** 2) == pytest.approx(4.3)
    assert highest(energy, energy) == 9.0


def test_band_and_maximum_are_those_of_the_site():
    assert summary(State()) == ""
    state = State()
    state.add(CUS)
    state.site = 8
    state.accept(*predict_both(state.request(), None))
    site = state.result.sites[1]
    width, text = np.nanmean(site.half_width), summary(state)
    said, percent = text.split("±")[1].split(" on average, ")
    assert float(said) == pytest.approx(width, rel=0.06)
    assert int(percent.split(" %")[0]) == round(100 * width / site.mu.max())
    assert "moved" not in text
    assert text.startswith("Cu site 8 (x 4): maximum at ")
    assert float(text.split("maximum at ")[1].split()[0]) == pytest.approx(
        site.energy[site.mu.argmax()], abs=0.5
    )

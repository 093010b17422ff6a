"""Energy zero and unit of the spectra of an element, known or from its neighbors."""

import numpy as np
import pytest
from ase.data import atomic_numbers, chemical_symbols

from src.errors import ConfigError
from src.xas.edge_scale import EdgeScale, edge_start, estimate, find_scale, usual_edge
from src.xas.edges import find_edge

ENERGY = np.arange(8980.0, 9120.0, 0.25)


def step_at(edge, height=0.9):
    return height * (0.5 + np.arctan(ENERGY - edge) / np.pi)


def scale_of(element, edge="K", offset=10.0, step=1.0, n_spectra=100):
    reference = find_edge(element, edge).calculated + offset
    window = reference - 10, reference + 25, 0.25
    return EdgeScale(element, edge, reference, step, window, "FEFF 9.9.1", n_spectra)


def test_a_spectrum_begins_where_it_is_calculated_or_somewhat_below_the_edge():
    start, height = edge_start(ENERGY, step_at(8990.0))
    assert start == 8980.0
    assert height == pytest.approx(0.9, rel=0.03)
    far, height = edge_start(ENERGY, step_at(9050.0))  # as of FDMNES
    assert far == pytest.approx(9030.0, abs=0.5)
    assert height == pytest.approx(0.9, rel=0.05)
    assert edge_start(ENERGY[:80], step_at(8990.0)[:80]) is None  # 20 eV: no tail


def test_an_element_without_spectra_is_estimated_from_its_neighbors():
    law = {s: 3.0 - 2.0 * np.log(atomic_numbers[s]) for s in chemical_symbols[20:31] if s != "Fe"}
    counts = dict.fromkeys(law, 50)
    assert estimate("Fe", law, counts) == pytest.approx(3.0 - 2.0 * np.log(26))
    law["Mn"] += 0.5  # a neighbor that departs draws it along
    assert 0.05 < estimate("Fe", law, counts) - (3.0 - 2.0 * np.log(26)) < 0.5
    known = estimate("Mn", law, counts)  # an element with many spectra keeps its own value
    assert known == pytest.approx(law["Mn"], abs=0.05)


def test_a_scale_is_its_own_or_that_of_neighbors():
    scales = [scale_of("Ti"), scale_of("V"), scale_of("Co", offset=12.0), scale_of("Au", "L3")]
    assert find_scale(scales, "V", "K") is scales[1]
    iron = find_scale(scales, "Fe", "K")
    assert 10.0 < iron.reference - find_edge("Fe", "K").calculated < 13.0
    measured = [find_edge(s, "K").energy - find_edge(s, "K").calculated for s in ("Ti", "V", "Co")]
    iron = find_scale([scale_of(s) for s in ("Ti", "V", "Co")], "Fe", "K")
    assert iron.reference - find_edge("Fe", "K").calculated == pytest.approx(10.0, abs=0.01)
    assert np.ptp(measured) > 1.0  # control: measured energies are no smooth function
    assert (iron.n_spectra, iron.code, iron.name) == (0, "FEFF 9.9.1", "Fe K")
    assert usual_edge(scales, "Pt") == "L3"
    assert usual_edge(scales, "Cr") == "K"
    with pytest.raises(ConfigError, match="no spectra.*L1"):
        find_scale(scales, "Fe", "L1")

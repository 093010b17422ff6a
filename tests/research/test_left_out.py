"""An absorber that is left out, and the periodic table of those that are known."""

import numpy as np
import pytest
from ase.data import atomic_numbers
from matplotlib.colors import to_rgb

from research.left_out import check_start, fit, neighbors
from research.periodic_table import COLORS, luminance, place
from src.errors import ConfigError
from src.uncertainty import FEW
from src.xas.edge_scale import EdgeScale


def scale(element, n_spectra, edge="K"):
    return EdgeScale(element, edge, 0.0, 1.0, (0.0, 1.0, 0.1), "FEFF", n_spectra)


def test_neighbors_are_the_nearest_of_the_period_that_were_trained_on():
    known = [scale("Co", FEW), scale("Ti", 500), scale("Ni", 99), scale("Cu", FEW - 1),
             scale("Zn", 50), scale("Cu", 500, "L3"), scale("Rb", 500)]  # fmt: skip
    assert [s.element for s in neighbors(known, "Ni", "K")] == ["Co", "Zn"]
    assert [s.element for s in neighbors(known, "Ti", "K")] == ["Co"]
    with pytest.raises(ConfigError, match="Ag's period"):
        neighbors(known[:6], "Ag", "K")


def test_a_common_shift_and_factor_are_found():
    energy = np.linspace(-10.0, 25.0, 141)
    curves = [lambda x, k=k: 0.6 + np.arctan(x - k) / np.pi for k in (2.0, 5.0)]
    predicted = np.stack([curve(energy) for curve in curves])
    target = np.stack([1.3 * curve(energy - 1.5) for curve in curves])
    error, shift = fit(energy, predicted, target, np.ones_like(target, dtype=bool))
    assert shift == pytest.approx(1.5)
    assert error.max() < 1e-6
    apart = np.stack([curve(energy - move) for curve, move in zip(curves, (-1, 1), strict=True)])
    assert fit(energy, predicted, apart, np.ones_like(target, dtype=bool))[0].min() > 1e-4


def test_a_start_that_has_seen_the_element_is_refused():
    check_start(["--init_from", "chemistry"], "Cu")
    with pytest.raises(ConfigError, match="was trained on Cu"):
        check_start(["--model.dropout", "0.1", "--init_from", "cu-k-feff"], "Cu")


def test_elements_have_their_places():
    expected = {"H": (1, 1), "He": (18, 1), "Be": (2, 2), "B": (13, 2), "Sc": (3, 4), "Zn": (12, 4),
                "Lu": (3, 6), "Hf": (4, 6), "Rn": (18, 6), "Ra": (2, 7)}  # fmt: skip
    assert {symbol: place(atomic_numbers[symbol], 7) for symbol in expected} == expected
    places = [place(z, 7) for z in range(1, 103)]
    assert len(set(places)) == 102
    assert {y for z in range(57, 71) for _, y in [place(z, 7)]} == {8.4}


def test_words_on_every_color_have_the_contrast_of_wcag_aa():
    assert luminance("white") == pytest.approx(1.0)
    assert luminance("#808080") == pytest.approx(0.2159, abs=1e-4)
    for part in np.linspace(0.0, 1.0, 101):
        light = luminance(to_rgb(COLORS(part)))
        contrast = 1.05 / (light + 0.05) if light < 0.18 else (light + 0.05) / 0.05
        assert contrast >= 4.5

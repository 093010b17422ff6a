"""Alignment finds the shift that was made; edges are those tabulated."""

import pytest
from paths import EXPERIMENT

from src.errors import ConfigError, RecordError
from src.xas.alignment import shift_to, shift_to_edge
from src.xas.broadening import gaussian
from src.xas.edges import find_edge
from src.xas.measured import read_measured
from src.xas.normalization import normalize
from src.xas.spectrum import Spectrum


@pytest.fixture(scope="module")
def foil():
    return normalize(read_measured(EXPERIMENT / "cu_metal_rt.xdi")).flat


@pytest.mark.parametrize("shift", [-7.3, 0.0, 4.25])
def test_a_known_shift_is_found(foil, shift):
    moved = gaussian(foil, 0.5).shifted(-shift)
    reference = foil.within(8950.0, 9080.0)
    back, found = shift_to(moved, reference)
    assert found == pytest.approx(shift, abs=0.02)
    assert back.e0 == pytest.approx(foil.e0, abs=0.02)
    _, limited = shift_to(moved, reference, largest=2.0)
    assert abs(limited) <= 2.0  # control: beyond the bound it can't be found


def test_the_tabulated_edge(foil):
    moved, shift = shift_to_edge(foil)
    assert moved.e0 == pytest.approx(8979.0)
    assert shift == pytest.approx(8979.0 - foil.e0)
    with pytest.raises(RecordError, match="names no element"):
        shift_to_edge(Spectrum(foil.energy, foil.mu))


def test_edges_are_those_of_the_tables():
    """X-ray Data Booklet (LBNL 2009), tables 1-1: Cu K 8979, Ti K 4966, Fe L3 706.8 eV."""
    energies = [find_edge(*e).energy for e in (("Cu", "K"), ("Ti", "K"), ("Fe", "L3"))]
    assert energies == pytest.approx([8979.0, 4966.0, 706.8], abs=0.5)
    assert find_edge("Cu", "K").width == pytest.approx(1.55)  # Krause and Oliver (1979), table I
    with pytest.raises(ConfigError, match="no tabulated edge Cu M9; Cu has K, L1, L2, L3"):
        find_edge("Cu", "M9")
    with pytest.raises(ConfigError, match="elements H to Cf"):
        find_edge("Xx", "K")


def test_too_little_in_common_is_named(foil):
    with pytest.raises(RecordError, match="have 0.0 eV in common"):
        shift_to(foil.within(8900.0, 8950.0), foil.within(8990.0, 9040.0))
    with pytest.raises(ConfigError, match="`largest` is -1.0"):
        shift_to(foil, foil, largest=-1.0)

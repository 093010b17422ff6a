"""A spectrum does not change, and refuses what is none."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from src.errors import RecordError
from src.xas.spectrum import Spectrum

ENERGY = np.array([8980.0, 8981.0, 8983.0, 8990.0])


def test_it_does_not_change():
    values = np.array([0.0, 1.0, 2.0, 3.0])
    spectrum = Spectrum(ENERGY, values, header={"Sample.name": "x"})
    values[0] = 9.0
    assert spectrum.mu[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        spectrum.mu[0] = 1.0
    with pytest.raises(TypeError):
        spectrum.header["Sample.name"] = "y"
    with pytest.raises(FrozenInstanceError):
        spectrum.mu = values
    whole = Spectrum(np.array([8980, 8981]), np.array([0, 1]))
    assert whole.energy.dtype == whole.mu.dtype == np.float64
    assert len({spectrum, Spectrum(ENERGY, spectrum.mu), spectrum}) == 2  # arrays don't compare


@pytest.mark.parametrize(
    ("energy", "mu", "message"),
    [
        (ENERGY, [1.0, np.nan, 0.0, 0.0], "mu is nan at point 2"),
        ([1.0, np.inf, 3.0, 4.0], np.zeros(4), "energy is inf at point 2"),
        ([1.0, 3.0, 2.0, 4.0], np.zeros(4), "2.000 eV follows 3.000 eV at point 3"),
        ([1.0, 2.5, 2.5, 4.0], np.zeros(4), "2.500 eV follows 2.500 eV at point 3"),
        ([1.0, 4.0, 4.5, 4.0, 3.0], np.zeros(5), "4.000 eV follows 4.500 eV at point 4"),
        ([0.0, 1.0], [0.0, 1.0], "must be positive, the first is 0.0 eV"),
        ([-7.0, 1.0], [0.0, 1.0], "must be positive, the first is -7.0 eV"),
        (ENERGY[:3], np.zeros(4), "must both be"),
        (ENERGY - 9000.0, np.zeros(4), "must be positive"),
        ([1.0], [1.0], "two or more"),
    ],
)
def test_what_is_no_spectrum_is_named(energy, mu, message):
    with pytest.raises(RecordError, match=f"file: .*{message}"):
        Spectrum(np.asarray(energy), np.asarray(mu), source="file")


@pytest.mark.parametrize("e0", [0.0, -0.5, np.nan, np.inf])
def test_an_edge_energy_that_is_none_is_named(e0):
    with pytest.raises(RecordError, match=f"file: `e0` is {e0} but must be positive and finite"):
        Spectrum(ENERGY, ENERGY, source="file", e0=e0)
    assert Spectrum(ENERGY, ENERGY, e0=0.5).e0 == 0.5  # negative control


def test_values_on_other_energies():
    spectrum = Spectrum(ENERGY, 2.0 * ENERGY, e0=8981.0)
    assert spectrum.at(np.array([8980.5, 8989.0])).mu == pytest.approx([17961.0, 17978.0])
    message = "8979.000 to 8985.000 eV are requested, it has 8980.000 to 8990.000 eV"
    with pytest.raises(RecordError, match=message):
        spectrum.at(np.array([8979.0, 8985.0]))
    with pytest.raises(RecordError, match="no energies are requested"):
        spectrum.at(np.array([]))
    with pytest.raises(RecordError, match="two or more"):
        spectrum.at(ENERGY[:1])
    assert spectrum.within(8981.0, 8983.0).energy.tolist() == [8981.0, 8983.0]
    with pytest.raises(RecordError, match="1 points between"):
        spectrum.within(8982.0, 8984.0)
    assert spectrum.shifted(3.0).e0 == 8984.0
    assert (spectrum.shifted(3.0).energy - ENERGY).tolist() == [3.0] * 4
    assert spectrum.derivative().mu == pytest.approx(2.0)


def test_ends_count_as_inside_within_a_millionth_of_an_ev():
    spectrum = Spectrum(ENERGY, 2.0 * ENERGY)
    assert np.array_equal(spectrum.at(ENERGY).mu, spectrum.mu)
    low, high = ENERGY[0] - 1e-6, ENERGY[-1] + 1e-6
    assert spectrum.at(np.array([low, high])).mu.tolist() == [17960.0, 17980.0]
    for outside in ([low - 1e-6, 8985.0], [8985.0, high + 1e-6]):
        with pytest.raises(RecordError, match="are requested"):
            spectrum.at(np.array(outside))


def test_difference_needs_one_unit_and_common_energies():
    first = Spectrum(ENERGY, ENERGY**2, source="here")
    second = Spectrum(ENERGY + 0.5, ENERGY**2, source="there")
    difference = first.minus(second)
    assert difference.energy.tolist() == ENERGY[1:].tolist()
    assert difference.source == "here - there"
    assert difference.mu[0] == pytest.approx(8981.0**2 - 0.5 * (8980.0**2 + 8981.0**2))
    with pytest.raises(RecordError, match="can't be subtracted"):
        first.minus(first.derivative())


def test_repr_names_what_is_known():
    known = Spectrum(ENERGY, ENERGY, "normalized", "Cu", "K", 8980.5, "foil")
    axis = "4 energies, 8980.0 to 8990.0 eV"
    assert repr(known) == f"<Spectrum foil, Cu K edge, {axis}, e0 8980.50 eV, mu normalized>"
    assert repr(Spectrum(ENERGY, ENERGY)) == f"<Spectrum spectrum, {axis}, mu arbitrary>"
    assert "foil, Cu edge," in repr(Spectrum(ENERGY, ENERGY, element="Cu", source="foil"))
    assert "foil, K edge," in repr(Spectrum(ENERGY, ENERGY, edge="K", source="foil"))


def test_columns_and_figure():
    from matplotlib import pyplot

    foil = Spectrum(ENERGY, ENERGY**2, source="foil $1")
    assert {name: v.tolist() for name, v in foil.columns().items()} == {
        "energy_eV": ENERGY.tolist(), "mu": (ENERGY**2).tolist()
    }  # fmt: skip
    ax = foil.plot()
    assert foil.derivative().plot(ax) is ax  # into the same axes
    first, second = ax.get_lines()
    pyplot.close(ax.figure)
    assert (first.get_xdata().tolist(), first.get_ydata().tolist()) == (
        ENERGY.tolist(), foil.mu.tolist()
    )  # fmt: skip
    assert second.get_ydata().tolist() == foil.derivative().mu.tolist()
    assert (ax.get_title(), ax.title.get_fontsize()) == (r"foil \$1", 9)

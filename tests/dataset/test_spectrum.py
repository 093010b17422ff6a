"""A spectrum does not change, and refuses what is none."""

import numpy as np
import pytest

from src.data.spectrum import Spectrum
from src.errors import RecordError

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


@pytest.mark.parametrize(
    ("energy", "mu", "message"),
    [
        (ENERGY, [1.0, np.nan, 0.0, 0.0], "mu is nan at point 2"),
        ([1.0, 3.0, 2.0, 4.0], np.zeros(4), "2.000 eV follows 3.000 eV at point 3"),
        (ENERGY[:3], np.zeros(4), "must both be"),
        (ENERGY - 9000.0, np.zeros(4), "must be positive"),
        ([1.0], [1.0], "two or more"),
    ],
)
def test_what_is_no_spectrum_is_named(energy, mu, message):
    with pytest.raises(RecordError, match=f"file: .*{message}"):
        Spectrum(np.asarray(energy), np.asarray(mu), source="file")


def test_values_on_other_energies():
    spectrum = Spectrum(ENERGY, 2.0 * ENERGY, e0=8981.0)
    assert spectrum.at(np.array([8980.5, 8989.0])).mu == pytest.approx([17961.0, 17978.0])
    with pytest.raises(RecordError, match="8979.000 .. 8985.000 eV are asked for"):
        spectrum.at(np.array([8979.0, 8985.0]))
    assert spectrum.within(8981.0, 8983.0).energy.tolist() == [8981.0, 8983.0]
    with pytest.raises(RecordError, match="1 points between"):
        spectrum.within(8982.0, 8984.0)
    assert spectrum.shifted(3.0).e0 == 8984.0
    assert spectrum.derivative().mu == pytest.approx(2.0)


def test_difference_needs_one_unit_and_common_energies():
    first, second = Spectrum(ENERGY, ENERGY**2), Spectrum(ENERGY + 0.5, ENERGY**2)
    difference = first.minus(second)
    assert difference.energy.tolist() == ENERGY[1:].tolist()
    assert difference.mu[0] == pytest.approx(8981.0**2 - 0.5 * (8980.0**2 + 8981.0**2))
    with pytest.raises(RecordError, match="can't be subtracted"):
        first.minus(first.derivative())

"""Spectra as tables and figures."""

import sys

import numpy as np
import pytest

from src.errors import ConfigError
from src.xas.spectrum import Spectrum
from src.xas.tabular import DIGITS

ENERGY = np.array([8979.0, 8980.25, 8990.0])
FOIL = Spectrum(ENERGY, [0.1, 1.0 / 3.0, 1.0], element="Cu", edge="K", e0=8980.5, source="foil")


def test_csv_reads_back(tmp_path):
    FOIL.to_csv(tmp_path / "foil.csv")
    read = np.genfromtxt(tmp_path / "foil.csv", delimiter=",", names=True)
    assert read.dtype.names == ("energy_eV", "mu")
    assert read["energy_eV"].tolist() == ENERGY.tolist()
    assert read["mu"] == pytest.approx(FOIL.mu, rel=10.0**-DIGITS)
    with pytest.raises(ConfigError, match="nowhere"):
        FOIL.to_csv(tmp_path / "nowhere" / "foil.csv")


def test_pandas_has_energy_as_index():
    pytest.importorskip("pandas")
    table = FOIL.to_dataframe()
    assert table.index.name == "energy_eV"
    assert table["mu"].loc[8990.0] == 1.0


def test_without_pandas_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pandas, which is not installed"):
        FOIL.to_dataframe()


def test_plot_and_repr():
    from matplotlib import pyplot

    ax = FOIL.plot()
    assert ax.get_lines()[0].get_ydata().tolist() == FOIL.mu.tolist()
    assert FOIL.derivative().plot(ax) is ax  # into the same axes
    assert len(ax.get_lines()) == 2
    pyplot.close(ax.figure)
    text = repr(FOIL)
    for word in ("foil", "Cu K", "3 energies", "8979.0 to 8990.0 eV", "e0 8980.50"):
        assert word in text
    assert len(text) < 120

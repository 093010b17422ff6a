"""Spectra as tables and figures."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from records import record

from src.errors import ConfigError
from src.prediction.spectra_db import PredictedStructure
from src.xas.spectrum import Spectrum

ENERGY = np.array([8979.0, 8980.25, 8990.0])
FOIL = Spectrum(ENERGY, [0.1, 1.0 / 3.0, 1.0], element="Cu", edge="K", e0=8980.5, source="foil")


def test_csv_reads_back(tmp_path):
    FOIL.to_csv(tmp_path / "foil.csv")
    read = np.genfromtxt(tmp_path / "foil.csv", delimiter=",", names=True)
    assert read.dtype.names == ("energy_eV", "mu")
    assert read["energy_eV"].tolist() == ENERGY.tolist()
    assert read["mu"].tolist() == FOIL.mu.tolist()
    with pytest.raises(ConfigError, match="nowhere"):
        FOIL.to_csv(tmp_path / "nowhere" / "foil.csv")


def test_pandas_has_energy_as_index_and_is_named_where_it_is_missing(monkeypatch):
    if find_spec("pandas"):
        table = FOIL.to_dataframe()
        assert table.index.name == "energy_eV"
        assert table["mu"].loc[8990.0] == 1.0
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pandas, which is not installed"):
        FOIL.to_dataframe()


def novel_row(**changes):
    """Two sites of Cu2O, the second novel."""
    mu = np.array([[0.1, 0.5, 1.0], [0.2, 0.7, 0.9]])
    fields = {
        "source_row": 7, "atoms": record().atoms, "sites": np.array([0, 1]), "energy": ENERGY,
        "mu": mu, "error": None, "unseen": [], "source_keys": {}, "lower": mu - 0.1,
        "upper": mu + 0.1, "novel": np.array([False, True]),
    }  # fmt: skip
    return PredictedStructure(**{**fields, **changes})


def test_records_and_rows_of_a_database_are_tables_too():
    from matplotlib import pyplot

    row, one = novel_row(), record()
    assert list(row.columns()) == [
        "energy_eV", "mu_0", "lower_0", "upper_0", "mu_1", "lower_1", "upper_1"
    ]  # fmt: skip
    assert row.columns()["upper_1"].tolist() == row.upper[1].tolist()
    assert one.columns()["mu"].tolist() == one.mu.tolist()
    for thing, words in ((row, ("Cu2O (row 7)", "2 sites")), (one, ("Cu2O (mp-1_000)", "FEFF"))):
        ax = thing.plot()
        pyplot.close(ax.figure)
        assert "Cu2O" in ax.get_title()
        assert all(word in repr(thing) for word in words)
        assert len(repr(thing)) < 150
    lines = row.plot().get_lines()
    assert [line.get_linestyle() for line in lines] == ["-", ":", "--"]
    pyplot.close("all")
    nothing = dict.fromkeys(("upper", "lower", "novel"))
    failed = novel_row(sites=np.zeros(0, int), mu=np.zeros((0, 3)), error="no Cu", **nothing)
    assert "not predicted: no Cu" in repr(failed)
    failed.plot()
    pyplot.close("all")

"""Energies of a training, for records with absolute and with relative energies."""

from dataclasses import replace

import numpy as np
import pytest
from records import record

from src.checkpoints.model_info import ModelInfo
from src.dataset.database import Database, write_records
from src.errors import ConfigError, DatabaseError
from src.training.config import EnergyConfig
from src.training.energy_window import Common, choose_window, describe_records

ZN = Common(ModelInfo(element="Zn", edge="K"), True, -25.0, 94.0, 1.0)
CU = Common(ModelInfo(element="Cu", edge="K"), False, 8984.2, 9060.0, None)
NI = Common(ModelInfo(element="Ni", edge="K"), False, 8330.5, 8400.0, None)


def test_relative_records_are_scored_on_their_own_grid():
    window = choose_window(EnergyConfig(), ZN)
    assert np.array_equal(window.axis.energy, np.arange(-25.0, 95.0))
    assert (window.axis.n_scored, window.axis.reference) == (120, None)
    assert (window.emin, window.emax) == (-25.0, 94.0)


def test_known_edge_has_its_published_window_where_energies_are_absolute():
    window = choose_window(EnergyConfig(), CU)
    assert window.axis.scored.energy == pytest.approx(8983.173 + 0.25 * np.arange(141))
    assert window.axis.reference == pytest.approx(8993.173)
    assert window.axis.energy[-1] == pytest.approx(8993.173 + 50.0)
    relative = choose_window(EnergyConfig(), replace(ZN, info=CU.info))
    assert relative.axis.energy[0] == -25.0


def test_unknown_edge_starts_where_the_records_do():
    window = choose_window(EnergyConfig(), NI)
    assert window.axis.scored.energy[[0, -1]].tolist() == [8330.5, 8365.5]


def test_window_of_calculations_from_far_below_is_around_the_edge():
    """FDMNES's TiO2: from 4946 eV, Ti K edge at 4966, white line at 4988."""
    titanium = replace(NI, info=ModelInfo(element="Ti", edge="K", code="FDMNES"), lowest=4946.0)
    titanium = replace(titanium, highest=5016.0)
    window = choose_window(EnergyConfig(), titanium)
    assert window.axis.scored.energy[[0, -1]].tolist() == [4956.0, 5006.0]
    assert (window.axis.reference, window.axis.energy[-1]) == (4966.0, 5016.0)
    feff = replace(titanium, info=replace(titanium.info, code="FEFF"))
    assert choose_window(EnergyConfig(), feff).axis.scored.energy[[0, -1]].tolist() == [4946, 4981]
    copper = replace(CU, info=replace(CU.info, code="FDMNES"), lowest=8959.0)
    assert choose_window(EnergyConfig(), copper).axis.energy[0] == 8969.0  # not FEFF's 8983.173


def test_absolute_grid_that_all_share_is_scored_whole():
    shared = replace(NI, lowest=8320.0, highest=8400.0, step=0.5)
    window = choose_window(EnergyConfig(), shared)
    assert np.array_equal(window.axis.energy, 8320.0 + 0.5 * np.arange(161))
    assert (window.axis.n_scored, window.axis.reference, window.emax) == (161, 8330.0, 70.0)


def test_what_the_user_gives_counts():
    window = choose_window(EnergyConfig(start=-5.0, stop=30.0, step=0.5), ZN, emin=-20.0, emax=60.0)
    assert window.axis.energy[[0, 70, -1]].tolist() == [-5.0, 30.0, 60.0]
    assert (window.emin, window.axis.n_scored) == (-20.0, 71)


def test_basis_that_does_not_reach_is_an_error():
    with pytest.raises(ConfigError, match=r"lower `model\.emin` \(now -10\)"):
        choose_window(EnergyConfig(), ZN, emin=-10.0)
    with pytest.raises(ConfigError, match=r"raise `model\.emax` \(now 50\)"):
        choose_window(EnergyConfig(), ZN, emax=50.0)
    with pytest.raises(ConfigError, match=r"raise `model\.emax` \(now 20\)"):
        choose_window(EnergyConfig(), CU, emax=20.0)


def test_grid_is_shared_only_where_all_energies_are_the_same(tmp_path):
    even = np.array([1.0, 2.0, 3.0])
    same = [record(site, energy=even, axis="relative") for site in (0, 1)]
    write_records(tmp_path / "x.db", [*same, record(0, "mp-2", energy=np.array([1.0, 2.5, 3.0]))])
    database = Database(tmp_path / "x.db")
    common = describe_records(database, ["mp-1_000", "mp-1_001"])
    assert common.relative
    assert (common.lowest, common.highest, common.step) == (1.0, 3.0, 1.0)
    with pytest.raises(DatabaseError, match=r"records differ in axis, \['absolute', 'relative'\]"):
        describe_records(database, database.ids)
    write_records(tmp_path / "y.db", [replace(same[0], energy=np.array([1.0, 1.5, 3.0])), same[1]])
    database = Database(tmp_path / "y.db")
    assert describe_records(database, database.ids).step is None

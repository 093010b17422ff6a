"""Spectra whose energies can't be those of their edge are left out with the reason."""

import numpy as np
import pytest
from records import record

from src.cli import main
from src.dataset.record import Rejected
from src.readers.plausibility import near_edge

pytestmark = pytest.mark.reliability
ENERGY = np.linspace(8960.0, 9020.0, 61)
MU = np.linspace(0.0, 1.0, 61)
ELSEWHERE = {"zinc": ENERGY + 680.0, "nickel": ENERGY - 646.0, "keV": ENERGY / 1000.0}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_energies_of_another_edge_or_unit_are_left_out(name):
    found = near_edge(record(energy=ELSEWHERE[name], mu=MU))
    assert isinstance(found, Rejected)
    assert "but the Cu K edge is at 8979 eV; wrong label, or keV?" in found.reason


def test_energies_of_the_edge_are_taken():
    """Control: near it, relative ones, and those of an edge that is not tabulated."""
    for one in (
        record(energy=ENERGY, mu=MU),
        record(energy=ENERGY + 100.0, mu=MU),
        record(energy=ENERGY - 8979.0, mu=MU, axis="relative"),
        record(energy=ENERGY, mu=MU, edge="M5"),
    ):
        assert near_edge(one) is one


def test_the_command_leaves_them_out_by_name(tmp_path, capsys):
    arrays = {
        "mu": np.stack([MU, MU]), "energy": np.stack([ENERGY, ENERGY / 1000.0]),
        "n_atoms": np.array([2, 2]), "numbers": np.array([29, 8] * 2),
        "positions": np.array([[0.0, 0, 0], [2.0, 0, 0]] * 2), "absorber": np.array([0, 0]),
        "element": np.array("Cu"), "material": np.array(["a", "b"]), "edge": np.array("K"),
        "axis": np.array("absolute"),
    }  # fmt: skip
    np.savez(tmp_path / "cu.npz", **arrays)
    assert main(["dataset", str(tmp_path / "cu.npz"), "-o", str(tmp_path / "cu.db")]) == 0
    printed = capsys.readouterr().out
    assert "left out: " in printed
    assert "b_000: energies 8.96 .. 9.02 eV, but the Cu K edge is at 8979 eV" in printed
    assert "1 added" in printed

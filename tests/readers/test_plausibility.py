"""Spectra whose energies can't be those of their edge are left out with the reason."""

import numpy as np
import pytest
from records import record

from src.cli import main
from src.errors import RecordError
from src.readers.plausibility import check_record

pytestmark = pytest.mark.reliability
ENERGY = np.linspace(8960.0, 9020.0, 61)
MU = np.linspace(0.0, 1.0, 61)


@pytest.mark.parametrize(
    "energy", [ENERGY + 680.0, ENERGY - 646.0, ENERGY / 1000.0], ids=["zinc", "nickel", "keV"]
)
def test_energies_of_another_edge_or_unit_are_refused(energy):
    with pytest.raises(RecordError, match="the Cu K edge is at 8979 eV"):
        check_record(record(energy=energy, mu=MU))


def test_energies_of_the_edge_are_accepted():
    """Control: near it, relative ones, and those of an edge that is not tabulated."""
    check_record(record(energy=ENERGY, mu=MU))
    check_record(record(energy=ENERGY + 100.0, mu=MU))
    check_record(record(energy=ENERGY - 8979.0, mu=MU, axis="relative"))
    check_record(record(energy=ENERGY, mu=MU, edge="M5"))


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
    assert "skipped: " in printed
    assert "b_000: energies 8.96 to 9.02 eV, but the Cu K edge is at 8979 eV" in printed
    assert "1 added" in printed

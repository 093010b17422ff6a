"""Spectra whose energies can't be those of their edge are left out with the reason."""

import numpy as np
import pytest
from records import record

from src.cli import main
from src.errors import RecordError
from src.readers.plausibility import check_record

pytestmark = pytest.mark.reliability
ENERGY = np.linspace(8930.0, 9080.0, 151)
MU = 0.5 + np.arctan((ENERGY - 8985.0) / 2.0) / np.pi


@pytest.mark.parametrize(
    "energy",
    [ENERGY + 680.0, ENERGY - 646.0, ENERGY / 1000.0, ENERGY + 130.0, ENERGY - 130.0],
    ids=["zinc", "nickel", "keV", "130 eV above", "130 eV below"],
)
def test_energies_of_another_edge_or_unit_are_refused(energy):
    with pytest.raises(RecordError, match="mu rises at .* the Cu K edge is at 8979 eV"):
        check_record(record(energy=energy, mu=MU))


def test_a_spectrum_that_begins_far_above_the_edge_is_refused():
    """Only its wiggles are left, which rise wherever they do."""
    above = ENERGY + 200.0
    with pytest.raises(RecordError, match="mu rises at"):
        check_record(record(energy=above, mu=1.0 + 0.1 * np.sin(above / 10.0)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"energy": ENERGY + 35.0},  # Tc K of FEFF is as far from the table
        {"energy": ENERGY - 25.0},
        {"energy": ENERGY[57:], "mu": MU[57:]},  # begins above the edge
        {"energy": ENERGY - 8979.0, "axis": "relative"},
        {"energy": ENERGY + 500.0, "edge": "M5"},  # not tabulated
    ],
)
def test_energies_of_the_edge_are_accepted(changes):
    check_record(record(**{"energy": ENERGY, "mu": MU, **changes}))


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
    assert "b_000: mu rises at 8.98" in printed
    assert "1 added" in printed

"""Inputs for FDMNES against real ones, read by our reader."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111, molecule
from paths import FDMNES

from src.calculation.fdmnes_input import fdmnes_input
from src.errors import StructureError
from src.readers.fdmnes_input import read_input

RUNS = sorted(FDMNES.glob("*/fdmnes_in.txt"))


def keywords(path):
    """Keywords of an input, in order."""
    lines = [line.split("!")[0].strip() for line in path.read_text().splitlines()]
    return [line.lower() for line in lines if re.fullmatch(r"[A-Z][A-Za-z_]+\d*", line)]


@pytest.mark.parametrize("real", RUNS, ids=lambda path: path.parent.name)
def test_input_is_a_real_one_with_one_absorber(real, tmp_path):
    theirs = read_input(real)
    path = tmp_path / "fdmnes_in.txt"
    path.write_text(fdmnes_input(theirs.atoms, 2, "K"))
    ours = read_input(path)
    assert ours.absorbers == [2]
    assert ours.edge == theirs.edge == "K"
    assert np.array_equal(ours.atoms.numbers, theirs.atoms.numbers)
    assert ours.atoms.get_all_distances(mic=True) == pytest.approx(
        theirs.atoms.get_all_distances(mic=True), abs=1e-6
    )
    expected = [word for word in keywords(real) if word not in ("k", "z_absorber", "run_0")]
    assert [word for word in expected if not word.startswith("run")] == [
        word for word in keywords(path) if word not in ("k", "absorber")
    ]


def test_molecule_is_read_back(tmp_path):
    water = molecule("H2O")
    path = tmp_path / "fdmnes_in.txt"
    path.write_text(fdmnes_input(water, 0, "K"))
    ours = read_input(path)
    assert ours.atoms.get_all_distances() == pytest.approx(water.get_all_distances(), abs=1e-7)
    assert ours.absorbers == [0]


def test_overlapping_atoms_absent_sites_and_slabs_are_refused():
    with pytest.raises(StructureError, match="apart"):
        fdmnes_input(Atoms("O2", positions=[[0, 0, 0], [0.05, 0, 0]]), 0, "K")
    with pytest.raises(StructureError, match="site 9"):
        fdmnes_input(molecule("H2O"), 9, "K")
    slab = fcc111("Cu", (1, 1, 3), vacuum=2.0)
    with pytest.raises(StructureError, match="periodic in 2 of 3 directions"):
        fdmnes_input(slab, 0, "K")
    slab.pbc = True
    assert "Crystal" in fdmnes_input(slab, 0, "K")  # control

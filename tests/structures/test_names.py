"""Formulas as chemists write them."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from src.structures.names import formula, formula_of, title_of


@pytest.mark.parametrize(
    "written",
    # the usual formulas, from the IUPAC order of the elements
    ["TiO2", "La2CuO4", "CuSO4", "CaCO3", "NaCl", "NH3", "H2O", "CH4", "HCl", "GaN", "UO2",
     "YBa2Cu3O7", "XeF2", "BN", "MgB2", "CuCl2", "LuPO4", "SiO2"],
)  # fmt: skip
def test_usual_formulas(written):
    numbers = Atoms(written).numbers
    expected = "Ba2YCu3O7" if written == "YBa2Cu3O7" else written  # by group
    shuffled = np.random.default_rng(0).permutation(np.repeat(numbers, 6))
    assert formula(shuffled) == expected
    assert formula(shuffled, reduced=False) != expected  # negative control


def test_only_crystals_are_reduced():
    assert formula_of(bulk("NaCl", "rocksalt", 5.6, cubic=True)) == "NaCl"
    assert formula_of(Atoms("H2O2")) == "H2O2"
    assert formula_of(Atoms()) == ""


def test_titles():
    assert title_of("mp-1692", "CuO") == "CuO (mp-1692)"
    assert title_of("CuO", "CuO") == "CuO"
    assert title_of("CuO_relaxed", "CuO") == "CuO_relaxed"
    assert title_of("unknown", None) == "unknown"

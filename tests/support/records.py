"""Small records, and what it means that two are the same."""

import numpy as np
from ase import Atoms

from src.dataset.record import Record


def record(site=0, material="mp-1", **changes):
    """A small record."""
    atoms = Atoms("Cu2O", [[0, 0, 0], [2, 0, 0], [1, 1, 0]], cell=[4, 4, 4], pbc=True)
    fields = {
        "id": f"{material}_{site:03d}", "material": material, "atoms": atoms, "site": site,
        "element": "Cu", "edge": "K", "energy": np.array([1.0, 2.0, 4.0]),
        "mu": np.array([0.1, 0.5, 1 / 3]), "target": "absolute", "code": "FEFF",
        "version": "9.9.1", "source": "here", "fermi_level": -8.5,
    }  # fmt: skip
    return Record(**{**fields, **changes})


def assert_same(a, b):
    """Every field of two records is equal, numbers to the last bit."""
    for name in ("id", "material", "site", "element", "edge", "target", "code", "version"):
        assert getattr(a, name) == getattr(b, name)
    assert (a.source, a.fermi_level, a.axis) == (b.source, b.fermi_level, b.axis)
    assert np.array_equal(a.energy, b.energy)
    assert np.array_equal(a.mu, b.mu)
    assert np.array_equal(a.atoms.positions, b.atoms.positions)
    assert np.array_equal(a.atoms.cell.array, b.atoms.cell.array)
    assert a.atoms.numbers.tolist() == b.atoms.numbers.tolist()
    assert a.atoms.pbc.tolist() == b.atoms.pbc.tolist()

"""Records of elements whose spectra differ in size, energy and shape."""

from dataclasses import replace

import numpy as np
from records import record

from src.dataset.database import write_records
from src.xas.edges import find_edge

UNIT = {"Cu": 0.9, "Ti": 2.0, "Mn": 1.4}
"""Edge step of each element."""
SMALL = ["--model.num_layers=1", "--model.lmax=0", "--model.channels=8", "--training.epochs=1",
         "--val_fraction=0.5", "--training.lr=1e-4", "--training.device=cpu"]  # fmt: skip


def made(element, site, material, height=1.0):
    """A record whose spectrum is a step with a peak, in the unit of its element."""
    base = record()
    atoms = base.atoms.copy()
    atoms.symbols[[0, 1]] = element
    atoms.positions += np.random.default_rng(int(material[3:])).normal(0, 0.05, (3, 3))
    energy = find_edge(element, "K").energy + np.arange(0.0, 60.0, 0.5)
    x = energy - energy[0]
    mu = 0.5 + np.arctan(x - 8.0) / np.pi + height * np.exp(-(((x - 12.0) / 2.0) ** 2))
    return replace(
        base, id=f"{material}_{site:03d}", material=material, atoms=atoms, site=site,
        element=element, energy=energy, mu=UNIT[element] * mu,
    )  # fmt: skip


def write_several(path):
    """Write 80 records of copper, 100 of titanium and 2 of manganese, which are in training."""
    records = [made("Cu", k % 2, f"mp-{k}", 1.0 + 0.1 * (k % 3)) for k in range(80)]
    records += [made("Ti", k % 2, f"mp-{k}", 0.3) for k in range(100, 200)]
    records += [made("Mn", 0, f"mp-{k}", 0.3) for k in (200, 202)]
    write_records(path, records)
    return path

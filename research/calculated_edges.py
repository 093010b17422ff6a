"""Edge energies of FEFF 10, the column `calculated` of `src/xas/edges.csv`: `calculated_edges.py`.

Each is the energy of the edge, a difference of total energies of the atom with and without the core
hole, in a rock-salt oxide whose distance is the sum of covalent radii, without self-consistency:
two seconds an edge. Energies that the file has already are left, the others are added as they come.

    python -m research.calculated_edges --edges K L3
"""

import argparse
import csv
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import feff10
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii
from ase.units import Hartree

from src.calculation.feff_input import feff_input
from src.calculation.settings import FeffSettings

TABLE = Path(__file__).parents[1] / "src/xas/edges.csv"
STAGES = feff10.Stage.RDINP, feff10.Stage.ATOMIC, feff10.Stage.POT
LIGHTEST = 11
"""Sodium; lighter elements have no such oxide."""


def calculate(element: str, edge: str) -> float:
    """Energy of an edge, eV."""
    distance = sum(covalent_radii[atomic_numbers[symbol]] for symbol in (element, "O"))
    atoms = bulk(f"{element}O", "rocksalt", a=2.0 * distance)
    settings = FeffSettings(scf_radius=3.0, fms_radius=4.0, cluster_radius=6.0)
    text = feff_input(atoms, 0, edge, settings, None, element)
    text = re.sub(r"^(SCF|CONTROL) .*\n", "", text, flags=re.MULTILINE)
    before = Path.cwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            card = feff10.FeffInput.parse_strict(text)
            feff10.FeffPipeline(feff10.FeffConfig(".", card, stages=list(STAGES))).run()
            line = Path("edges.dat").read_text().splitlines()[1]
        finally:
            os.chdir(before)
    return float(line.split()[0]) * Hartree


def main() -> None:
    """Calculate what is missing and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--edges", nargs="+", default=["K", "L3"])
    wanted = parser.parse_args().edges
    lines = TABLE.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    for row in rows:
        z = atomic_numbers[row["element"]]
        if row["edge"] in wanted and not row["calculated"] and LIGHTEST <= z <= 96:
            row["calculated"] = f"{calculate(row['element'], row['edge']):.2f}"
        with TABLE.open("w", newline="") as file:
            file.writelines(f"{line}\n" for line in comments)
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()

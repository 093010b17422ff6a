"""How far do 15 FDMNES runs of TiO2 go? Each polymorph predicted from the others.

    python research/tio2.py DATABASE -o FOLDER [--starts cu-k-feff chemistry] [--workers N]
        [options of every training]

A run is left out in turn; of the other 14 the next one validates, which chooses the epoch, and 13
are trained on. Also: the mean spectrum of the others, and the spectrum of the nearest of them,
by the pair distances around titanium.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

sys.path.insert(0, str(Path(__file__).parents[1]))

from research.runner import Run, command, make_parser, markdown, read_study, save_study, write_ids
from src.dataset.database import Database
from src.xas.energies import even_energies

GRID = even_energies(4960.0, 5000.0, 0.5)
"""Energies of training and score, eV."""
ENERGY = ("--energy.start", "4960", "--energy.stop", "5000", "--energy.step", "0.5")
REACH = 6.0
"""Distances that describe a structure, Angstrom."""


def pair_distances(atoms: Atoms, absorbers: Sequence[int]) -> np.ndarray:
    """Neighbors of the absorbers by element and distance, smoothed by 0.1 Angstrom, a mean."""
    center, other, length = neighbor_list("ijd", atoms, REACH)
    grid = np.arange(1.5, REACH, 0.05)
    parts = []
    for z in (8, 22):
        chosen = length[np.isin(center, absorbers) & (atoms.numbers[other] == z)]
        peaks = np.exp(-0.5 * ((grid[:, None] - chosen[None, :]) / 0.1) ** 2)
        parts.append((peaks / chosen[None, :] ** 2).sum(axis=1) / len(absorbers))
    return np.concatenate(parts)


def baselines(database: Database, left_out: str) -> tuple[float, float]:
    """Errors of the mean spectrum of all others and of the nearest one's."""
    records = list(database.records(database.ids))
    spectra = {r.id: np.interp(GRID, r.energy, r.mu) for r in records}
    described = {r.id: pair_distances(r.atoms, r.mean_over or [r.site]) for r in records}
    others = [name for name in spectra if name != left_out]
    mean = np.mean([spectra[name] for name in others], axis=0)
    nearest = min(others, key=lambda k: np.linalg.norm(described[k] - described[left_out]))
    truth = spectra[left_out]
    return float(np.mean((mean - truth) ** 2)), float(np.mean((spectra[nearest] - truth) ** 2))


def main(argv: Sequence[str] | None = None) -> int:
    """Train all folds from every start and write the table; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--starts", nargs="+", default=["cu-k-feff", "chemistry"])
    options, study, rest = read_study(parser, ["--train", "-", *(argv or sys.argv[1:])])
    database = Database(study.database)
    ids = sorted(database.ids)
    runs = []
    for start in options.starts:
        for k, left_out in enumerate(ids):
            val = ids[(k + 1) % len(ids)]
            train = [name for name in ids if name not in (left_out, val)]
            folder = study.output / "ids"
            files = [
                write_ids(folder / f"{name}-{k}.txt", part)
                for name, part in (("train", train), ("val", [val]), ("test", [left_out]))
            ]
            training = ("--init_from", start, *ENERGY, *rest)
            runs.append(Run(f"{start}-{k}", files[0], files[1], training))
    outcomes = study.run_all(runs)
    errors: dict[str, list[float]] = {start: [] for start in options.starts}
    for run in runs:
        folder = study.output / run.name
        test = run.val.with_name(run.val.name.replace("val", "test"))
        table = folder / "test.json"
        words = ["evaluate", folder / "model", study.database, "--ids", test, "--table", table]
        command(words, folder / "test.log")
        errors[run.name.rpartition("-")[0]].append(json.loads(table.read_text())["mse"])
    others = [baselines(database, name) for name in ids]
    columns = {**errors, "mean spectrum": [a for a, _ in others], "nearest": [b for _, b in others]}
    rows: list[tuple[str, ...]] = [
        (name, *(f"{column[k]:.5f}" for column in columns.values())) for k, name in enumerate(ids)
    ]
    rows.append(("mean", *(f"{np.mean(column):.5f}" for column in columns.values())))
    rows.append(("median", *(f"{np.median(column):.5f}" for column in columns.values())))
    text = markdown(("held out", *columns), rows)
    return save_study(study, "tio2", text, outcomes, errors=columns, ids=ids)


if __name__ == "__main__":
    sys.exit(main())

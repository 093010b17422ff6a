r"""An absorber left out of training altogether: `left_out.py DATABASE --without Ni ..`.

Trains a model of several edges without any record with the element as absorber, neither for
training nor to choose the epoch, and compares its predictions for the element's validation records
with the mean training spectrum of the nearest elements of the period that were trained on, on their
own energies relative to the edge, in units of the edge step. Other options go to `train`.

    python -m research.left_out any/any.db --train any/train.txt --val any/val.txt -o left_out \
        --without Ni --beside any-edge --init_from chemistry \
        --training.epochs 16 --model.dropout 0.15

`--beside` adds models that are trained already, such as one with the element. Errors are medians of
the root mean squared error in % of the edge step. `fitted`: with the one shift, within 5 eV, and
factor at which the mean squared error of all records together is least, as one aligns a
measurement. The neighbors' mean has the same freedom.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from research.groups import SHIFTS
from research.runner import command, make_parser, markdown, read_study, select, write_ids
from src.checkpoints.several_edges import mean_spectrum
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.dataset.split import read_ids
from src.errors import ConfigError
from src.evaluation.evaluate import by_edge, evaluate
from src.evaluation.metrics import mean_over
from src.model.ensemble import networks_of
from src.structures.names import NOBLE_GASES
from src.uncertainty import FEW
from src.xas.edge_scale import EdgeScale, find_scale

HEADER = ("model", "absorber, code", "training spectra", "sites", "error", "of neighbors' mean",
          "fitted", "of neighbors' mean", "shift, eV", "neighbors")  # fmt: skip


def neighbors(scales: Sequence[EdgeScale], element: str, edge: str) -> list[EdgeScale]:
    """Nearest elements of the period, on either side, with training spectra enough at the edge."""
    z = int(atomic_numbers[element])
    period = np.searchsorted(NOBLE_GASES, z)
    near = [s for s in scales if s.edge == edge and s.n_spectra >= FEW and s.z != z
            and np.searchsorted(NOBLE_GASES, s.z) == period]  # fmt: skip
    if not near:
        raise ConfigError(
            f"no element of {element}'s period has {FEW} training spectra, {edge} edge"
        )
    near.sort(key=lambda s: s.z)
    return [*[s for s in near if s.z < z][-1:], *[s for s in near if s.z > z][:1]]


def fit(
    energy: np.ndarray, predicted: np.ndarray, target: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, float]:
    """Squared error of each spectrum at the best common shift and factor, and the shift, eV.

    ``energy`` is (n_energies,), the others (n_spectra, n_energies).
    """
    best = np.full(len(target), np.inf), 0.0
    for shift in SHIFTS:
        counted = mask & (energy >= energy[0] + shift) & (energy <= energy[-1] + shift)
        moved = np.stack([np.interp(energy - shift, energy, row) for row in predicted])
        factor = (moved * target)[counted].sum() / (moved[counted] ** 2).sum()
        error = mean_over((factor * moved - target) ** 2, counted)
        if error.mean() < best[0].mean():
            best = error, float(shift)
    return best


def compare(
    model: TrainedModel, database: Database, ids: Sequence[str]
) -> list[tuple[object, ...]]:
    """Rows of the table: predictions of a model against the mean of its neighbors, by code."""
    rows, scales = [], model.info.edges or []
    for _, one, members in by_edge(model, database, ids):
        compared = evaluate(one, database, members)
        element, edge = str(one.info.element), str(one.info.edge)
        scale, near = find_scale(scales, element, edge), neighbors(scales, element, edge)
        energy, target = compared.axis.relative, compared.target / scale.edge_step
        means = [
            mean_spectrum(network, energy) / s.edge_step
            for s in near
            for network in networks_of(model.of(s.element, edge).network)
        ]
        errors = []
        for mu in (compared.prediction / scale.edge_step, np.mean(means, axis=0) + 0 * target):
            fitted, shift = fit(energy, mu, target, compared.mask)
            errors.append((mean_over((mu - target) ** 2, compared.mask), fitted, shift))
        (a, fitted_a, shift), (b, fitted_b, _) = errors
        cells = [f"{100 * np.sqrt(np.median(error)):.1f} %" for error in (a, b, fitted_a, fitted_b)]
        name = f"{element} {edge}, {one.info.code}"
        rows.append((model.name, name, scale.n_spectra, len(members), *cells, f"{shift:+.1f}",
                     " ".join(s.element for s in near)))  # fmt: skip
    return rows


def check_start(words: Sequence[str], element: str) -> None:
    """Refuse to start from a model that has seen the element; ConfigError."""
    words = " ".join(words).replace("=", " ").split()
    for name, value in zip(words, words[1:], strict=False):
        info = TrainedModel.load(value).info if name == "--init_from" else None
        if info is None:
            continue
        seen = {info.element, *(s.element for s in info.edges or [])}
        if element in seen or element in (info.started_from or "").split():
            raise ConfigError(f"`init_from` {value} was trained on {element}; start from another")


def main(argv: Sequence[str] | None = None) -> int:
    """Train without an element, unless that is done, and compare; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--val", type=Path, required=True, help="file of validation ids")
    parser.add_argument("--without", required=True, help="absorber to leave out")
    parser.add_argument("--beside", nargs="*", default=[], help="models to compare too")
    options, study, words = read_study(parser, argv)
    check_start(words, options.without)
    database, folder = Database(study.database), study.output / f"without-{options.without}"
    split, held = {}, []
    for part in ("train", "val"):
        ids = read_ids(getattr(options, part))
        held = select(database, ids, options.without, None)
        others = [i for i in ids if database.entry(i).element != options.without]
        split[part] = write_ids(folder / f"{part}.txt", others)
    if not held:
        raise ConfigError(f"{options.val}: no {options.without} is the absorber of a record")
    line = ["train", study.database, "-o", folder / "model", *words]
    line += [f"--{part}={path}" for part, path in split.items()]
    if not (folder / "model" / "model.pt").is_file():
        command(line, folder / "train.log")
    models = [TrainedModel.load(name) for name in (folder / "model", *options.beside)]
    text = markdown(HEADER, [row for model in models for row in compare(model, database, held)])
    (folder / "left_out.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

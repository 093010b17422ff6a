"""How good is a recipe on materials that nobody tuned on? Folds over materials inside train.

    python research/cross_validation.py DATABASE --train IDS -o FOLDER [--folds 5] [--seed 0]
        [--workers N] [options of every training]

A material's fold follows from a hash of its name and the seed.
"""

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from research.runner import (
    Outcome,
    Run,
    Study,
    make_parser,
    markdown,
    read_study,
    save_study,
    write_ids,
)  # fmt: skip
from src.dataset.split import check_split, read_ids, split_by_hash
from src.errors import ConfigError


def make_folds(ids: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Share out ids into folds, a material's all into one.

    Raises:
        ConfigError: fewer than two folds, or one would be empty.
    """
    if folds < 2:
        raise ConfigError(f"`--folds` is {folds} but must be at least 2")
    parts = split_by_hash(ids, {str(k): 1.0 / folds for k in range(folds)}, seed)
    empty = [name for name, part in parts.items() if not part]
    if empty:
        raise ConfigError(f"fold {empty[0]} of {folds} is empty; give fewer folds or another seed")
    return list(parts.values())


def make_runs(study: Study, folds: list[list[str]], rest: tuple[str, ...]) -> list[Run]:
    """One run a fold: trained on the others, validated on it."""
    runs = []
    for k, val in enumerate(folds):
        train = [record_id for j, part in enumerate(folds) if j != k for record_id in part]
        check_split(train, val)
        folder = study.output / "ids"
        train_file = write_ids(folder / f"train-{k}.txt", train)
        val_file = write_ids(folder / f"val-{k}.txt", val)
        runs.append(Run(f"fold-{k}", train_file, val_file, rest))
    return runs


def pooled(study: Study, outcomes: Sequence[Outcome]) -> np.ndarray:
    """Error of every site by the network that did not see its material, shape (n_sites,)."""
    errors: list[float] = []
    for outcome in outcomes:
        if outcome.failure is None:
            stored = json.loads((study.output / outcome.name / "evaluation.json").read_text())
            errors += [site["mse"] for site in stored["by_site"].values()]
    return np.array(errors)


def table(outcomes: Sequence[Outcome], errors: np.ndarray) -> str:
    """Folds and all sites together, in Markdown."""
    rows: list[Sequence[object]] = [
        (
            o.name,
            o.sites,
            f"{o.mse:.6f}",
            f"{o.median:.6f}",
            f"{o.baseline:.6f}",
            f"{o.seconds:.0f}",
        )
        for o in outcomes
    ]
    seconds = f"{sum(outcome.seconds for outcome in outcomes):.0f}"
    if len(errors):
        all_sites = (f"{errors.mean():.6f}", f"{np.median(errors):.6f}", "", seconds)
        rows.append((f"all {len(errors)} sites", "", *all_sites))
    header = ("fold", "training sites", "mse", "median", "mean spectrum", "seconds")
    good = [outcome.mse for outcome in outcomes if outcome.failure is None]
    note = ""
    if len(good) > 1:
        note = f"\nMean of {len(good)} folds {statistics.fmean(good):.6f}, standard deviation"
        note += f" {statistics.stdev(good):.6f}.\n"
    return markdown(header, rows) + note


def main(argv: Sequence[str] | None = None) -> int:
    """Train all folds and write the table; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--folds", type=int, default=5, help="number of folds")
    parser.add_argument("--seed", type=int, default=0, help="seed of the folds")
    options, study, rest = read_study(parser, argv)
    folds = make_folds(read_ids(options.train), options.folds, options.seed)
    outcomes = study.run_all(make_runs(study, folds, rest))
    errors = pooled(study, outcomes)
    figures = {"mse": errors.mean(), "median": np.median(errors)} if len(errors) else {}
    text = table(outcomes, errors)
    return save_study(study, "cross_validation", text, outcomes, **figures)


if __name__ == "__main__":
    sys.exit(main())

"""Errors of a model of several edges by element, edge and code: `by_edge.py MODEL DATABASE`.

Without `--ids`, on its validation records. eta is the median error of the mean training spectrum
over that of the model; `normalized` is the median mean squared error in units of the edge step.

    python -m research.by_edge any-edge any.db --ids val.txt
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.dataset.split import read_ids
from src.evaluation.evaluate import evaluate
from src.evaluation.metrics import mean_over
from src.xas.edge_scale import find_scale

HEADER = "element edge code sites mse median baseline eta normalized normalized_baseline coverage"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("database", type=Path)
    parser.add_argument("--ids", type=Path)
    arguments = parser.parse_args()
    model, database = TrainedModel.load(arguments.model), Database(arguments.database)
    ids = read_ids(arguments.ids) if arguments.ids else model.info.val_ids or []
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for record_id in ids:
        entry = database.entry(record_id)
        groups[entry.element, entry.edge, entry.code].append(record_id)
    print(HEADER)
    pooled = []
    for (element, edge, code), members in sorted(groups.items(), key=lambda item: -len(item[1])):
        one = model.of(element, edge, code)
        compared = evaluate(one, database, members)
        mean = np.array(one.info.mean_spectrum)
        baseline = mean_over((mean - compared.target) ** 2, compared.mask)
        error = compared.result.mse
        unit = find_scale(model.info.edges or [], element, edge).edge_step ** 2
        covered = np.full(len(error), np.nan)
        if compared.bands is not None:
            inside = abs(compared.prediction - compared.target) <= compared.bands.half_width
            covered = mean_over(inside, compared.mask)
        pooled += list(zip(error / unit, baseline / unit, covered, strict=True))
        median, of_mean = np.median(error), np.median(baseline)
        print(
            f"{element} {edge} {code.replace(' ', '-')} {len(members)} {error.mean():.5f}"
            f" {median:.5f} {of_mean:.5f} {of_mean / median:.2f} {median / unit:.5f}"
            f" {of_mean / unit:.5f} {covered.mean():.3f}",
            flush=True,
        )
    values = np.array(pooled)
    medians, coverage = np.median(values[:, :2], axis=0).round(5), values[:, 2].mean()
    print(f"all: {len(values)} sites, normalized {medians}, coverage {coverage:.3f}")


if __name__ == "__main__":
    main()

"""Coverage of bands over many splits of the validation sites: `coverage.py MODEL DATABASE --ids`.

Of the materials of the file of ids, half calibrate bands and the others count how many energies lie
within them, for each group that has bands of its own. Printed are mean and standard deviation over
splits, in percent.

    python -m research.coverage ensemble.pt any/any.db --ids any/val.txt
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.dataset.split import read_ids, split_by_hash
from src.evaluation.calibrate import learn_novelty, site_errors
from src.evaluation.conformal import SiteErrors, calibrate
from src.evaluation.evaluate import model_dataset
from src.uncertainty.calibration import FEW_SITES
from src.uncertainty.novelty import Novelty

ONE = "all"
"""Group of a model of one edge."""


def cover(data: SiteErrors, novelty: Novelty, seed: int) -> dict[str, tuple[int, float]]:
    """Sites that did not calibrate, and the fraction of their energies within bands, by group."""
    halves = split_by_hash(data.ids, {"calibration": 0.5, "test": 0.5}, seed)
    bands, test = calibrate(data.part(halves["calibration"]), novelty), data.part(halves["test"])
    kinds = np.full(len(test.ids), ONE, dtype=object)
    if test.kinds is not None:
        kinds[:] = [k if k in bands.by_edge else FEW_SITES for k in test.kinds]
    found = {}
    for kind in sorted(set(kinds.tolist())):
        of_kind = kinds == kind
        half = bands.of(kind, 1.0).half_width(test.spread, test.distance)
        error = test.error[of_kind]
        known = np.isfinite(error)
        found[kind] = int(of_kind.sum()), float((error <= half[of_kind])[known].mean())
    return found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=40)
    job = parser.parse_args()
    model, database = TrainedModel.load(job.model), Database(job.database)
    novelty = learn_novelty(model, database)
    data = site_errors(model_dataset(model, database, read_ids(job.ids)), model, novelty)
    by_kind = defaultdict(list)
    for seed in range(100, 100 + job.splits):
        for kind, found in cover(data, novelty, seed).items():
            by_kind[kind].append(found)
    print("group: sites coverage deviation")
    for kind, rows in sorted(by_kind.items()):
        sites, fraction = np.array(rows).T
        print(f"{kind}: {sites.mean():.0f} {100 * fraction.mean():.1f} {100 * fraction.std():.1f}")


if __name__ == "__main__":
    main()

"""Do the sites that are most novel to a model teach it more than random ones?

    python research/choose_sites.py DATABASE --train IDS -o FOLDER [--start 300] [--new 100]
        [--pool 1000] [--scored 600] [--seeds 3] [--workers N] [options of every training]

A model is trained on the first sites of a shuffled order of materials (`--start`), and new sites
are chosen from others (`--pool` of them), by `calculate --choose-by`'s rule or at random; the
training is repeated from the start with these added. All are scored on `--scored` sites, at random,
of materials of which neither choice took one.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from research.runner import Outcome, Run, make_parser, markdown, read_study, save_study, write_ids
from research.sizes import shuffled
from src.calculation.choose import farthest_points, site_features
from src.calculation.plan import Site
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.dataset.split import read_ids
from src.structures.names import material_of
from src.uncertainty.novelty import Novelty


def sites_of(database: Database, ids: Sequence[str]) -> list[Site]:
    """Sites of records."""
    return [Site(r.material, r.atoms, r.site, r.edge) for r in database.records(ids)]


def choose(path: Path, database: Database, known: list[str], pool: list[str], n: int) -> list[str]:
    """The n sites of a pool that are most novel to a model."""
    model = TrainedModel.load(path)
    novelty = Novelty.fit(site_features(model, sites_of(database, known)))
    points = novelty.whitened(site_features(model, sites_of(database, pool)))
    return [pool[k] for k in farthest_points(points, novelty.sites.astype(float), n)]


def main(argv: Sequence[str] | None = None) -> int:
    """Train, write the table; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--start", type=int, default=300, help="sites of the first training")
    parser.add_argument("--new", type=int, default=100, help="sites that are added")
    parser.add_argument("--pool", type=int, default=1000, help="sites to choose from")
    parser.add_argument("--scored", type=int, default=600, help="sites on which all are scored")
    parser.add_argument("--seeds", type=int, default=3)
    options, study, rest = read_study(parser, argv)
    database = Database(Path(study.database))
    outcomes: list[Outcome] = []
    for seed in range(options.seeds):
        ordered = shuffled(read_ids(options.train), seed)
        begun = {material_of(i) for i in ordered[: options.start]}  # whole materials
        known = [i for i in ordered if material_of(i) in begun]
        others = [i for i in ordered if material_of(i) not in begun]
        pool = others[: options.pool]
        words = (*rest, "--training.seed", str(seed))
        folder = study.output / "ids"
        file = write_ids(folder / f"start-{seed}.txt", known)
        checked = write_ids(folder / f"others-{seed}.txt", others[-200:])
        outcomes += study.run_all([Run(f"start-{seed}", file, checked, words)])
        model = study.output / f"start-{seed}" / "model"
        new = {
            "novel": choose(model, database, known, pool, options.new),
            "random": [
                pool[k] for k in np.random.default_rng(seed).permutation(len(pool))[: options.new]
            ],
        }
        taken = {material_of(i) for ids in new.values() for i in ids}
        left = [i for i in others if material_of(i) not in taken]
        scored = write_ids(folder / f"scored-{seed}.txt", left[-options.scored :])
        runs = [
            Run(f"{k}-{seed}", write_ids(folder / f"{k}-{seed}.txt", known + v), scored, words)
            for k, v in new.items()
        ]
        outcomes += study.run_all(runs)
    rows = [(o.name, o.sites, f"{o.mse:.6f}", f"{o.median:.6f}") for o in outcomes]
    text = markdown(("run", "training sites", "mse", "median"), rows)
    return save_study(study, "choose_sites", text, outcomes)


if __name__ == "__main__":
    sys.exit(main())

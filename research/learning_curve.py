"""How does the error fall with the number of training sites?

    python research/learning_curve.py DATABASE --train IDS --val IDS -o FOLDER
        [--sizes 100 200 400 ..] [--seeds 1] [--epochs 30] [--epochs_power 0.5] [--workers N]
        [options of every training]

Sets are nested: the first sites of an order in which materials are shuffled by a seed. Smaller sets
are trained for epochs * (largest / size) ** epochs_power epochs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from research.pictures import plot_sizes
from research.runner import (
    EPOCHS,
    Outcome,
    Run,
    make_parser,
    markdown,
    read_study,
    save_study,
    write_ids,
)  # fmt: skip
from research.sizes import choose_sizes, fit_power_law, scaled_epochs, shuffled
from src.dataset.split import read_ids


def table(outcomes: Sequence[Outcome]) -> tuple[str, dict[str, float]]:
    """Outcomes in Markdown with the fitted law, and the law's figures."""
    rows = [
        (o.name, o.sites, f"{o.mse:.6f}", f"{o.median:.6f}", o.epochs, f"{o.seconds:.0f}")
        for o in outcomes
    ]
    text = markdown(("run", "training sites", "mse", "median", "epochs", "seconds"), rows)
    good = [outcome for outcome in outcomes if outcome.failure is None]
    if len({outcome.sites for outcome in good}) < 2:
        return text, {}
    law = fit_power_law([o.sites for o in good], [o.mse for o in good])
    most = max(outcome.sites for outcome in good)
    text += (
        f"\nmse = {law.factor:.4g} N^-b with b = {law.exponent:.3f} +- {law.exponent_error:.3f};"
        f" {law.at(2 * most):.6f} with twice and {law.at(10 * most):.6f} with ten times as many"
        f" sites as {most}, if the law continues to hold.\n"
    )
    return text, vars(law)


def main(argv: Sequence[str] | None = None) -> int:
    """Train all sizes, write table and picture; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--val", type=Path, required=True, help="file of validation ids")
    parser.add_argument("--sizes", type=int, nargs="+", help="training sites")
    parser.add_argument("--seeds", type=int, default=1, help="shuffles of the materials")
    parser.add_argument("--epochs", type=int, default=30, help="epochs of the largest set")
    parser.add_argument("--epochs_power", type=float, default=0.5, help="0: same epochs for all")
    options, study, rest = read_study(parser, argv)
    ids, runs = read_ids(options.train), []
    sizes = choose_sizes(options.sizes, len(ids))
    for seed in range(options.seeds):
        ordered = shuffled(ids, seed)
        for size in sizes:
            name = f"{size}-seed-{seed}"
            file = write_ids(study.output / "ids" / f"{name}.txt", ordered[:size])
            epochs = scaled_epochs(options.epochs, size, sizes[-1], options.epochs_power)
            words = (*rest, EPOCHS, str(epochs), "--training.seed", str(seed))
            runs.append(Run(name, file, options.val, words))
    outcomes = study.run_all(runs)
    text, law = table(outcomes)
    plot_sizes({"validation": outcomes}, study.output / "learning_curve.png", fitted=True)
    return save_study(study, "learning_curve", text, outcomes, power_law=law)


if __name__ == "__main__":
    sys.exit(main())

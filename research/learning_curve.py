r"""How does the error fall with the number of training sites?

    python research/learning_curve.py DATABASE --train IDS --val IDS -o FOLDER
        [--sizes 100 200 400 ..] [--seeds 1] [--epochs 30] [--epochs_power 0.5] [--workers N]
        [--element Ni --code 'FEFF 9.9.1' [--others IDS --others_epochs 16]]
        [options of every training]

Sets are nested: the first sites of an order in which materials are shuffled by a seed. Smaller sets
are trained for epochs * (largest / size) ** epochs_power epochs. With `--others` each set is also
trained together with the records of a file that have another absorber than `--element`:

    python research/learning_curve.py any/any.db --train any/train.txt --val any/val.txt \
        -o curve_Ni --element Ni --code 'FEFF 9.9.1' --sizes 50 100 200 --epochs 60 \
        --others any/train.txt --others_epochs 16 --init_from chemistry --model.dropout 0.15
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
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
from src.dataset.database import Database
from src.dataset.split import read_ids
from src.errors import ConfigError


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


def read_others(options: argparse.Namespace) -> list[str]:
    """Records of other absorbers; ConfigError without the element."""
    if options.others is None:
        return []
    if options.element is None:
        raise ConfigError("`others` are records of other absorbers; give `element`")
    database = Database(options.database)
    ids = read_ids(options.others)
    return [i for i in ids if database.entry(i).element != options.element]


def main(argv: Sequence[str] | None = None) -> int:
    """Train all sizes, write table and picture; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--val", type=Path, required=True, help="file of validation ids")
    parser.add_argument("--sizes", type=int, nargs="+", help="training sites")
    parser.add_argument("--seeds", type=int, default=1, help="shuffles of the materials")
    parser.add_argument("--epochs", type=int, default=30, help="epochs of the largest set")
    parser.add_argument("--epochs_power", type=float, default=0.5, help="0: same epochs for all")
    parser.add_argument("--others", type=Path, help="file of ids; see above")
    parser.add_argument("--others_epochs", type=int, default=16, help="epochs together with them")
    options, study, rest = read_study(parser, argv)
    ids, others = read_ids(options.train), read_others(options)
    runs: dict[str, list[tuple[int, Run]]] = {"alone": [], "with others": []}
    sizes = choose_sizes(options.sizes, len(ids))
    for seed in range(options.seeds):
        ordered = shuffled(ids, seed)
        for size in sizes:
            chosen, name = ordered[:size], f"{size}-seed-{seed}"
            epochs = scaled_epochs(options.epochs, size, sizes[-1], options.epochs_power)
            sets = {"alone": (name, chosen, epochs)}
            if others:
                together = f"{name}-with-others", [*chosen, *others], options.others_epochs
                sets["with others"] = together
            for way, (run, members, number) in sets.items():
                file = write_ids(study.output / "ids" / f"{run}.txt", members)
                words = (*rest, EPOCHS, str(number), "--training.seed", str(seed))
                runs[way].append((size, Run(run, file, options.val, words)))
    outcomes: dict[str, list[Outcome]] = {}
    for way, sized in runs.items():
        if sized:
            done = zip(study.run_all([run for _, run in sized]), sized, strict=True)
            outcomes[way] = [replace(outcome, sites=size) for outcome, (size, _) in done]
    text, law = table(outcomes["alone"])
    if others:
        text += f"\nWith {len(others)} records of other absorbers:\n\n"
        text += table(outcomes["with others"])[0]
    plot_sizes(outcomes, study.output / "learning_curve.png", fitted=True)
    both = [outcome for members in outcomes.values() for outcome in members]
    return save_study(study, "learning_curve", text, both, power_law=law)


if __name__ == "__main__":
    sys.exit(main())

"""What is a trained model worth for another set? From scratch against --init_from.

    python research/transfer.py DATABASE --train IDS --val IDS -o FOLDER --init_from MODEL
        [--sizes 50 100 200 400] [--seeds 1] [--epochs 60] [--epochs_power 0.5]
        [--workers N] [options of every training]

Both ways train on the same nested sets. The network of the trainings from scratch is the model's.
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
from research.sizes import choose_sizes, scaled_epochs, shuffled
from src.checkpoints.trained_model import TrainedModel
from src.dataset.split import read_ids

WAYS = ("scratch", "transfer")
MEASURED = ("avg_num_neighbors", "emin", "emax")
"""Arguments of the network that its database decides."""


def network_options(path: Path) -> tuple[str, ...]:
    """Words for `train` that make a network like a model's."""
    model = TrainedModel.load(path).network
    words: list[str] = []
    for name, value in model.hyperparameters.items():
        if name not in MEASURED and value is not None:
            words += [f"--model.{name}", str(list(value) if isinstance(value, tuple) else value)]
    return tuple(words)


def table(outcomes: dict[str, list[Outcome]]) -> str:
    """Both ways side by side, in Markdown."""
    rows = [
        (a.sites, a.name.rpartition("-")[2], f"{a.mse:.6f}", f"{b.mse:.6f}", f"{b.mse / a.mse:.3f}",
         f"{a.median:.6f}", f"{b.median:.6f}", a.epochs)
        for a, b in zip(*(outcomes[way] for way in WAYS), strict=True)
    ]  # fmt: skip
    header = ("training sites", "seed", "mse from scratch", "mse from the model", "ratio",
              "median from scratch", "median from the model", "epochs")  # fmt: skip
    baseline = outcomes["scratch"][-1].baseline
    return markdown(header, rows) + f"\nMean training spectrum of the largest set: {baseline:.6f}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Train all sizes both ways, write table and picture; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--val", type=Path, required=True, help="file of validation ids")
    parser.add_argument("--init_from", type=Path, required=True, help="model to start from")
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--seeds", type=int, default=1, help="shuffles of the materials")
    parser.add_argument("--epochs", type=int, default=60, help="epochs of the largest set")
    parser.add_argument("--epochs_power", type=float, default=0.5, help="0: same epochs for all")
    options, study, rest = read_study(parser, argv)
    ids = read_ids(options.train)
    sizes = choose_sizes(options.sizes, len(ids))
    words = {
        "scratch": network_options(options.init_from),
        "transfer": ("--init_from", str(options.init_from)),
    }
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for seed in range(options.seeds):
        ordered = shuffled(ids, seed)
        for size in sizes:
            file = write_ids(study.output / "ids" / f"{size}-{seed}.txt", ordered[:size])
            epochs = scaled_epochs(options.epochs, size, sizes[-1], options.epochs_power)
            common = (*rest, EPOCHS, str(epochs), "--training.seed", str(seed))
            for way in WAYS:
                name = f"{way}-{size}-{seed}"
                runs[way].append(Run(name, file, options.val, (*words[way], *common)))
    done = study.run_all([run for way in WAYS for run in runs[way]])
    half = len(done) // 2
    outcomes = {"scratch": done[:half], "transfer": done[half:]}
    named = {"from scratch": done[:half], "from the model": done[half:]}
    plot_sizes(named, study.output / "transfer.png", fitted=False)
    return save_study(study, "transfer", table(outcomes), done)


if __name__ == "__main__":
    sys.exit(main())

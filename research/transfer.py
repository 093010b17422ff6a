r"""What are trained models worth for another set? From scratch against --init_from.

    python research/transfer.py DATABASE --train IDS --val IDS -o FOLDER
        --init_from [NAME=]MODEL [[NAME=]MODEL ..] [--sizes 50 100 200 400] [--seeds 1]
        [--epochs 60] [--epochs_power 0.5] [--element Ni --code 'FEFF 9.9.1'] [--workers N]
        [options of every training]

All ways train on the same nested sets. The network of the trainings from scratch is that of the
first model. How much a model of several edges helps an element that it has not seen:

    python research/transfer.py any/any.db --train any/train.txt --val any/val.txt -o transfer_Ni \
        --element Ni --code 'FEFF 9.9.1' --sizes 50 100 200 --epochs 60 --model.dropout 0.15 \
        --init_from without-Ni=left_out/without-Ni/model chemistry
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
from src.errors import ConfigError

SCRATCH = "scratch"
MEASURED = ("avg_num_neighbors", "emin", "emax", "edges", "codes")
"""Arguments of the network that its database decides."""


def network_options(path: str) -> tuple[str, ...]:
    """Words for `train` that make a network like a model's."""
    model = TrainedModel.load(path).network
    words: list[str] = []
    for name, value in model.hyperparameters.items():
        if name not in MEASURED and value is not None:
            words += [f"--model.{name}", str(list(value) if isinstance(value, tuple) else value)]
    return tuple(words)


def table(outcomes: dict[str, list[Outcome]]) -> str:
    """All ways side by side, in Markdown."""
    rows = []
    for one in zip(*outcomes.values(), strict=True):
        ratios = [f"{o.mse:.6f} ({o.mse / one[0].mse:.3f})" for o in one]
        seed = one[0].name.rpartition("-")[2]
        rows.append((one[0].sites, seed, *ratios, *[f"{o.median:.6f}" for o in one], one[0].epochs))
    kinds = [f"{kind} {way}" for kind in ("mse (ratio)", "median") for way in outcomes]
    text = markdown(("training sites", "seed", *kinds, "epochs"), rows)
    baseline = outcomes[SCRATCH][-1].baseline
    return f"{text}\nMean training spectrum of the largest set: {baseline:.6f}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Train all sizes both ways, write table and picture; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--val", type=Path, required=True, help="file of validation ids")
    parser.add_argument("--init_from", nargs="+", required=True, help="models to start from")
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--seeds", type=int, default=1, help="shuffles of the materials")
    parser.add_argument("--epochs", type=int, default=60, help="epochs of the largest set")
    parser.add_argument("--epochs_power", type=float, default=0.5, help="0: same epochs for all")
    options, study, rest = read_study(parser, argv)
    ids = read_ids(options.train)
    sizes = choose_sizes(options.sizes, len(ids))
    words: dict[str, tuple[str, ...]] = {}
    for word in options.init_from:
        name, _, model = word.rpartition("=")
        words.setdefault(SCRATCH, network_options(model))
        words[name or Path(model).stem] = ("--init_from", model)
    if len(words) != 1 + len(options.init_from):
        raise ConfigError(f"models of the same name, {options.init_from}; give NAME=MODEL")
    runs: dict[str, list[Run]] = {way: [] for way in words}
    for seed in range(options.seeds):
        ordered = shuffled(ids, seed)
        for size in sizes:
            file = write_ids(study.output / "ids" / f"{size}-{seed}.txt", ordered[:size])
            epochs = scaled_epochs(options.epochs, size, sizes[-1], options.epochs_power)
            common = (*rest, EPOCHS, str(epochs), "--training.seed", str(seed))
            for way in words:
                name = f"{way}-{size}-{seed}"
                runs[way].append(Run(name, file, options.val, (*words[way], *common)))
    outcomes = {way: study.run_all(members) for way, members in runs.items()}
    plot_sizes(outcomes, study.output / "transfer.png", fitted=False)
    done = [outcome for members in outcomes.values() for outcome in members]
    return save_study(study, "transfer", table(outcomes), done)


if __name__ == "__main__":
    sys.exit(main())

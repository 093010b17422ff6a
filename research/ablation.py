"""What is each option worth? A base and rows that change one thing, at equal budget.

    python research/ablation.py DATABASE --train IDS --val IDS -o FOLDER [--rows rows.yaml]
        [--seeds 3] [--workers N] [options of every training]

The first row of the file is the base; it is trained with several seeds, so that the noise is known.
A row's difference from the base's mean is called real beyond twice its standard error,
s sqrt(1 + 1 / n), with s the standard deviation of the n seeds.
"""

import shlex
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from research.runner import Outcome, Run, make_parser, markdown, read_study, save_study
from src.errors import ConfigError

ROWS = Path(__file__).with_name("rows.yaml")


def read_rows(path: Path) -> dict[str, tuple[str, ...]]:
    """Named rows of options, in order.

    Raises:
        ConfigError: the file is no mapping of names to text.
    """
    rows = yaml.safe_load(path.read_text())
    if not isinstance(rows, dict) or not all(isinstance(v or "", str) for v in rows.values()):
        raise ConfigError(f"{path}: expected lines of `name: options`")
    return {str(name): tuple(shlex.split(value or "")) for name, value in rows.items()}


def noise(base: Sequence[Outcome]) -> tuple[float, float]:
    """Mean of the base's seeds and the standard error of a row's difference from it.

    Args:
        base: outcomes of the base, one a seed.

    Returns:
        Mean, and s sqrt(1 + 1 / n); NaN with fewer than two seeds.
    """
    values = [outcome.mse for outcome in base]
    if len(values) < 2:
        return values[0], float("nan")
    spread = statistics.stdev(values)
    return statistics.fmean(values), spread * (1.0 + 1.0 / len(values)) ** 0.5


def table(outcomes: Sequence[Outcome], seeds: int, common: Sequence[str] = ()) -> str:
    """Outcomes in Markdown, the base's seeds first; ``common``: options that all rows share."""
    mean, error = noise(outcomes[:seeds])
    shared = " ".join(common)
    rows: list[tuple[object, ...]] = []
    for k, outcome in enumerate(outcomes):
        own = outcome.options.removeprefix(shared).strip()
        first = (outcome.name, f"`{own}`" if own else "")
        if outcome.failure is not None:
            rows.append((*first, "failed", "", "", "", ""))
            continue
        told = "" if k < seeds else verdict(outcome.mse - mean, error)
        figures = f"{outcome.mse:.6f}", f"{outcome.median:.6f}", told
        rows.append((*first, *figures, outcome.epochs, f"{outcome.seconds:.0f}"))
    header = ("row", "options", "mse", "median", "minus the base", "epochs", "seconds")
    note = f"Base: {mean:.6f}; standard error of a difference {error:.6f} ({seeds} seeds).\n"
    note += f"All rows: `{shared}`\n" if shared else ""
    return f"{markdown(header, rows)}\n{note}"


def verdict(difference: float, error: float) -> str:
    """A row's difference from the base, and whether it is beyond the noise."""
    return f"{difference:+.6f}" + (" (real)" if abs(difference) > 2.0 * error else "")


def main(argv: Sequence[str] | None = None) -> int:
    """Train all rows and write the table; return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("--val", type=Path, required=True, help="file of validation ids")
    parser.add_argument("--rows", type=Path, default=ROWS, help="YAML of `name: options`")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the base")
    options, study, rest = read_study(parser, argv)
    (base, base_options), *others = read_rows(options.rows).items()
    split = options.train, options.val
    runs = [
        Run(f"{base}-seed-{k}", *split, (*rest, *base_options, "--training.seed", str(k)))
        for k in range(options.seeds)
    ]
    runs += [Run(name, *split, (*rest, *base_options, *words)) for name, words in others]
    outcomes = study.run_all(runs)
    mean, error = noise(outcomes[: options.seeds])
    text = table(outcomes, options.seeds, (*rest, *base_options))
    return save_study(study, "ablation", text, outcomes, base_mean=mean, standard_error=error)


if __name__ == "__main__":
    sys.exit(main())

"""Where does a model fail? Its ten worst sites as a picture, and its worst elements as a table.

    python research/worst_sites.py MODEL DATABASE -o FOLDER [--ids IDS] [--count 10]

Writes worst_sites.png, worst_sites.md and evaluation.json, for model cards. Without `--ids` the
sites are the model's validation part.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from research.pictures import plot_worst
from research.runner import markdown
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.evaluation.evaluate import Comparison, choose_ids, evaluate
from src.evaluation.table import write_table
from src.structures.names import title_of

FEW = 5
"""Elements near fewer sites than this are marked."""


def worst(compared: Comparison, count: int) -> list[int]:
    """Rows with the largest errors, largest first."""
    return np.argsort(-compared.result.mse, kind="stable")[:count].tolist()


def tables(compared: Comparison, rows: list[int]) -> str:
    """Worst sites and worst elements in Markdown."""
    result, around = compared.result, compared.around
    sites = [
        (result.ids[k], compared.formulas[k], f"{result.mse[k]:.6f}", around[k].coordination,
         " ".join(sorted(around[k].elements)))
        for k in rows
    ]  # fmt: skip
    header = ("site", "structure", "mse", "coordination", "elements nearby")
    elements = [
        (group.name, group.sites, f"{group.mse:.6f}", "few sites" if group.sites < FEW else "")
        for group in compared.elements[:15]
    ]
    mean = f"Mean over all {len(result.ids)} sites {result.mean_mse:.6f}, median"
    mean += f" {result.median_mse:.6f}.\n"
    return "\n".join(
        [markdown(header, sites), mean, markdown(("element nearby", "sites", "mse", ""), elements)]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate, and write tables and picture; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("database")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--ids", type=Path)
    parser.add_argument("--count", type=int, default=10)
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    model = TrainedModel.load(options.model)
    described = model.info
    database = Database(options.database)
    ids, chosen = choose_ids(options.ids, database, described)
    compared = evaluate(model, database, ids)
    rows = worst(compared, options.count)
    titles = [
        f"{title_of(compared.result.ids[k], compared.formulas[k])}\n"
        f"mse {compared.result.mse[k]:.2g}"
        for k in rows
    ]
    target = np.where(compared.mask, compared.target, np.nan)
    plot_worst(
        *(titles, compared.axis.energy, compared.prediction[rows], target[rows]),
        options.output / "worst_sites.png",
        unit=described.unit,
        relative=described.reference_energy is None,
    )
    text = f"{chosen}\n\n{tables(compared, rows)}"
    (options.output / "worst_sites.md").write_text(text)
    table = options.output / "evaluation.json"
    write_table(table, compared)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

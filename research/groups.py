"""Predicted and calculated records of a model of several edges, by element, edge and code."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from src.checkpoints.trained_model import ModelInfo, TrainedModel
from src.dataset.database import Database
from src.errors import ConfigError
from src.evaluation.evaluate import Comparison, by_edge, choose_ids, evaluate
from src.evaluation.metrics import mean_over
from src.xas.edge_scale import find_scale

SHIFTS = np.linspace(-5.0, 5.0, 101)
"""Shifts of a prediction that are tried, eV."""


@dataclass(frozen=True)
class Group:
    """Sites of one element, edge and code, predicted and calculated."""

    info: ModelInfo
    """Of the model of this element, edge and code."""
    compared: Comparison
    edge_step: float
    """Unit of the records."""
    baseline: np.ndarray
    """Mean squared error of the mean training spectrum at each site, shape (n_sites,)."""

    @property
    def kind(self) -> tuple[str, str, str]:
        """Element, edge and code."""
        return str(self.info.element), str(self.info.edge), str(self.info.code)

    @cached_property
    def rms(self) -> np.ndarray:
        """Root mean squared error of each site in units of the edge step, shape (n_sites,)."""
        return np.sqrt(self.compared.result.mse) / self.edge_step

    def shifted(self, row: int) -> tuple[float, float]:
        """Least error of a site if its prediction may shift, see ``rms``, and the shift, eV."""
        one, found = self.compared, []
        known = one.mask[row]
        energy, target = one.axis.energy[known], one.target[row][known]
        for shift in SHIFTS:
            inside = (energy >= energy[0] + shift) & (energy <= energy[-1] + shift)
            moved = np.interp(energy - shift, one.axis.energy, one.prediction[row])
            found.append(((moved - target)[inside] ** 2).mean() ** 0.5 / self.edge_step)
        best = int(np.argmin(found))
        return float(found[best]), float(SHIFTS[best])

    @property
    def coverage(self) -> np.ndarray:
        """Fraction of each spectrum within its band, shape (n_sites,); NaN without bands."""
        one = self.compared
        if one.bands is None:
            return np.full(len(one.mask), np.nan)
        return mean_over(abs(one.prediction - one.target) <= one.bands.half_width, one.mask)


def compare_groups(
    model: TrainedModel, database: Database, path: Path | None = None
) -> Iterator[Group]:
    """Predict records of a file of ids, or the validation records, group by group.

    Raises:
        ConfigError: the model is of one edge.
    """
    if model.info.edges is None:
        raise ConfigError(f"{model.name} is of one edge; `e3gnn-xanes evaluate` is for that")
    ids, _ = choose_ids(path, database, model.info)
    for _, one, members in by_edge(model, database, ids):
        compared = evaluate(one, database, members)
        scale = find_scale(model.info.edges, str(one.info.element), str(one.info.edge))
        deviation = np.array(one.info.mean_spectrum) - compared.target
        yield Group(one.info, compared, scale.edge_step, mean_over(deviation**2, compared.mask))


def read_groups(
    doc: str | None, output: bool = True
) -> tuple[TrainedModel, Database, list[Group], Path]:
    """Parse a script's words, MODEL DATABASE [--ids IDS] -o OUTPUT, and predict."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("database", type=Path)
    parser.add_argument("--ids", type=Path, help="else the model's validation records")
    if output:
        parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    model, database = TrainedModel.load(options.model), Database(options.database)
    groups = list(compare_groups(model, database, options.ids))
    return model, database, groups, options.output if output else Path()

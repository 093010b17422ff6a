"""Predicted and calculated spectra of a database's records, side by side."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch_geometric.data import Data
from tqdm import tqdm

from ..checkpoints.model_info import ModelInfo
from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.dataset import XANESDataset
from ..dataset.edge_scales import Scales
from ..dataset.record import UNITS
from ..dataset.split import read_ids
from ..errors import CheckpointError, DatabaseError
from ..plot import plot_predictions
from ..prediction.inference import Bands, predict_sites
from ..prediction.structure_prediction import Labels
from ..structures.environments import Environment
from ..structures.names import formula, material_of, title_of
from ..xas.edge_scale import STEP, WINDOW
from ..xas.energies import EnergyAxis, even_energies
from ..xas.features import FeatureError, error_statistics, feature_errors, find_features
from .metrics import Evaluation, Group, evaluate_spectra, group_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Predicted and calculated spectra of some records, and their errors."""

    axis: EnergyAxis
    """Scored energies."""
    labels: Labels
    """Unit of mu, and what to call axes and bands."""
    prediction: np.ndarray
    """mu, shape (n_spectra, n_energies)."""
    target: np.ndarray
    """mu, same shape."""
    mask: np.ndarray
    """True where the target was calculated, same shape."""
    bands: Bands | None
    """Bands of a calibrated model."""
    result: Evaluation
    """Errors of the spectra, and their records."""
    feature_errors: dict[str, np.ndarray]
    """Error of each feature at each site, by field of ``Features``; NaN where it is unknown."""
    around: list[Environment]
    """Environment of each site; of a mean over several, that of the first."""
    formulas: list[str]
    """Chemical formula of each site's structure."""

    @cached_property
    def features(self) -> dict[str, FeatureError]:
        """Summary of each feature's errors."""
        return {name: error_statistics(values) for name, values in self.feature_errors.items()}

    @property
    def elements(self) -> list[Group]:
        """Errors by element nearby, largest first."""
        return group_errors([sorted(one.elements) for one in self.around], self.result.mse)

    @property
    def coordination(self) -> list[Group]:
        """Errors by coordination number."""
        groups = group_errors([[str(one.coordination)] for one in self.around], self.result.mse)
        return sorted(groups, key=lambda group: int(group.name))

    def plot(self, path: Path, columns: int = 4) -> None:
        """Draw calculated and predicted spectra, from best to worst, in so many columns."""
        names = [title_of(*pair) for pair in zip(self.result.ids, self.formulas, strict=True)]
        plot_predictions(
            *(names, self.axis.energy, self.prediction, self.target, path),
            mask=self.mask,
            labels=(self.labels.energy, self.labels.mu),
            half_width=None if self.bands is None else self.bands.half_width,
            band=self.labels.band,
            novel=None if self.bands is None else self.bands.novel,
            columns=columns,
        )


def model_dataset(model: TrainedModel, database: Database, ids: Sequence[str]) -> XANESDataset:
    """Graphs of records, cut at a model's radius, with spectra on the energies it is scored on.

    Those of a model of several edges are in units of their edge steps, from their references.
    """
    extend_below, network, scales = model.info.extend_below or 0.0, model.network, None
    if model.info.edges is None:
        grid = model.energies().energy
    else:
        grid = even_energies(*WINDOW, STEP)
        scales = Scales(
            model.info.edges, network.hyperparameters["edges"], network.hyperparameters["codes"]
        )
    r_max, max_z = network.r_max, network.max_z
    return XANESDataset(database, ids, r_max, grid, extend_below, max_z, scales=scales)


def evaluate(
    model: TrainedModel, database: Database, ids: list[str], other_code: bool = False
) -> Comparison:
    """Predict records and compare with what was calculated, on the model's scored energies.

    Raises:
        CheckpointError: the model names no energies.
        DatabaseError: see ``check_kind``.
        PredictionError: a predicted spectrum is not finite; the record is named.
    """
    if model.info.energy_grid is None or model.info.mean_spectrum is None:
        raise CheckpointError("the model was made without a database; it names no energies")
    check_kind(database, ids, model.info, other_code)
    axis = model.energies()
    data = model_dataset(model, database, ids)
    graphs = [data[k] for k in tqdm(range(len(data)), desc="graphs", disable=None)]
    predicted = predict_sites(model, graphs, axis.relative)
    names, target, mask = calculated(graphs)
    predicted.check(names)
    baseline = np.asarray(model.info.mean_spectrum)
    features = [find_features(axis.energy, mu, mask) for mu in (predicted.mu, target)]
    return Comparison(
        *(axis, Labels.of(model), predicted.mu, target, mask, predicted.bands),
        result=evaluate_spectra(names, predicted.mu, target, mask, baseline),
        feature_errors=feature_errors(*features),
        around=[sites[0] for sites in predicted.around],
        formulas=[formula(graph.z.tolist()) for graph in graphs for _ in graph.record_id],
    )


def by_edge(
    model: TrainedModel, database: Database, ids: Sequence[str]
) -> list[tuple[str, TrainedModel, list[str]]]:
    """Records by element, edge and code, each with the model of these and a name for files.

    Of a model of one edge all records are one group without a name; so is a single group.
    """
    if model.info.edges is None:
        return [("", model, list(ids))]
    groups: dict[tuple[str, str, str], list[str]] = {}
    for record_id in ids:
        entry = database.entry(record_id)
        groups.setdefault((entry.element, entry.edge, entry.code), []).append(record_id)
    edges = Counter((element, edge) for element, edge, _ in groups)
    found = []
    for (element, edge, code), members in sorted(groups.items()):
        parts = [element, edge, *([code.replace(" ", "-")] if edges[element, edge] > 1 else [])]
        name = "-".join(parts) + "_" if len(groups) > 1 else ""
        found.append((name, model.of(element, edge, code), members))
    return found


def calculated(graphs: Sequence[Data]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Records of calculated spectra in the order of ``raw_sites``, mu, and where it was calculated.

    mu and the mask have the shape (n_spectra, n_energies).
    """
    names = [record_id for graph in graphs for record_id in graph.record_id]
    target = np.concatenate([graph.y.double().numpy() for graph in graphs])
    return names, target, np.concatenate([graph.y_mask.numpy() for graph in graphs])


def choose_ids(path: Path | None, database: Database, info: ModelInfo) -> tuple[list[str], str]:
    """Records to evaluate on, and what to call them: of a file, or the model's validation set."""
    if path is not None:
        ids = read_ids(path)
        return ids, f"{len(ids)} sites of {path}"
    ids = database.ids
    if info.val_ids and set(info.val_ids) <= set(ids):
        return info.val_ids, f"the model's {len(info.val_ids)} validation sites"
    return ids, f"all {len(ids)} sites of {database.path}"


def check_kind(
    database: Database, ids: list[str], info: ModelInfo, other_code: bool = False
) -> None:
    """Refuse records of another element, edge, target, unit, code or energy axis than the model's.

    Raises DatabaseError, which names the first such record; ``other_code``: only warns of another
    code, or another version of it.
    """
    expected = {name: getattr(info, name) for name in ("element", "edge", "target", "unit")}
    expected["axis"] = "relative" if info.reference_energy is None else "absolute"
    others: dict[str, str] = {}
    for record_id in ids:
        entry = database.entry(record_id)
        for name, value in expected.items():
            stored = UNITS[entry.target] if name == "unit" else getattr(entry, name)
            if stored != value:
                what = "energy axis" if name == "axis" else name
                raise DatabaseError(
                    f"{database.path}: {record_id} has {what} {stored}, the model's is {value}"
                )
        if info.code is not None and entry.code not in info.code.split(", "):
            others.setdefault(entry.code, record_id)
    for code, record_id in others.items():
        message = (
            f"{database.path}: {record_id} was calculated by {code}, but the model was trained on"
            f" {info.code}"
        )
        if not other_code:
            raise DatabaseError(f"{message}; `evaluate --other_code` compares them anyway")
        logger.warning("%s; differences may be those of the codes", message)


def sites_of(materials_of: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Those of some records whose material is also that of one of other records."""
    materials = {material_of(record_id) for record_id in materials_of}
    return [record_id for record_id in ids if material_of(record_id) in materials]

"""Predicted and calculated spectra of a database's records, side by side."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..dataset.database import Database
from ..dataset.dataset import XANESDataset
from ..dataset.record import UNITS
from ..dataset.split import read_ids
from ..errors import CheckpointError, DatabaseError
from ..prediction.inference import Bands, check_predicted, join_sites, predict_sites
from ..xas.energies import EnergyAxis
from ..xas.features import feature_errors, find_features
from .environments import environments
from .metrics import Evaluation, evaluate_spectra
from .table import Details

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Predicted and calculated spectra of some records, and how far they are apart."""

    axis: EnergyAxis
    """Scored energies."""
    prediction: np.ndarray
    """mu, shape (n_spectra, n_energies)."""
    target: np.ndarray
    """mu, same shape."""
    mask: np.ndarray
    """True where the target was calculated, same shape."""
    bands: Bands | None
    """Bands of a calibrated model."""
    details: Details
    """Errors."""

    @property
    def result(self) -> Evaluation:
        """Errors of the spectra, which names them."""
        return self.details.result


def model_dataset(model: TrainedModel, database: Database, ids: Sequence[str]) -> XANESDataset:
    """Graphs of records, cut at a model's radius, with spectra on the energies it is scored on."""
    extend_below, network = model.info.extend_below or 0.0, model.network
    grid = model.energies().energy
    return XANESDataset(database, ids, network.r_max, grid, extend_below, network.max_z)


def evaluate(
    model: TrainedModel, database: Database, ids: list[str], other_code: bool = False
) -> Comparison:
    """Predict records and compare with what was calculated, on the model's scored energies.

    Raises:
        CheckpointError: the model names no energies.
        DatabaseError: a record is of another kind than what the model was trained on.
        PredictionError: a predicted spectrum is not finite; the record is named.
    """
    described = model.info
    if described.energy_grid is None or described.mean_spectrum is None:
        raise CheckpointError("the model was made without a database; it names no energies")
    check_kind(database, ids, described, other_code)
    axis = model.energies()
    data = model_dataset(model, database, ids)
    graphs = [data[k] for k in tqdm(range(len(data)), desc="graphs", disable=None)]
    found = dict(predict_sites(model, graphs, axis.relative))
    for number, graph in enumerate(graphs):
        check_predicted(found[number], graph.record_id)
    sites = join_sites([found[number] for number in range(len(graphs))])
    prediction = sites.mu
    target = np.concatenate([graph.y.double().numpy() for graph in graphs])
    mask = np.concatenate([graph.y_mask.numpy() for graph in graphs])
    baseline = np.asarray(described.mean_spectrum)
    found_features, features = (find_features(axis.energy, mu, mask) for mu in (prediction, target))
    names = [record_id for graph in graphs for record_id in graph.record_id]
    details = Details(
        evaluate_spectra(names, prediction, target, mask, baseline),
        feature_errors(found_features, features),
        [one for graph in graphs for one in environments(graph)],
    )
    return Comparison(axis, prediction, target, mask, sites.bands, details)


def choose_ids(
    given: Path | None, database: Database, described: ModelInfo
) -> tuple[list[str], str]:
    """Records to evaluate on, and what to call them: of a file, or the model's validation part."""
    if given is not None:
        ids = read_ids(given)
        return ids, f"{len(ids)} sites of {given}"
    there = database.ids
    if described.val_ids and set(described.val_ids) <= set(there):
        return described.val_ids, f"the model's {len(described.val_ids)} validation sites"
    return there, f"all {len(there)} sites of {database.path}"


def check_kind(
    database: Database, ids: list[str], described: ModelInfo, other_code: bool = False
) -> None:
    """Refuse records of another element, edge, target, unit, code or energy axis than the model's.

    ``other_code``: another code, or another version of it, is warned of instead.

    Raises:
        DatabaseError: the first such record is named.
    """
    others: dict[str, str] = {}
    axis = "relative" if described.reference_energy is None else "absolute"
    for record_id in ids:
        entry = database.entry(record_id)
        if entry.axis != axis:
            raise DatabaseError(
                f"{database.path}: {record_id} has {entry.axis} energies, the model's are {axis}"
            )
        for name in ("element", "edge", "target", "unit"):
            found = UNITS[entry.target] if name == "unit" else getattr(entry, name)
            wanted = getattr(described, name)
            if found != wanted:
                raise DatabaseError(
                    f"{database.path}: {record_id} has {name} {found}, the model's is {wanted}"
                )
        if described.code is not None and entry.code not in described.code.split(", "):
            others.setdefault(entry.code, record_id)
    for code, record_id in others.items():
        told = f"{database.path}: {record_id} was calculated by {code}, but the model was trained"
        told += f" on {described.code}"
        if not other_code:
            raise DatabaseError(f"{told}; `evaluate --other_code` compares them all the same")
        logger.warning("%s; what differs may be the codes", told)

"""The command `evaluate`: a model against the calculations of a database."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from ..checkpoint import ModelInfo, load_model
from ..config import EvaluateJob
from ..data.database import Database
from ..data.dataset import XANESDataset
from ..data.split import read_ids
from ..ensemble import Network
from ..errors import CheckpointError, DatabaseError
from ..evaluation.features import find_features
from ..evaluation.surroundings import surroundings
from ..evaluation.table import Details, check_table, make_details, write_table
from ..inference import Bands, join_sites, predict_sites
from ..metrics import Evaluation, evaluate_spectra
from ..parallel import choose_device
from ..plot import plot_predictions
from ..predict import relative_energies
from ..report import describe_details, describe_evaluation
from ..uncertainty.calibration import Calibration
from ..uncertainty.coverage import describe_coverage, measure_coverage, shared_materials
from .outputs import check_outputs

logger = logging.getLogger(__name__)


def run(job: EvaluateJob) -> None:
    """Compare a model with calculations: figures, worst records, predictions and a picture."""
    check_outputs(job.predictions, job.plot)
    if job.table is not None:
        check_table(job.table)
    model, described = load_model(job.model)
    model.to(choose_device(job.device))
    if described.energy_grid is None or described.mean_spectrum is None:
        raise CheckpointError(f"{job.model}: made without a database; it names no energies")
    database = Database(job.database)
    ids, chosen = choose_ids(job, database, described)
    check_kind(database, ids, described)
    compared = compare(model, described, database, ids)
    energy, result = compared.energy, compared.result
    print(f"{chosen}, {energy_range(energy, described)}, unit {described.unit}")
    seen = set(result.ids) & set(described.train_ids or [])
    if seen:
        logger.warning("%d of these sites were trained on; this is no test of the model", len(seen))
    print(describe_evaluation(result))
    print(describe_details(compared.details))
    if described.calibration is not None and compared.bands is not None:
        error = compared.prediction - compared.target
        report_coverage(described.calibration, result.ids, compared.bands, error, compared.mask)
    if job.table is not None:
        write_table(job.table, compared.details, energy, described.unit)
    if job.predictions is not None:
        with job.predictions.open("wb") as file:
            kept: dict[str, Any] = {} if compared.bands is None else dict(vars(compared.bands))
            kept |= {"ids": np.array(result.ids), "energy": energy, "mu": compared.prediction}
            np.savez(file, **kept, r2=result.r2)
    if job.plot is not None:
        plot_predictions(
            *(result.ids, energy, compared.prediction, compared.target, job.plot),
            mask=compared.mask,
            unit=described.unit,
            relative=described.reference_energy is None,
            half_width=None if compared.bands is None else compared.bands.half_width,
        )


@dataclass(frozen=True)
class Comparison:
    """Predicted and calculated spectra of some records, and how far they are apart."""

    energy: np.ndarray
    """Scored energies as the records count them, eV, shape (n_energies,)."""
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


def compare(model: Network, described: ModelInfo, database: Database, ids: list[str]) -> Comparison:
    """Predict records and compare with what was calculated, on the model's scored energies."""
    energy, relative = relative_energies(model, described, None)
    data = XANESDataset(
        database,
        ids,
        r_max=model.hyperparameters["r_max"],
        grid=energy,
        extend_below=described.extend_below or 0.0,
        max_z=model.max_z,
    )
    graphs = [data[k] for k in tqdm(range(len(data)), desc="graphs", disable=None)]
    found = dict(predict_sites(model, described.calibration, graphs, relative))
    sites = join_sites([found[number] for number in range(len(graphs))])
    prediction = sites.mu
    target = np.concatenate([graph.y.double().numpy() for graph in graphs])
    mask = np.concatenate([graph.y_mask.numpy() for graph in graphs])
    baseline = np.asarray(described.mean_spectrum)
    details = make_details(
        evaluate_spectra(data.ids, prediction, target, mask, baseline),
        find_features(energy, prediction, mask),
        find_features(energy, target, mask),
        [one for graph in graphs for one in surroundings(graph)],
    )
    return Comparison(energy, prediction, target, mask, sites.bands, details)


def energy_range(energy: np.ndarray, described: ModelInfo) -> str:
    """Energies in words, with what they count from where that is not zero."""
    zero = " relative to an edge that is not stated" if described.reference_energy is None else ""
    return f"{energy[0]:.3f} .. {energy[-1]:.3f} eV{zero}"


def report_coverage(
    calibration: Calibration,
    ids: list[str],
    bands: Bands,
    error: np.ndarray,
    mask: np.ndarray,
) -> None:
    """Print how the bands hold; warn where they were learned on the same materials."""
    shared = shared_materials(ids, calibration.ids)
    if shared:
        logger.warning(
            "%d of these sites are of materials that the bands were calibrated on; their coverage"
            " is no test",
            shared,
        )
    print(describe_coverage(measure_coverage(error, mask, bands, calibration.coverage)))


def choose_ids(job: EvaluateJob, database: Database, described: ModelInfo) -> tuple[list[str], str]:
    """Records to evaluate on, and what to call them."""
    if job.ids is not None:
        ids = read_ids(job.ids)
        return ids, f"{len(ids)} sites of {job.ids}"
    there = database.ids
    if described.val_ids and set(described.val_ids) <= set(there):
        return described.val_ids, f"the model's {len(described.val_ids)} validation sites"
    return there, f"all {len(there)} sites of {job.database}"


def check_kind(database: Database, ids: list[str], described: ModelInfo) -> None:
    """Refuse records of another element, edge, target or energy axis than the model's.

    Raises:
        DatabaseError: the first such record is named.
    """
    axis = "relative" if described.reference_energy is None else "absolute"
    for record_id in ids:
        entry = database.entry(record_id)
        if entry.axis != axis:
            raise DatabaseError(
                f"{database.path}: {record_id} has {entry.axis} energies, the model's are {axis}"
            )
        for name in ("element", "edge", "target"):
            found, wanted = getattr(entry, name), getattr(described, name)
            if found != wanted:
                raise DatabaseError(
                    f"{database.path}: {record_id} has {name} {found}, the model's is {wanted}"
                )

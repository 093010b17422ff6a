"""The command `evaluate`: a model against the calculations of a database."""

import logging
from typing import Any

import numpy as np
from tqdm import tqdm

from ..calibration import Calibration
from ..checkpoint import ModelInfo, load_model
from ..config import EvaluateJob
from ..coverage import describe_coverage, measure_coverage, shared_materials
from ..data.database import Database
from ..data.dataset import XANESDataset
from ..data.split import read_ids
from ..errors import CheckpointError, DatabaseError
from ..inference import Bands, join_sites, predict_sites
from ..metrics import evaluate_spectra
from ..parallel import choose_device
from ..plot import plot_predictions
from ..predict import relative_energies
from ..report import describe_evaluation
from .outputs import check_outputs

logger = logging.getLogger(__name__)


def run(job: EvaluateJob) -> None:
    """Compare a model with calculations: figures, worst records, predictions and a picture."""
    check_outputs(job.predictions, job.plot)
    model, described = load_model(job.model)
    model.to(choose_device(job.device))
    if described.energy_grid is None or described.mean_spectrum is None:
        raise CheckpointError(f"{job.model}: made without a database; it names no energies")
    database = Database(job.database)
    ids, chosen = choose_ids(job, database, described)
    check_kind(database, ids, described)
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
    result = evaluate_spectra(
        data.ids, prediction, target, mask, np.asarray(described.mean_spectrum)
    )
    print(f"{chosen}, {energy[0]:.3f} .. {energy[-1]:.3f} eV, unit {described.unit}")
    seen = set(data.ids) & set(described.train_ids or [])
    if seen:
        logger.warning("%d of these sites were trained on; this is no test of the model", len(seen))
    print(describe_evaluation(result))
    if described.calibration is not None and sites.bands is not None:
        error = prediction - target
        report_coverage(described.calibration, data.ids, sites.bands, error, mask)
    if job.predictions is not None:
        with job.predictions.open("wb") as file:
            kept: dict[str, Any] = {} if sites.bands is None else dict(vars(sites.bands))
            kept |= {"ids": np.array(data.ids), "energy": energy, "mu": prediction}
            np.savez(file, **kept, r2=result.r2)
    if job.plot is not None:
        plot_predictions(
            *(data.ids, energy, prediction, target, job.plot),
            mask=mask,
            unit=described.unit,
            half_width=None if sites.bands is None else sites.bands.half_width,
        )


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
    """Refuse records of another element, edge or target than the model's.

    Raises:
        DatabaseError: the first such record is named.
    """
    for record_id in ids:
        entry = database.entry(record_id)
        for name in ("element", "edge", "target"):
            found, wanted = getattr(entry, name), getattr(described, name)
            if found != wanted:
                raise DatabaseError(
                    f"{database.path}: {record_id} has {name} {found}, the model's is {wanted}"
                )

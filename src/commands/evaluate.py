"""The command `evaluate`: a model against the calculations of a database."""

import logging

import numpy as np
from tqdm import tqdm

from ..checkpoint import ModelInfo, load_model
from ..config import EvaluateJob
from ..data.database import Database
from ..data.dataset import XANESDataset
from ..data.split import read_ids
from ..errors import CheckpointError, DatabaseError
from ..metrics import evaluate_spectra
from ..parallel import choose_device
from ..plot import plot_predictions
from ..predict import predict_graphs, relative_energies
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
    rows = dict(predict_graphs(model, graphs, relative))
    prediction = np.concatenate([rows[number] for number in range(len(graphs))])
    target = np.concatenate([graph.y.double().numpy() for graph in graphs])
    mask = np.concatenate([graph.y_mask.numpy() for graph in graphs])
    result = evaluate_spectra(
        data.ids, prediction, target, mask, np.asarray(described.mean_spectrum)
    )
    relative_axis = described.reference_energy is None
    print(
        f"{chosen}, {energy[0]:.3f} .. {energy[-1]:.3f} eV"
        f"{' relative to an edge that is not stated' if relative_axis else ''},"
        f" unit {described.unit}"
    )
    seen = set(data.ids) & set(described.train_ids or [])
    if seen:
        logger.warning("%d of these sites were trained on; this is no test of the model", len(seen))
    print(describe_evaluation(result))
    if job.predictions is not None:
        with job.predictions.open("wb") as file:
            np.savez(file, ids=np.array(data.ids), energy=energy, mu=prediction, r2=result.r2)
    if job.plot is not None:
        plot_predictions(
            *(data.ids, energy, prediction, target, job.plot),
            mask=mask,
            unit=described.unit,
            relative=relative_axis,
        )


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

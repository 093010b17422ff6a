"""The command `evaluate`: a model against the calculations of a database."""

import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..errors import CheckpointError
from ..evaluation.coverage import describe_coverage, measure_coverage, shared_materials
from ..evaluation.evaluate import choose_ids, compare
from ..evaluation.table import check_table, write_table
from ..plot import plot_predictions
from ..prediction.inference import Bands
from ..reports.text import describe_details, describe_evaluation
from ..runtime.atomic_files import write_durably
from ..training.config import EvaluateJob
from ..uncertainty.calibration import Calibration
from .outputs import check_outputs

logger = logging.getLogger(__name__)


def run(job: EvaluateJob) -> None:
    """Compare a model with calculations: figures, worst records, predictions and a picture."""
    check_outputs(job.predictions, job.plot)
    if job.table is not None:
        check_table(job.table)
    model = TrainedModel.load(job.model, job.device)
    described = model.info
    database = Database(job.database)
    ids, chosen = choose_ids(job.ids, database, described)
    compared = compare(model, database, ids, job.other_code)
    origin = {**model.provenance(), "data_sha256": database.digest_of(ids)}
    energy, result = compared.axis.energy, compared.result
    print(f"{chosen}, {compared.axis}, unit {described.unit}")
    seen = set(result.ids) & set(described.train_ids or [])
    if seen:
        logger.warning("%d of these sites were trained on; this is no test of the model", len(seen))
    print(describe_evaluation(result))
    print(describe_details(compared.details))
    if described.calibration is not None and compared.bands is not None:
        error = compared.prediction - compared.target
        report_coverage(described.calibration, result.ids, compared.bands, error, compared.mask)
    if job.table is not None:
        write_table(job.table, compared.details, energy, described.unit, origin)
    if job.predictions is not None:
        kept: dict[str, Any] = {} if compared.bands is None else dict(vars(compared.bands))
        kept |= origin
        kept |= {"ids": np.array(result.ids), "energy": energy, "mu": compared.prediction}
        write_arrays(job.predictions, {**kept, "r2": result.r2})
    if job.plot is not None:
        plot_predictions(
            *(result.ids, energy, compared.prediction, compared.target, job.plot),
            mask=compared.mask,
            unit=described.unit,
            relative=described.reference_energy is None,
            half_width=None if compared.bands is None else compared.bands.half_width,
        )


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write an NPZ file.

    Raises:
        CheckpointError: see ``write_durably``.
    """

    def write(beside: Path) -> None:
        archive = io.BytesIO()  # on a full disk NumPy 1.26 would leave a file's archive open
        np.savez(archive, **arrays)
        beside.write_bytes(archive.getbuffer())

    def check(beside: Path) -> None:
        with zipfile.ZipFile(beside) as archive:
            if archive.testzip() is not None:
                raise CheckpointError(f"{path}: can't be written, it does not read back")

    write_durably(path, write, check)


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

"""The command `evaluate`: a model against the calculations of a database."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.location import LOCATION, Location
from ..runtime.options import MODEL_FIRST, POSITIONAL, with_prefix

if TYPE_CHECKING:
    from ..checkpoints.trained_model import TrainedModel
    from ..dataset.database import Database

logger = logging.getLogger(__name__)

EXAMPLE = "evaluate cu_k cu.db --plot val.png"
COMMON = ("ids", "plot", "table", "predictions", "device")


@dataclass
class Options:
    """Which model and records, and where the results go."""

    model: Path = field(metadata=MODEL_FIRST)
    """Model file, training folder, or name of a model that ships with the package."""
    database: Location = field(metadata=POSITIONAL | LOCATION)
    """Database made by `e3gnn-xanes dataset`: a file, or postgresql://user@host:port/name."""
    ids: Path | None = None
    """File of record ids. None: the model's validation set, else the whole database."""
    predictions: Path | None = None
    """NPZ file for ids, energy (eV, as in the records), mu of every record and r2; of a calibrated
    model also half_width, expected (error), distance and novel."""
    plot: Path | None = None
    """Figure of predicted and calculated spectra."""
    other_code: bool = False
    """Compare with calculations of another code, or another version of it, with a warning."""
    table: Path | None = None
    """All figures, by element, coordination, energy and site: .json or .csv."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1 and so on; auto is cuda if available, else cpu."""


def run(job: Options) -> None:
    """Compare a model with calculations: figures, worst records, predictions and a plot."""
    from ..checkpoints.trained_model import TrainedModel
    from ..dataset.database import Database
    from ..evaluation.evaluate import by_edge, choose_ids
    from ..evaluation.table import ENDINGS
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable

    check_writable(job.predictions, ".npz")
    check_picture(job.plot)
    check_writable(job.table, *ENDINGS)
    model = TrainedModel.load(job.model, job.device)
    database = Database(job.database)
    ids, chosen = choose_ids(job.ids, database, model.info)
    for name, one, members in by_edge(model, database, ids):
        title = f"{one.info.spectra}, {one.info.code}: {len(members)} sites of {chosen}"
        part = with_prefix(job, name, "predictions", "plot", "table")
        evaluate_one(part, one, database, members, title if name else chosen)


def evaluate_one(
    job: Options, model: "TrainedModel", database: "Database", ids: list[str], chosen: str
) -> None:
    """Compare a model of one edge with calculations, and write and print the results."""
    from ..evaluation.coverage import measure_coverage
    from ..evaluation.evaluate import evaluate, sites_of
    from ..evaluation.table import write_arrays, write_table
    from ..reports.text import describe_details, describe_evaluation

    compared = evaluate(model, database, ids, job.other_code)
    if trained := sites_of(model.info.train_ids or [], compared.result.ids):
        logger.warning(
            "%d of these sites are of materials that the model was trained on; this is no test of"
            " the model",
            len(trained),
        )
    print(f"{chosen}, {compared.axis}, unit {compared.labels.unit}")
    print(describe_evaluation(compared.result))
    print(describe_details(compared))
    if model.calibration is not None and compared.bands is not None:
        if shared := sites_of(model.calibration.ids, ids):
            logger.warning(
                "%d of these sites are of materials that the bands were calibrated on; their"
                " coverage is no test",
                len(shared),
            )
        error, nominal = compared.prediction - compared.target, model.calibration.coverage
        print(measure_coverage(error, compared.mask, compared.bands, nominal))
    origin = {**model.provenance(), "data_sha256": database.digest_of(ids)}
    if job.table is not None:
        write_table(job.table, compared, origin)
    if job.predictions is not None:
        write_arrays(job.predictions, compared, origin)
    if job.plot is not None:
        compared.plot(job.plot)

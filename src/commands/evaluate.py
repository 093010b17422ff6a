"""The command `evaluate`: a model against the calculations of a database."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dataset.location import Location, as_location
from ..runtime.options import POSITIONAL

if TYPE_CHECKING:
    import numpy as np

    from ..prediction.inference import Bands
    from ..uncertainty.calibration import Calibration

logger = logging.getLogger(__name__)


@dataclass
class Options:
    """Which model and records, and where the results go."""

    model: Path = field(metadata=POSITIONAL)
    """Model file, training folder, or name of a model that ships with the package."""
    database: Location = field(metadata=POSITIONAL)
    """Database made by `e3gnn-xanes dataset`: a file, or postgresql://user@host:port/name."""
    ids: Path | None = None
    """File of record ids. None: the model's validation part, else the whole database."""
    predictions: Path | None = None
    """NPZ file for ids, energy (eV, as the records count it), mu of every record and r2; of a
    calibrated model also half_width, expected (error), distance and novel."""
    plot: Path | None = None
    """Picture of predicted against calculated spectra."""
    other_code: bool = False
    """Compare with calculations of another code, or another version of it, with a warning."""
    table: Path | None = None
    """All figures, by element, coordination, energy and site: .json or .csv."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1, ..; auto is cuda where there is one, else cpu."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a URL that is not one of PostgreSQL."""
        self.database = as_location(self.database)


def run(job: Options) -> None:
    """Compare a model with calculations: figures, worst records, predictions and a picture."""
    import numpy as np

    from ..checkpoints.trained_model import TrainedModel
    from ..dataset.database import Database
    from ..evaluation.coverage import shared_materials
    from ..evaluation.evaluate import choose_ids, evaluate
    from ..evaluation.table import check_table, write_arrays, write_table
    from ..plot import check_picture, plot_predictions
    from ..reports.text import describe_details, describe_evaluation
    from ..runtime.atomic_files import check_writable

    check_writable(job.predictions)
    check_picture(job.plot)
    if job.table is not None:
        check_table(job.table)
    model = TrainedModel.load(job.model, job.device)
    described = model.info
    database = Database(job.database)
    ids, chosen = choose_ids(job.ids, database, described)
    compared = evaluate(model, database, ids, job.other_code)
    origin = {**model.provenance(), "data_sha256": database.digest_of(ids)}
    energy, result = compared.axis.energy, compared.result
    print(f"{chosen}, {compared.axis}, unit {described.unit}")
    if n_trained := shared_materials(result.ids, described.train_ids or []):
        logger.warning(
            "%d of these sites are of materials that the model was trained on; this is no test of"
            " the model",
            n_trained,
        )
    print(describe_evaluation(result))
    print(describe_details(compared.details))
    if described.calibration is not None and compared.bands is not None:
        error = compared.prediction - compared.target
        report_coverage(described.calibration, result.ids, compared.bands, error, compared.mask)
    if job.table is not None:
        write_table(job.table, compared.details, energy, described.unit, origin)
    if job.predictions is not None:
        kept: dict[str, Any] = {} if compared.bands is None else vars(compared.bands)
        kept = {**kept, **origin, "ids": np.array(result.ids), "energy": energy}
        write_arrays(job.predictions, {**kept, "mu": compared.prediction, "r2": result.r2})
    if job.plot is not None:
        plot_predictions(
            *(result.ids, energy, compared.prediction, compared.target, job.plot),
            mask=compared.mask,
            unit=described.unit,
            relative=described.reference_energy is None,
            half_width=None if compared.bands is None else compared.bands.half_width,
        )


def report_coverage(
    calibration: "Calibration",
    ids: list[str],
    bands: "Bands",
    error: "np.ndarray",
    mask: "np.ndarray",
) -> None:
    """Print how the bands hold; warn where they were learned on the same materials."""
    from ..evaluation.coverage import describe_coverage, measure_coverage, shared_materials

    shared = shared_materials(ids, calibration.ids)
    if shared:
        logger.warning(
            "%d of these sites are of materials that the bands were calibrated on; their coverage"
            " is no test",
            shared,
        )
    print(describe_coverage(measure_coverage(error, mask, bands, calibration.coverage)))

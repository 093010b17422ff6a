"""The command `calibrate`: bands and a measure of novelty for a model."""

from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.location import LOCATION, Location
from ..errors import CheckpointError, ConfigError
from ..runtime.options import IN_PLACE, MODEL_FIRST, POSITIONAL
from ..uncertainty import COVERAGE

EXAMPLE = "calibrate cu_k cu.db --ids calibration.txt -o calibrated.pt"
COMMON = ("ids", "output", "coverage", "device")


@dataclass
class Options:
    """Which model, and which sites."""

    model: Path = field(metadata=MODEL_FIRST | IN_PLACE)
    """Model file, training folder, or name of a model that ships with the package."""
    database: Location = field(metadata=POSITIONAL | LOCATION)
    """Database with the calibration sites and those that the model was trained on."""
    ids: Path
    """File of record ids to calibrate on, of materials that the model was not trained on."""
    coverage: float = COVERAGE
    """Nominal coverage of the bands, a fraction of the calculated points."""
    output: Path | None = None
    """Model file to write. None: a new one next to the model's, <model>-calibrated.pt."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1 and so on; auto is cuda if available, else cpu."""


def run(job: Options) -> None:
    """Calibrate a model on sites that it was not trained on, and write it."""
    from ..checkpoints.pretrained import model_path
    from ..checkpoints.trained_model import TrainedModel
    from ..dataset.database import Database
    from ..dataset.split import read_ids
    from ..evaluation.calibrate import check_not_trained, learn_novelty, site_errors
    from ..evaluation.conformal import calibrate
    from ..evaluation.evaluate import check_kind, model_dataset
    from ..runtime.atomic_files import OF_MODELS, check_writable
    from ..structures.names import material_of
    from ..training.several_edges import check_absolute

    check_writable(job.output, *OF_MODELS)
    output = job.output or new_file(model_path(job.model))
    model = TrainedModel.load(job.model, job.device)
    info = model.info
    if info.energy_grid is None or not info.train_ids:
        raise CheckpointError(f"{job.model}: made without a database; it names no training sites")
    ids = read_ids(job.ids)
    check_not_trained(job.ids, ids, info.train_ids)
    database = Database(job.database)
    if info.edges is None:
        check_kind(database, ids, info)
    else:
        check_absolute(database, ids)
    novelty = learn_novelty(model, database)
    data = site_errors(model_dataset(model, database, ids), model, novelty)
    info.calibration = calibrate(data, novelty, job.coverage)
    model.save(output)
    materials = len({material_of(record_id) for record_id in ids})
    print(
        f"{output}: {job.coverage:.0%} bands from {len(ids)} sites of {materials} materials;"
        f" novel beyond a distance of {info.calibration.novelty.threshold:.3f} or by their"
        f" environment ({0 if data.departs is None else data.departs.sum()} sites)"
    )


def new_file(path: Path) -> Path:
    """Model file to write if none is named, which must not exist, next to that of the model."""
    from ..checkpoints.pretrained import models

    if path in models().values():
        raise ConfigError(f"{path.stem} ships with the package; name another file with --output")
    new = path.with_name(f"{path.stem}-calibrated.pt")
    if new.exists():
        raise ConfigError(f"{new}: already exists; name a file with --output")
    return new

"""The command `info`: what is in a file."""

from ..checkpoints.pretrained import models
from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.location import DatabaseURL, Location
from ..errors import ConfigError
from ..reports.text import describe_contents, describe_model, describe_structure
from ..runtime.file_types import SQLITE_MAGIC, is_model_file, starts_with
from ..structures.files import named_structures
from ..training.config import InfoJob
from ..verification.precision import check_precision


def run(job: InfoJob) -> None:
    """Say what is in a file, by its content.

    Raises:
        ConfigError: no such file, or a check of what is no model.
    """
    path = job.file
    if isinstance(path, DatabaseURL):
        if job.check:
            raise ConfigError(f"{path}: not a model file, so there is nothing to `--check`")
        print_database(path)
        return
    if not path.exists() and str(path) not in models():
        raise ConfigError(f"{path}: no such file")
    if not path.exists() or path.is_dir() or is_model_file(path):
        model = TrainedModel.load(path)
        print(describe_model(model))
        print(f"file: sha256 {model.sha256}")
        if job.check:
            print(describe_check(model))
        return
    if job.check:
        raise ConfigError(f"{path}: not a model file, so there is nothing to `--check`")
    if starts_with(path, SQLITE_MAGIC):
        print_database(path)
    else:
        for name, atoms in named_structures(path):
            print(describe_structure(name, atoms))


def print_database(location: Location) -> None:
    """Print what a database holds and the checksum of it."""
    database = Database(location)
    print(describe_contents(database.contents(), database.digest))


def describe_check(model: TrainedModel) -> str:
    """A model's checksum and precision; reading the file has verified the former."""
    found = check_precision(model)
    share = found.difference / found.largest if found.largest > 0 else 0.0
    return (
        f"checksum: verified, file sha256 {model.sha256}\n"
        f"float32 and float64 differ by at most {found.difference:.2e} {model.info.unit},"
        f" {share:.1e} of the largest value ({found.structure})"
    )

"""The command `info`: what is in a file."""

from ..checkpoint import load_model
from ..config import InfoJob
from ..data.database import Database
from ..data.filetype import SQLITE_MAGIC, is_model_file, starts_with
from ..data.location import DatabaseURL, Location
from ..data.structure import named_structures
from ..errors import ConfigError
from ..files.registry import models
from ..report import describe_contents, describe_model, describe_structure


def run(job: InfoJob) -> None:
    """Say what is in a file, by its content."""
    path = job.file
    if isinstance(path, DatabaseURL):
        print_database(path)
        return
    if not path.exists() and str(path) not in models():
        raise ConfigError(f"{path}: no such file")
    if not path.exists() or path.is_dir() or is_model_file(path):
        print(describe_model(*load_model(path)))
    elif starts_with(path, SQLITE_MAGIC):
        print_database(path)
    else:
        for name, atoms in named_structures(path):
            print(describe_structure(name, atoms))


def print_database(location: Location) -> None:
    """Print what a database holds and the checksum of it."""
    database = Database(location)
    print(describe_contents(database.contents(), database.digest))

"""The command `report`: a page about a data set, a training, an evaluation or a result."""

from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.location import LOCATION, Location
from ..errors import ConfigError
from ..runtime.options import MODEL_FIRST

EXAMPLE = "report cu_k -o training.html"
COMMON = ("output", "database", "ids", "chemiscope")


@dataclass
class Options:
    """What the page is about."""

    source: Path = field(metadata=MODEL_FIRST)
    """Database, folder of `train`, JSON of `compare` or `fit`, or a model to evaluate."""
    output: Path
    """Page to write, .html."""
    database: Location | None = field(default=None, metadata=LOCATION)
    """Database to evaluate the model on."""
    ids: Path | None = None
    """File of record ids to evaluate on. None: the model's validation part, else all."""
    chemiscope: Path | None = None
    """Map of the evaluated sites by novelty and error, for chemiscope, .json.gz."""


def run(job: Options) -> None:
    """Write the page."""
    from ..runtime.atomic_files import check_writable, write_text_durably

    check_writable(job.output, ".html", ".htm")
    check_writable(job.chemiscope, ".json.gz")
    if job.chemiscope is not None:
        from ..prediction.chemiscope_view import load_chemiscope

        load_chemiscope()
    text = make_page(job)
    write_text_durably(job.output, text)
    print(f"{job.output}: {len(text.encode()) // 1000} kB")


def make_page(job: Options) -> str:
    """The page of a source; ConfigError if it is of no known kind or `ids` do not apply to it."""
    from ..checkpoints.pretrained import models
    from ..dataset.database import Database
    from ..reports.comparison import result_page
    from ..reports.dataset import dataset_page
    from ..reports.evaluation import evaluation_page
    from ..reports.training import is_training, training_page
    from ..runtime.text_files import is_sqlite

    source = job.source
    if job.database is not None:
        return evaluation_page(source, job.database, job.ids, job.chemiscope)
    for name in ("ids", "chemiscope"):
        if getattr(job, name) is not None:
            raise ConfigError(f"`{name}` needs a model and its `database`, for an evaluation")
    if source.is_dir() and is_training(source):
        return training_page(source)
    if is_sqlite(source):
        return dataset_page(Database(source))
    if source.is_file() and source.suffix == ".json":
        return result_page(source)
    if str(source) in models():
        raise ConfigError(f"{source}: a model; give --database to evaluate it on")
    what = "of no known kind" if source.exists() else "no such file or folder"
    raise ConfigError(
        f"{source}: {what}; expected a database, a training's folder, JSON of `compare` or `fit`,"
        " or a model with --database"
    )

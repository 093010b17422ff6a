"""The command `report`: a page about a data set, a training, an evaluation or a result."""

from pathlib import Path

from ..checkpoints.pretrained import models
from ..dataset.database import Database
from ..errors import ConfigError
from ..reports.comparison import result_page
from ..reports.dataset import dataset_page
from ..reports.evaluation import evaluation_page
from ..reports.training import is_training, training_page
from ..runtime.atomic_files import write_text_durably
from ..runtime.file_types import SQLITE_MAGIC, starts_with
from .jobs import ReportJob
from .outputs import check_outputs


def run(job: ReportJob) -> None:
    """Write the page."""
    if job.output.suffix not in (".html", ".htm"):
        raise ConfigError(f"{job.output}: a page ends with .html")
    check_outputs(job.output, None)
    text = make_page(job)
    write_text_durably(job.output, text)
    print(f"{job.output}: {len(text.encode()) // 1000} kB")


def make_page(job: ReportJob) -> str:
    """The page that goes with what is given.

    Raises:
        ConfigError: of no known kind, or an option does not go with it.
    """
    source = job.source
    if job.database is not None:
        return evaluation_page(source, job.database, job.ids)
    if job.ids is not None:
        raise ConfigError("`ids` goes with `database`, for an evaluation")
    if source.is_dir() and is_training(source):
        return training_page(source)
    if source.is_file() and starts_with(source, SQLITE_MAGIC):
        return dataset_page(Database(source))
    if source.is_file() and source.suffix == ".json":
        return result_page(source)
    if str(source) in models():
        raise ConfigError(f"{source}: a model; give --database to evaluate it on")
    what = "no such file or folder" if not Path(source).exists() else "of no kind known here"
    raise ConfigError(
        f"{source}: {what}; expected a database, a training's folder, JSON of `compare` or `fit`,"
        " or a model with --database"
    )

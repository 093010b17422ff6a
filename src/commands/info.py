"""The command `info`: what a file contains."""

from contextlib import suppress
from dataclasses import dataclass, field

from ..dataset.location import LOCATION, DatabaseURL, Location
from ..errors import ConfigError, DatabaseError, RecordError, StructureError
from ..runtime.options import MODEL_FIRST

EXAMPLE = "info cu-k-feff"
COMMON = ("check",)


@dataclass
class Options:
    """Which file."""

    file: Location = field(metadata=MODEL_FIRST | LOCATION)
    """Database (file or URL), model (file, folder or name), measured scan or Athena project, JSON
    file that a command wrote, or structures that ASE reads."""
    check: bool = False
    """Of a model: also how far predictions in float32 and float64 differ; its checksum is verified
    in any case."""
    column: str | None = None
    """Of a scan: name or number, from 1, of the column of mu. None: inferred."""
    mu: str | None = None
    """Of a scan: formula of mu from two columns, such as "ln(i0/itrans)". None: `column`, or
    inferred."""
    energy_column: str | None = None
    """Of a scan: name or number, from 1, of the column of energy. None: inferred."""


def run(job: Options) -> None:
    """Say what is in a file, by its content; ConfigError for a check of what is no model."""
    from ..checkpoints.pretrained import is_model
    from ..xas.measured import split_group

    path = job.file
    if not isinstance(path, DatabaseURL):
        file = split_group(path)[0]
        if file.is_dir() or is_model(path):
            print(describe_file_of_model(job))
            return
        if not file.exists():
            raise ConfigError(f"{file}: no such file")
    if job.check:
        raise ConfigError(f"{path}: not a model file, so there is nothing to `--check`")
    print(describe_data(job))


def describe_data(job: Options) -> str:
    """Description of a database, a scan, a result, or structures."""
    from ..reports.scan import describe_scan, is_scan
    from ..reports.text import describe_result, describe_structures
    from ..runtime.text_files import is_sqlite
    from ..structures.files import named_structures
    from ..xas.measured import one_column

    path = job.file
    if isinstance(path, DatabaseURL) or is_sqlite(path):
        return describe_database(path)
    columns = one_column(job.column, job.mu), job.energy_column
    if any(columns) or is_scan(path):
        return describe_scan(path, *columns)
    if (result := describe_result(path)) is not None:
        return result
    try:
        return describe_structures(named_structures(path))
    except StructureError:
        with suppress(RecordError):
            return describe_scan(path)  # a table of numbers, which no header tells from others
        raise


def describe_database(path: Location) -> str:
    """Description of a database of records, of predicted spectra, or of structures."""
    from ..dataset.database import Database
    from ..prediction.spectra_db import FORMAT, summarize
    from ..reports.text import describe_bulk, describe_contents, describe_structures
    from ..structures.database import connect
    from ..structures.files import named_structures

    if not isinstance(path, DatabaseURL):
        with connect(path) as connection:
            kind = connection.metadata.get("format")
        if kind == FORMAT:
            return f"predicted spectra: {describe_bulk(summarize(path))}"
    try:
        database = Database(path)
    except DatabaseError:
        if isinstance(path, DatabaseURL) or kind is not None:
            raise
        return describe_structures(named_structures(path))
    return describe_contents(database.contents(), database.digest)


def describe_file_of_model(job: Options) -> str:
    """Description of a model file, its checksum, and with `--check` its precision."""
    from ..checkpoints.trained_model import TrainedModel
    from ..reports.text import describe_model

    model = TrainedModel.load(str(job.file))
    text = f"{describe_model(model)}\nfile: sha256 {model.sha256}"
    if not job.check:
        return text
    from ..verification.precision import check_precision

    difference, largest, structure = check_precision(model)
    share = difference / largest if largest > 0 else 0.0
    return (
        f"{text}, verified\nfloat32 and float64 differ by at most {difference:.2e}"
        f" {model.info.unit}, {share:.1e} of the largest value ({structure})"
    )

"""The command `info`: what a file contains."""

from dataclasses import dataclass, field

from ..dataset.location import LOCATION, DatabaseURL, Location
from ..errors import ConfigError
from ..runtime.options import POSITIONAL


@dataclass
class Options:
    """Which file."""

    file: Location = field(metadata=POSITIONAL | LOCATION)
    """Database (file or URL), model (file, folder or name), or structure that ASE reads."""
    check: bool = False
    """Of a model: also how far predictions in float32 and float64 differ; its checksum is verified
    in any case."""


def run(job: Options) -> None:
    """Say what is in a file, by its content.

    Raises:
        ConfigError: no such file, or a check of what is no model.
    """
    from ..checkpoints.pretrained import models
    from ..runtime.text_files import SQLITE_MAGIC, is_model_file, starts_with

    path = job.file
    if not isinstance(path, DatabaseURL):
        if not path.exists() and str(path) not in models():
            raise ConfigError(f"{path}: no such file")
        if not path.exists() or path.is_dir() or is_model_file(path):
            print(describe_file_of_model(job))
            return
    if job.check:
        raise ConfigError(f"{path}: not a model file, so there is nothing to `--check`")
    if isinstance(path, DatabaseURL) or starts_with(path, SQLITE_MAGIC):
        from ..dataset.database import Database
        from ..reports.text import describe_contents

        database = Database(path)
        print(describe_contents(database.contents(), database.digest))
        return
    from ..reports.text import describe_structures
    from ..structures.files import named_structures

    print(describe_structures(named_structures(path)))


def describe_file_of_model(job: Options) -> str:
    """Description of a model file, its checksum, and with `--check` its precision."""
    from ..checkpoints.trained_model import TrainedModel
    from ..reports.text import describe_model

    model = TrainedModel.load(str(job.file))
    text = f"{describe_model(model)}\nfile: sha256 {model.sha256}"
    if not job.check:
        return text
    from ..verification.precision import check_precision

    precision = check_precision(model)
    share = precision.difference / precision.largest if precision.largest > 0 else 0.0
    return (
        f"{text}, verified\nfloat32 and float64 differ by at most {precision.difference:.2e}"
        f" {model.info.unit}, {share:.1e} of the largest value ({precision.structure})"
    )

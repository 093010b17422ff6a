"""Where predicted spectra come from: model file, training data, version and command."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import CheckpointError
from ..model.ensemble import Network
from ..runtime.atomic_files import file_digest
from ..runtime.command_line import command_line
from ..runtime.versions import package_version
from .pretrained import model_path
from .trained_model import ModelInfo, load_model

UNKNOWN = "not known"


@dataclass(frozen=True)
class Provenance:
    """What a spectrum can be traced back to."""

    model: str
    """Model as the user named it."""
    model_sha256: str
    """Checksum of its file, 64 hexadecimal digits."""
    training_data_sha256: str | None
    """``Database.digest_of`` its training and validation records. None: not known."""
    training_command: str | None
    """Command that trained it. None: not known, or a training from Python."""
    version: str
    """Version of this library that predicts."""
    command: str | None
    """Command that predicts. None: the library is used from Python."""

    def values(self) -> dict[str, str]:
        """The fields by name; text for what is not known."""
        return {name: value or UNKNOWN for name, value in vars(self).items()}


def load_traced(name: str | Path) -> tuple[Network, ModelInfo, Provenance]:
    """Read a model as ``load_model`` does, and where it comes from.

    Raises:
        CheckpointError: see ``load_model``; also where the file was replaced meanwhile, such as by
            a training that goes on.
    """
    path = model_path(name)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    digest = file_digest(path)
    model, info = load_model(path)
    if file_digest(path) != digest:
        raise CheckpointError(f"{path}: was replaced while it was read; give the command again")
    version = package_version("e3gnn-xanes")
    found = Provenance(
        model=str(name),
        model_sha256=digest.removeprefix("sha256 "),
        training_data_sha256=info.data_digest,
        training_command=info.command,
        version=version,
        command=command_line(),
    )
    return model, info, found

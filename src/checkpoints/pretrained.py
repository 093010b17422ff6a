"""Models that ship with the package, by name: ``src/pretrained/<name>.safetensors``."""

import logging
import re
from importlib.resources import files
from pathlib import Path

from ..errors import CheckpointError
from ..runtime.atomic_files import MODEL_FILE
from ..runtime.text_files import is_model_file

logger = logging.getLogger(__name__)


def shipped_folder() -> Path:
    """Folder of the models in the installed package."""
    return Path(str(files("src"))) / "pretrained"


def models() -> dict[str, Path]:
    """Names of the models that ship with the package, and their files."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.safetensors"))}


def is_model(name: str | Path) -> bool:
    """Whether a word names a model: a file of one, a training folder, or one that ships."""
    path = Path(split_edge(name)[0])
    if path.is_dir():
        return (path / MODEL_FILE).is_file()
    return is_model_file(path) if path.is_file() else str(path) in models()


EDGE = re.compile(r"(.+):([A-Z][a-z]?)(?:-([KLMN]\d*))?")
"""A model with an element, or element and edge, as in any-edge:Pt-L3."""


def split_edge(name: str | Path) -> tuple[str | Path, str | None, str | None]:
    """A model's name without element and edge, and these, None where it has none."""
    found = None if Path(name).exists() else EDGE.fullmatch(str(name))
    return (name, None, None) if found is None else (found[1], found[2], found[3])


def model_path(name: str | Path) -> Path:
    """Model file that a user means.

    Args:
        name: a file, a training folder, or the name of a model that ships with the package; a file
            or folder of that name wins, with a note in the log.

    Returns:
        The file; of a training folder its ``model.pt``.

    Raises:
        CheckpointError: no file, and no model of that name; the known names are listed.
    """
    path, known = Path(name), models()
    if path.exists():
        if str(name) in known:
            logger.info("%s: this file or folder is used, not the shipped model", path)
        return path / MODEL_FILE if path.is_dir() else path
    if str(name) in known:
        return known[str(name)]
    listed = ", ".join(known) if known else "none"
    raise CheckpointError(f"{path}: no such file; models that ship with the package: {listed}")

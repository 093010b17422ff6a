"""Files that torch writes: the state of a training, and model files of format 1."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from .durable import first_line, write_durably


def write_verified(path: Path, payload: dict[str, Any], keep: int = 1) -> None:
    """Write a torch file, verified and in one step.

    Args:
        path: file to write; its folder must exist.
        payload: tensors and plain values.
        keep: versions of the file to keep, this one included.

    Raises:
        CheckpointError: the folder is missing or what was written does not read back.
    """
    write_durably(path, lambda beside: _save(payload, beside), read_verified, keep)


def read_verified(path: Path) -> dict[str, Any]:
    """Read a torch file of plain values after comparing every checksum in it; no code is run.

    Args:
        path: file to read.

    Returns:
        What was written.

    Raises:
        CheckpointError: missing, not such a file, or damaged.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f"{path}: damaged, the checksum of {damaged} is wrong")
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise CheckpointError(f"{path}: not a readable torch file ({first_line(error)})") from error
    if not isinstance(payload, dict):
        raise CheckpointError(f"{path}: holds a {type(payload).__name__}, expected a dictionary")
    return payload


def _save(payload: dict[str, Any], path: Path) -> None:
    """Save through a file of Python's, whose errors say what is wrong (a full disk)."""
    with path.open("wb") as file:
        torch.save(payload, file)

"""Files that torch writes: the state of a training.

They are zip archives, whose checksums (CRC-32) of every member are compared when they are read.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from ..runtime.atomic_files import first_line, write_durably


def write_verified(path: Path, payload: dict[str, Any], keep: int = 1) -> None:
    """Write tensors and plain values in one step and read them back, see ``write_durably``."""
    content = io.BytesIO()  # written by Python, whose errors say what is wrong (a full disk)
    torch.save(payload, content)
    write_durably(path, lambda beside: beside.write_bytes(content.getbuffer()), read_verified, keep)


def read_verified(path: Path) -> dict[str, Any]:
    """Read a torch file of plain values after comparing its checksums; no code is run.

    Raises:
        CheckpointError: missing, damaged, or not such a file.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f"{path}: damaged, the checksum of {damaged} is wrong")
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # whatever zipfile and torch raise on a damaged or foreign file
        raise CheckpointError(f"{path}: not a readable torch file ({first_line(error)})") from error
    if not isinstance(payload, dict):
        raise CheckpointError(f"{path}: contains a {type(payload).__name__}, expected a dictionary")
    return payload

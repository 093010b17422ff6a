"""Files that torch writes: the state of a training, and model files of format 1.

A torch file is a zip archive. Its comment, at the very end, is the checksum of all bytes before it,
and the content says that there is one. Files of version 0.1 have none; of these the checksums of
the archive's parts are compared.
"""

import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from .durable import file_digest, first_line, write_durably

SEALED = "sealed"
"""Entry of the content that says that the file ends with a checksum."""
DIGEST_BYTES = len("sha256 ") + 64
"""Length of the checksum that ends a file."""
READ_ERRORS = (
    zipfile.BadZipFile, pickle.UnpicklingError, zlib.error, struct.error, RuntimeError, EOFError,
    LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError, MemoryError,
)  # fmt: skip
"""What reading a damaged archive is seen to raise."""


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
        sealed = _is_whole(path)
        with zipfile.ZipFile(path) as archive:
            _check_entries(path, archive)
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: can't be read, {error.strerror or error}") from error
    except READ_ERRORS as error:
        raise CheckpointError(f"{path}: not a readable torch file ({first_line(error)})") from error
    if not isinstance(payload, dict):
        raise CheckpointError(f"{path}: holds a {type(payload).__name__}, expected a dictionary")
    if payload.pop(SEALED, False) and not sealed:
        raise CheckpointError(f"{path}: damaged, the checksum at its end is missing")
    return payload


def _is_whole(path: Path) -> bool:
    """Compare the checksum at the end of a file.

    Returns:
        Whether there is one.

    Raises:
        CheckpointError: it is another one than that of the content.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - DIGEST_BYTES, 0))
        digest = file.read()
    if not digest.startswith(b"sha256 "):
        return False
    if file_digest(path, size - DIGEST_BYTES).encode() != digest:
        raise CheckpointError(f"{path}: damaged, the checksum of the file is wrong")
    return True


def _check_entries(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that torch did not write, before anything in it is read.

    torch stores parts as they are, so no part, nor all together, is larger than the file.

    Raises:
        CheckpointError: packed parts, parts of the same bytes, or a wrong checksum.
    """
    entries = archive.infolist()
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise CheckpointError(f"{path}: not a file of torch's, its parts are packed or overlap")
    damaged = archive.testzip()
    if damaged is not None:
        raise CheckpointError(f"{path}: damaged, the checksum of {damaged} is wrong")


def _save(payload: dict[str, Any], path: Path) -> None:
    """Save through a file of Python's, whose errors say what is wrong (a full disk)."""
    with path.open("wb") as file:
        torch.save({**payload, SEALED: True}, file)
        file.seek(-2, os.SEEK_END)  # an archive ends with the length of its comment
        file.write(DIGEST_BYTES.to_bytes(2, "little"))
    digest = file_digest(path)
    with path.open("ab") as file:
        file.write(digest.encode())

"""Files that torch writes: the state of a training, and model files of format 1.

After the bytes of ``torch.save`` stands their checksum. Files of version 0.1.0 end without one;
theirs are the checksums of the archive's members.
"""

import hashlib
import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from ..runtime.atomic_files import first_line, write_durably

MARK = b"e3gnn-xanes sha256 "
"""Stands before the 64 digits of the checksum, which end the file."""
END_OF_ARCHIVE, LENGTH_OF_END = b"PK\x05\x06", 22
"""How a zip archive without a comment ends."""


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
    """Read a torch file of plain values after comparing its checksum; no code is run.

    Args:
        path: file to read.

    Returns:
        What was written.

    Raises:
        CheckpointError: missing, not such a file, or damaged.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    content = _checked(path, path.read_bytes())
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_parts(path, archive, len(content))
            damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f"{path}: damaged, the checksum of {damaged} is wrong")
        payload = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise CheckpointError(f"{path}: not a readable torch file ({first_line(error)})") from error
    if not isinstance(payload, dict):
        raise CheckpointError(f"{path}: holds a {type(payload).__name__}, expected a dictionary")
    return payload


UNREADABLE = (
    zipfile.BadZipFile, pickle.UnpicklingError, zlib.error, struct.error, RuntimeError, EOFError,
    LookupError, ValueError, TypeError, AttributeError, AssertionError, MemoryError,
)  # fmt: skip
"""What zip and torch are seen to raise on files that are not theirs."""


def _checked(path: Path, data: bytes) -> bytes:
    """The bytes of ``torch.save``, of which the checksum was compared.

    Raises:
        CheckpointError: it differs, or the file ends with neither a checksum nor an archive.
    """
    start = len(data) - len(MARK) - 64
    if start > 0 and data[start:].startswith(MARK):
        content, digest = data[:start], data[start + len(MARK) :]
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise CheckpointError(f"{path}: damaged, the checksum of the file is wrong")
        return content
    if not data[-LENGTH_OF_END:].startswith(END_OF_ARCHIVE):
        raise CheckpointError(f"{path}: not a readable torch file (its end is missing)")
    return data


def _check_parts(path: Path, archive: zipfile.ZipFile, size: int) -> None:
    """Refuse an archive that torch did not write, before anything in it is unpacked.

    torch stores parts as they are, so that all together are not larger than the file.

    Raises:
        CheckpointError: packed parts, or parts of the same bytes.
    """
    parts = archive.infolist()
    packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
    if packed or sum(part.file_size for part in parts) > size:
        raise CheckpointError(f"{path}: not a file of torch's, its parts are packed or overlap")


def _save(payload: dict[str, Any], path: Path) -> None:
    """Save through a file of Python's, whose errors say what is wrong (a full disk)."""
    content = io.BytesIO()
    torch.save(payload, content)
    data = content.getvalue()
    path.write_bytes(data + MARK + hashlib.sha256(data).hexdigest().encode())

"""The container of model files: safetensors with a description and a checksum of every byte.

Format 2 is one safetensors file. Its metadata hold ``format``, ``content`` (JSON) and ``sha256``,
the checksum of the whole file with this checksum's 64 digits written as zeros. Format 1 was a torch
file; it is still read.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ..errors import CheckpointError
from ..runtime.atomic_files import first_line, write_durably
from ..runtime.file_types import ZIP_MAGIC, starts_with
from .torch_file import read_verified

FORMAT = "e3gnn-xanes model 2"
FORMAT_1 = "e3gnn-xanes model 1"
NO_DIGEST = "0" * 64
"""Stands where the checksum is, while it is worked out."""
LENGTH_BYTES = 8
"""Bytes of the header's length, little-endian, at the start of every safetensors file."""
LONGEST_HEADER = 100_000_000
"""Bytes of a header beyond which safetensors itself refuses it."""


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds."""

    content: dict[str, Any]
    """hyperparameters, differences of each member, info, calibration: plain values."""
    tensors: dict[str, Tensor]
    """``members.0.<name>``, .., and ``calibration.<name>``."""
    sha256: str | None = None
    """Checksum of the file that it was read from, 64 hexadecimal digits."""


def write_model_file(path: Path, file: ModelFile) -> None:
    """Write a model file of format 2, verified and in one step.

    Args:
        path: file to write; its folder must exist.
        file: what to write.

    Raises:
        CheckpointError: the folder is missing or what was written does not read back.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in file.tensors.items()}
    metadata = {"format": FORMAT, "content": json.dumps(file.content), "sha256": NO_DIGEST}
    blank = safetensors.torch.save(tensors, metadata)
    digest = hashlib.sha256(blank).hexdigest()
    written = _replace_digest(path, blank, NO_DIGEST, digest)
    write_durably(path, lambda beside: beside.write_bytes(written), _read_format_2)


def read_model_file(path: Path) -> ModelFile:
    """Read a model file of either format.

    Args:
        path: file to read.

    Returns:
        What it holds.

    Raises:
        CheckpointError: missing, damaged, or not a model file of this library.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    return _read_format_1(path) if starts_with(path, ZIP_MAGIC) else _read_format_2(path)


def _read_format_2(path: Path) -> ModelFile:
    """Read a safetensors file after comparing its checksum."""
    _check_header_length(path)
    data = path.read_bytes()
    try:
        metadata = json.loads(_header(data)).get("__metadata__", {})
        found, digest = metadata.get("format"), metadata.get("sha256", "")
    except (ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a readable model file, or a damaged one") from error
    if found != FORMAT:
        raise CheckpointError(f"{path}: format is {found!r}, expected {FORMAT!r}")
    blank = _replace_digest(path, data, digest, NO_DIGEST)
    if hashlib.sha256(blank).hexdigest() != digest:
        raise CheckpointError(f"{path}: damaged, the checksum of the file is wrong")
    try:
        content, tensors = json.loads(metadata["content"]), safetensors.torch.load(data)
    except (KeyError, ValueError, RecursionError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a model file ({first_line(error)})") from error
    return ModelFile(content, tensors, hashlib.sha256(data).hexdigest())


def _check_header_length(path: Path) -> None:
    """Refuse a header that is longer than the file or than any of ours, before it is read."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if length > min(LONGEST_HEADER, path.stat().st_size - LENGTH_BYTES):
        raise CheckpointError(
            f"{path}: not a model file, or damaged: its header has {length} bytes"
        )


def _read_format_1(path: Path) -> ModelFile:
    """Read a torch file, which held one network."""
    payload = read_verified(path)
    if payload.get("format") != FORMAT_1:
        raise CheckpointError(
            f"{path}: format is {payload.get('format')!r}, expected {FORMAT!r} or {FORMAT_1!r}"
        )
    parts: dict[str, Any] = {
        name: payload.get(name) for name in ("hyperparameters", "info", "weights")
    }
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise CheckpointError(f"{path}: `{name}` is a {type(part).__name__}, not a dictionary")
    content: dict[str, Any] = {
        "hyperparameters": {"num_amplitudes": 0, **parts["hyperparameters"]},  # 0.1.0 had none
        "differences": [{}],
        "info": parts["info"],
        "calibration": None,
    }
    weights = {f"members.0.{name}": weight for name, weight in parts["weights"].items()}
    bare = sorted(name for name, weight in weights.items() if not isinstance(weight, Tensor))
    if bare:
        raise CheckpointError(f"{path}: {bare[0]} is no tensor")
    return ModelFile(content, weights)


def _header(data: bytes) -> bytes:
    """The JSON at the start of a safetensors file."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    return data[LENGTH_BYTES : LENGTH_BYTES + min(length, len(data))]


def _replace_digest(path: Path, data: bytes, old: str, new: str) -> bytes:
    """Write another checksum, of the same length, into a file's header."""
    header = _header(data)
    entry = '"sha256":"{}"'
    before, after = (entry.format(digest).encode() for digest in (old, new))
    if header.count(before) != 1 or len(before) != len(after):
        raise CheckpointError(f"{path}: damaged, its header holds no checksum")
    start = LENGTH_BYTES + header.index(before)
    return data[:start] + after + data[start + len(before) :]

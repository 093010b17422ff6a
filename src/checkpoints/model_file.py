"""Model files as a container: safetensors with a description and a checksum of every byte.

The metadata are ``format``, ``content`` (JSON) and ``sha256``: the checksum of the whole file with
its own 64 digits written as zeros.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from ..errors import CheckpointError
from ..runtime.atomic_files import write_durably
from ..runtime.text_files import is_model_file

FORMAT = "e3gnn-xanes model 2"
NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class ModelFile:
    """Content of a model file."""

    content: dict[str, Any]
    """hyperparameters, differences of each member, info, calibration: plain values."""
    tensors: dict[str, Tensor]
    """``members.0.<name>``, .., and ``calibration.<name>``."""
    sha256: str | None = None
    """Checksum of the file that it was read from, 64 hexadecimal digits."""

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Tensors whose names start with a prefix, by the rest of their names."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def write_model_file(path: Path, file: ModelFile) -> None:
    """Write a model file in one step and read it back, see ``write_durably``."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in file.tensors.items()}
    metadata = {"format": FORMAT, "content": json.dumps(file.content), "sha256": NO_DIGEST}
    blank = safetensors.torch.save(tensors, metadata)
    data = _with_digest(blank, NO_DIGEST, hashlib.sha256(blank).hexdigest())
    write_durably(path, lambda beside: beside.write_bytes(data), read_model_file)


def read_model_file(path: Path) -> ModelFile:
    """Read a model file.

    Raises:
        CheckpointError: missing, damaged, of another format, or not a model file.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if not is_model_file(path):
        raise CheckpointError(f"{path}: damaged, or not a model file of this library")
    data = path.read_bytes()
    try:
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        kind, digest = metadata["format"], metadata["sha256"]
        if kind != FORMAT:
            raise CheckpointError(f"{path}: format is {kind!r}, expected {FORMAT!r}")
        if hashlib.sha256(_with_digest(data, digest, NO_DIGEST)).hexdigest() != digest:
            raise CheckpointError(f"{path}: damaged, the checksum of the file is wrong")
        content, tensors = json.loads(metadata["content"]), safetensors.torch.load(data)
    except CheckpointError:
        raise
    except Exception as error:  # whatever the parsers raise on a damaged or foreign file
        raise CheckpointError(f"{path}: damaged, or not a model file of this library") from error
    return ModelFile(content, tensors, hashlib.sha256(data).hexdigest())


def _with_digest(data: bytes, old: str, new: str) -> bytes:
    """A file's bytes with another checksum in the header."""
    return data.replace(f'"sha256":"{old}"'.encode(), f'"sha256":"{new}"'.encode(), 1)

"""Model files: everything that a prediction needs, in one file that never runs code when read."""

import os
import pickle
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from .errors import CheckpointError
from .model.gnn import XANES_E3GNN
from .versions import package_version

FORMAT = "e3gnn-xanes model 1"


@dataclass
class ModelInfo:
    """What a model was trained for. None: not known, as in a training on bare graphs."""

    element: str | None = None
    """Absorbing element, its symbol."""
    edge: str | None = None
    """Absorption edge, such as K."""
    target: str | None = None
    """Kind of spectrum, "absolute" or "normalized"."""
    unit: str | None = None
    """Unit of the spectrum."""
    code: str | None = None
    """Code and version of the calculations."""
    started_from: str | None = None
    """Model whose weights the training started from. None: random ones."""
    reference_energy: float | None = None
    """Absolute energy of the model's zero, eV. None: all energies are relative."""
    energy_grid: list[float] | None = None
    """Energies on which the model is scored, eV; absolute if there is a reference energy."""
    mean_spectrum: list[float] | None = None
    """Mean training spectrum on ``energy_grid``, the baseline, in ``unit``."""
    extend_below: float | None = None
    """Energies up to this far below a spectrum's first point were taken as flat, eV."""
    elements: list[int] | None = None
    """Atomic numbers in the training structures, sorted."""
    train_ids: list[str] | None = None
    """Records trained on."""
    val_ids: list[str] | None = None
    """Records that chose the best weights."""
    val_mse: float | None = None
    """Validation mean squared error of these weights, unit squared."""
    library_version: str = field(default_factory=lambda: package_version("e3gnn-xanes"))
    """Version of this library that wrote the file."""


def write_verified(path: Path, payload: dict[str, Any]) -> None:
    """Write a torch file beside its place, read it back, then put it there in one step.

    Args:
        path: file to write; its folder must exist.
        payload: tensors and plain values.

    Raises:
        CheckpointError: the folder is missing or what was written does not read back.
    """
    if not path.parent.is_dir():
        raise CheckpointError(f"{path}: the folder {path.parent} does not exist")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        torch.save(payload, beside)
        read_verified(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_verified(path: Path) -> dict[str, Any]:
    """Read a torch file of plain values after comparing every checksum in it.

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
        raise CheckpointError(
            f"{path}: not a readable model file ({_first_line(error)})"
        ) from error
    if not isinstance(payload, dict):
        raise CheckpointError(f"{path}: holds a {type(payload).__name__}, expected a dictionary")
    return payload


def save_model(path: str | Path, model: XANES_E3GNN, info: ModelInfo) -> None:
    """Write a model file.

    Args:
        path: file to write.
        model: network on any device; its weights and constructor arguments are kept.
        info: what it was trained for.

    Raises:
        CheckpointError: see ``write_verified``.
    """
    payload = {
        "format": FORMAT,
        "hyperparameters": model.hyperparameters,
        "info": asdict(info),
        "weights": {name: weight.cpu() for name, weight in model.state_dict().items()},
    }
    write_verified(Path(path), payload)


def load_model(path: str | Path) -> tuple[XANES_E3GNN, ModelInfo]:
    """Read a model file.

    Args:
        path: file that ``save_model`` wrote, or a training folder with ``model.pt`` in it.

    Returns:
        The network in evaluation mode, and what it was trained for.

    Raises:
        CheckpointError: missing, damaged, or not a model file of this library.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.pt"
    payload = read_verified(path)
    if payload.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format is {payload.get('format')!r}, expected {FORMAT!r}")
    known = {entry.name for entry in fields(ModelInfo)}
    unknown = sorted(set(payload["info"]) - known)
    if unknown:
        raise CheckpointError(f"{path}: unknown fields {unknown}; a newer version wrote this file")
    try:
        dtype = payload["weights"]["coefficient_mean"].dtype
        model = XANES_E3GNN(**payload["hyperparameters"]).to(dtype)
        model.load_state_dict(payload["weights"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: does not fit this version ({_first_line(error)})"
        ) from error
    return model.eval(), ModelInfo(**payload["info"])


def _first_line(error: Exception) -> str:
    """First line of an error's message."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

"""Fingerprint of a training: what must be the same when it is resumed."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError, ConfigError
from ..model.gnn import XANES_E3GNN
from .config import TrainingConfig, TrainingOptions

NOT_COMPARED = {
    "energy_grid", "criterion", "info", "save_path", "checkpoint_path", "metrics_path", "resume",
    "device", "workers", "checkpoint_minutes", "keep", "max_hours", "on_batch",
}  # fmt: skip
"""Settings that are described in words of their own or may change."""


def make_fingerprint(
    model: XANES_E3GNN, config: TrainingConfig, train_digest: str, val_digest: str
) -> dict[str, Any]:
    """Settings and data that a training depends on, as plain values."""
    settings = {
        entry.name: getattr(config, entry.name)
        for entry in fields(config)
        if entry.name not in NOT_COMPARED
    }
    grid = torch.as_tensor(config.energy_grid)
    return {
        **settings,
        "energy_grid": f"{len(grid)} energies, {float(grid[0]):.4f} .. {float(grid[-1]):.4f} eV",
        "criterion": repr(config.criterion),
        "frozen": [n for n, w in model.named_parameters() if not w.requires_grad] or None,
        **{f"model.{name}": value for name, value in model.hyperparameters.items()},
        "train_dataset": train_digest,
        "val_dataset": val_digest,
    }


def check_fingerprint(path: Path, state: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse a state that another training wrote; a setting that it lacks had its default.

    Args:
        path: the state's file, for the message.
        state: content of the file.
        now: fingerprint of the training that is to be resumed.

    Raises:
        CheckpointError: not the state of a training.
        ConfigError: the fingerprint differs; the differences are listed.
    """
    if "fingerprint" not in state:
        raise CheckpointError(f"{path}: not the state of a training")
    before = {**vars(TrainingOptions()), **state["fingerprint"]}
    differences = [
        f"{key} was {before.get(key)!r}, is {new!r}"
        for key, new in now.items()
        if before.get(key) != new
    ]
    if differences:
        raise ConfigError(f"{path}: can't resume, {'; '.join(differences)}")

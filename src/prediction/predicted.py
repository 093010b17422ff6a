"""Structures with their predicted spectra, as they go to a file."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..checkpoints.model_info import ModelInfo
from ..checkpoints.trained_model import TrainedModel
from ..runtime.atomic_files import plain_values
from .structure_prediction import SitePrediction, StructurePrediction


@dataclass
class Predicted:
    """Structures with their predicted spectra, and what predicted them."""

    model: TrainedModel
    """The model."""
    spectra: list[StructurePrediction] = field(default_factory=list)
    """Predictions of each structure."""
    structures: list[Atoms] = field(default_factory=list)
    """The structures."""
    sources: list[Path] = field(default_factory=list)
    """File of each structure."""
    skipped: list[str] = field(default_factory=list)
    """Why others could not be predicted."""

    @property
    def energy(self) -> np.ndarray:
        """Energies, eV, shape (n_energies,)."""
        return self.spectra[0].energy

    @property
    def sites(self) -> list[SitePrediction]:
        """Sites of all structures."""
        return [site for sites in self.spectra for site in sites]

    def __str__(self) -> str:
        """How many were predicted."""
        done = len(self.spectra)
        return f"{done} of {done + len(self.skipped)} structures are predicted"


def described(info: ModelInfo) -> dict[str, Any]:
    """What the spectra are, for every format."""
    axis = "absolute" if info.reference_energy is not None else "relative"
    return {
        "element": info.element, "edge": info.edge, "code": info.code, "target": info.target,
        "unit": info.unit, "axis": axis,
    }  # fmt: skip


def dumps(values: Any) -> str:
    """JSON; what is not finite becomes null."""
    return json.dumps(plain_values(values), allow_nan=False) + "\n"

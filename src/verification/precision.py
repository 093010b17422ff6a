"""How much a prediction changes with floating-point precision."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii

from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError
from ..prediction.inference import raw_sites


@dataclass(frozen=True)
class PrecisionCheck:
    """Predictions of one structure in float32 and float64, compared."""

    difference: float
    """Largest difference over the energies, unit of the target."""
    largest: float
    """Largest absolute value of the float64 spectrum, same unit."""
    structure: str
    """The structure, in words."""


def check_precision(model: TrainedModel) -> PrecisionCheck:
    """Compare predictions in float32 and float64 on the face-centered cubic element.

    Neighbors are two covalent radii apart, so that it exists for every element.

    Raises:
        ConfigError: the model names no element or no energies.
    """
    element = model.info.element
    if element is None:
        raise ConfigError("the model names no element, so its precision can't be checked")
    a = 2.0 * np.sqrt(2.0) * covalent_radii[atomic_numbers[element]]
    atoms, relative, spectra = bulk(element, "fcc", a=a), model.energies().relative, []
    for dtype in (torch.float32, torch.float64):
        network = copy.deepcopy(model.network).to(dtype)
        spectra.append(raw_sites(network, [model.graph(atoms, [0], dtype)], relative).mu)
    single, double = spectra
    return PrecisionCheck(
        difference=float(np.abs(single - double).max()),
        largest=float(np.abs(double).max()),
        structure=f"fcc {element}, a = {a:.3f} Angstrom",
    )

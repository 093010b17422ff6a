"""How much a prediction changes with floating-point precision."""

import copy

import numpy as np
import torch
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii

from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError
from ..prediction.inference import raw_sites


def check_precision(model: TrainedModel) -> tuple[float, float, str]:
    """Compare predictions in float32 and float64 on the face-centered cubic element.

    Neighbors are two covalent radii apart, so that it exists for every element.

    Returns:
        Largest difference over the energies; largest absolute value in float64, both in the unit
        of the target; and the structure in words.

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
    difference, largest = (float(np.abs(mu).max()) for mu in (single - double, double))
    return difference, largest, f"fcc {element}, a = {a:.3f} Angstrom"

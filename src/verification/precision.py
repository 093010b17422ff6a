"""How much a prediction owes to the precision of its numbers."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii

from ..checkpoints.trained_model import ModelInfo
from ..errors import ConfigError
from ..model.ensemble import Network
from ..prediction.inference import raw_sites
from ..prediction.site_prediction import relative_energies
from ..structures.graph import atoms_to_graph


@dataclass(frozen=True)
class PrecisionCheck:
    """Predictions of one structure in float32 and float64, compared."""

    difference: float
    """Largest difference over the energies, unit of the target."""
    largest: float
    """Largest absolute value of the float64 spectrum, same unit."""
    structure: str
    """The structure, in words."""


def check_precision(model: Network, info: ModelInfo) -> PrecisionCheck:
    """Compare predictions in float32 and float64 on the face-centred cubic element.

    Neighbours are two covalent radii apart, so that it exists for every element.

    Args:
        model: network or ensemble; it is left as it is.
        info: what it was trained for; names the element.

    Returns:
        The largest difference.

    Raises:
        ConfigError: the model names no element or no energies, or has seen no spectra.
    """
    if info.element is None:
        raise ConfigError("the model names no element, so its precision can't be checked")
    a = 2.0 * np.sqrt(2.0) * covalent_radii[atomic_numbers[info.element]]
    _, relative = relative_energies(model, info, None)
    atoms = bulk(info.element, "fcc", a=a)
    spectra = []
    for dtype in (torch.float32, torch.float64):  # lengths too
        graph = atoms_to_graph(atoms, [0], model.r_max, model.max_z, dtype)
        ((_, found),) = raw_sites(copy.deepcopy(model).to(dtype), [graph], relative)
        spectra.append(found.mu)
    single, double = spectra
    return PrecisionCheck(
        difference=float(np.abs(single - double).max()),
        largest=float(np.abs(double).max()),
        structure=f"fcc {info.element}, a = {a:.3f} Angstrom",
    )

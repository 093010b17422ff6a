"""Alignment of a spectrum's energies: to another spectrum, or to the tabulated edge."""

import numpy as np
from scipy.optimize import minimize_scalar

from ..errors import RecordError
from .edges import find_edge
from .normalization import find_e0
from .spectrum import Spectrum

STEP = 0.25
"""Distance of the shifts tried before the best is refined, eV."""


def shift_to_edge(spectrum: Spectrum) -> tuple[Spectrum, float]:
    """Move a spectrum so that its e0 is the tabulated energy of its edge.

    Returns:
        The moved spectrum, and by how much it was moved, eV.

    Raises:
        RecordError: element or edge are not known, or no e0 is found.
        ConfigError: the edge is not tabulated.
    """
    if spectrum.element is None or spectrum.edge is None:
        raise RecordError(f"{spectrum.source}: names no element and edge to align to")
    e0 = find_e0(spectrum) if spectrum.e0 is None else spectrum.e0
    shift = find_edge(spectrum.element, spectrum.edge).energy - e0
    return spectrum.shifted(shift), shift


def shift_to(
    spectrum: Spectrum, reference: Spectrum, largest: float = 15.0
) -> tuple[Spectrum, float]:
    """Move a spectrum to lie best on a reference, both normalised.

    The mean squared difference of the derivatives, which an offset of mu does not change, is
    minimised over the energies that the reference has for every shift tried.

    Args:
        spectrum: what to move.
        reference: what stays.
        largest: largest shift either way, eV.

    Returns:
        The moved spectrum, and by how much it was moved, eV.

    Raises:
        RecordError: less than 10 eV are common for every shift.
    """
    low = max(reference.energy[0], spectrum.energy[0] + largest)
    high = min(reference.energy[-1], spectrum.energy[-1] - largest)
    if high - low < 10.0:
        raise RecordError(
            f"{spectrum.source} and {reference.source} have {max(high - low, 0.0):.1f} eV in common"
            f" with shifts up to {largest:g} eV; 10 are needed"
        )
    grid = np.arange(low, high, STEP)
    wanted = np.interp(grid, reference.energy, np.gradient(reference.mu, reference.energy))
    own = np.gradient(spectrum.mu, spectrum.energy)

    def misfit(shift: float) -> float:
        return float(np.mean((np.interp(grid - shift, spectrum.energy, own) - wanted) ** 2))

    tried = np.arange(-largest, largest + 0.5 * STEP, STEP)
    best = tried[int(np.argmin([misfit(shift) for shift in tried]))]
    between = max(best - STEP, -largest), min(best + STEP, largest)
    found = minimize_scalar(misfit, bounds=between, method="bounded", options={"xatol": 1e-5})
    return spectrum.shifted(float(found.x)), float(found.x)

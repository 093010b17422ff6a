"""Alignment of a spectrum's energies: to another spectrum, or to the tabulated edge."""

import numpy as np
from scipy.optimize import minimize_scalar

from ..errors import RecordError, check_positive
from .edges import find_edge
from .normalization import e0_of
from .spectrum import Spectrum

STEP = 0.25
"""Step between the shifts tried before the best is refined, eV."""


def shift_to_edge(spectrum: Spectrum) -> tuple[Spectrum, float]:
    """Shift a spectrum so that its e0 is its edge's tabulated energy; returns it and the shift, eV.

    Raises:
        RecordError: element or edge are not known, or no e0 is found.
        ConfigError: the edge is not tabulated.
    """
    if spectrum.element is None or spectrum.edge is None:
        raise RecordError(f"{spectrum.source}: names no element and edge to align to")
    shift = find_edge(spectrum.element, spectrum.edge).energy - e0_of(spectrum)
    return spectrum.shifted(shift), shift


def shift_to(
    spectrum: Spectrum, reference: Spectrum, largest: float = 15.0
) -> tuple[Spectrum, float]:
    """Shift a spectrum to match a reference, both normalized; returns it and the shift, eV.

    Minimizes the mean squared difference of the derivatives, which an offset of mu does not change,
    over the energies that both have for every shift tried, up to ``largest`` eV either way; the
    result may be this bound.

    Raises:
        ConfigError: ``largest`` is not positive.
        RecordError: less than 10 eV are common for every shift.
    """
    check_positive("largest", largest)
    low = max(reference.energy[0], spectrum.energy[0] + largest)
    high = min(reference.energy[-1], spectrum.energy[-1] - largest)
    if high - low < 10.0:
        raise RecordError(
            f"{spectrum.source} and {reference.source} have {max(high - low, 0.0):.1f} eV in common"
            f" with shifts up to {largest:g} eV; 10 are needed"
        )
    grid = np.arange(low, high, STEP)
    target = np.interp(grid, reference.energy, reference.derivative().mu)
    slope = spectrum.derivative().mu

    def misfit(shift: float) -> float:
        return float(np.mean((np.interp(grid - shift, spectrum.energy, slope) - target) ** 2))

    best = min(np.arange(-largest, largest + 0.5 * STEP, STEP), key=misfit)
    bounds = max(best - STEP, -largest), min(best + STEP, largest)
    fit = minimize_scalar(misfit, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    return spectrum.shifted(float(fit.x)), float(fit.x)

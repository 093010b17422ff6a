"""Energies of a spectrum: grids and resampling."""

import numpy as np

from ..errors import ConfigError

KNOWN_WINDOWS = {("Cu", "K"): (8983.173, 9018.173, 0.25)}
"""First and last energy and step, eV, on which published models of an edge are compared.

Cu K: the grid of OmniXAS, arXiv:2409.19552, 141 energies.
"""
MOST_ENERGIES = 1_000_000
"""Energies of a grid beyond which a step is a slip."""


def energy_grid(start: float, stop: float, step: float) -> np.ndarray:
    """Energies start + k step up to ``stop``, which is included within a hundredth of a step.

    Args:
        start: first energy, eV.
        stop: last energy, eV.
        step: distance, eV, positive.

    Returns:
        Energies, eV, shape (n_energies,).

    Raises:
        ConfigError: ``stop`` is not above ``start``, ``step`` not positive, one is not finite, or
            there would be more than a million energies.
    """
    if not (step > 0 and stop > start and np.isfinite([start, stop, step]).all()):
        raise ConfigError(f"energies from {start} to {stop} eV in steps of {step} eV are no grid")
    if (stop - start) / step > MOST_ENERGIES:
        raise ConfigError(
            f"energies from {start} to {stop} eV in steps of {step} eV are more than"
            f" {MOST_ENERGIES}"
        )
    return start + step * np.arange(int(np.floor((stop - start) / step + 0.01)) + 1)


def resample(
    energy: np.ndarray, mu: np.ndarray, grid: np.ndarray, extend_below: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation onto a grid, and where it stands for something calculated.

    Args:
        energy: calculated energies, eV, shape (n,), strictly increasing.
        mu: calculated values, shape (n,).
        grid: energies wanted, eV, shape (n_energies,).
        extend_below: the first value also stands for energies up to this far below it, eV.

    Returns:
        Values, and a mask that is False outside the calculation; values are 0 there.
    """
    tolerance = 1e-6
    mask = (grid >= energy[0] - extend_below - tolerance) & (grid <= energy[-1] + tolerance)
    return np.where(mask, np.interp(grid, energy, mu), 0.0), mask

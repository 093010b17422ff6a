"""Energies of spectra: the axis of a model, even grids, resampling."""

from dataclasses import dataclass

import numpy as np

from ..errors import ENERGY_TOLERANCE, ConfigError

KNOWN_WINDOWS = {("Cu", "K"): (8983.173, 9018.173, 0.25)}
"""First and last energy and step, eV, on which published models of an edge are compared.

Cu K: the grid of OmniXAS, arXiv:2409.19552, 141 energies.
"""
MOST_ENERGIES = 1_000_000
"""Energies of a grid beyond which a step is a slip."""


@dataclass(frozen=True, eq=False)
class EnergyAxis:
    """Energies of spectra, and the reference energy from which a network counts them.

    E_rel = E - E_ref. Records count energies absolutely, or from an edge energy that they do not
    name; then there is no reference, and both are the same.
    """

    energy: np.ndarray
    """Energies as the records count them, eV, shape (n_energies,)."""
    reference: float | None = None
    """Absolute energy of the network's zero, eV. None: the records' energies are relative."""
    n_scored: int | None = None
    """How many energies, from the first, are scored. None: all."""

    @property
    def relative(self) -> np.ndarray:
        """Energies as a network counts them, eV, shape (n_energies,)."""
        return self.energy - (self.reference or 0.0)

    @property
    def scored(self) -> "EnergyAxis":
        """Only the energies that are scored."""
        return EnergyAxis(self.energy[: self.n_scored], self.reference)

    def __str__(self) -> str:
        """First and last energy, and what they are relative to."""
        zero = " relative to an unspecified edge energy" if self.reference is None else ""
        return f"{self.energy[0]:.3f} to {self.energy[-1]:.3f} eV{zero}"


def even_energies(start: float, stop: float, step: float) -> np.ndarray:
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
    above = grid >= energy[0] - extend_below - ENERGY_TOLERANCE
    mask = above & (grid <= energy[-1] + ENERGY_TOLERANCE)
    return np.where(mask, np.interp(grid, energy, mu), 0.0), mask

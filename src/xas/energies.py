"""Energies of spectra: the axis of a model, even grids, resampling."""

from dataclasses import dataclass

import numpy as np

from ..errors import ENERGY_TOLERANCE, ConfigError

KNOWN_WINDOWS = {("Cu", "K"): (8983.173, 9018.173, 0.25)}
"""First and last energy and step, eV, on which published models of an edge are compared.

Cu K: the grid of OmniXAS, arXiv:2409.19552, 141 energies.
"""
MOST_ENERGIES = 1_000_000
"""A grid of more energies is a mistake in the step."""


@dataclass(frozen=True, eq=False)
class EnergyAxis:
    """Energies of spectra, and the reference energy of a network, E_rel = E - E_ref.

    Records have absolute energies, or energies relative to an edge energy that they do not name;
    then there is no reference, and both are the same.
    """

    energy: np.ndarray
    """Energies as in the records, eV, shape (n_energies,)."""
    reference: float | None = None
    """Absolute energy of the network's zero, eV. None: the records' energies are relative."""
    n_scored: int | None = None
    """How many energies, from the first, are scored. None: all."""

    @property
    def relative(self) -> np.ndarray:
        """Energies relative to the reference, as a network takes them, eV, shape (n_energies,)."""
        return self.energy - (self.reference or 0.0)

    @property
    def scored(self) -> "EnergyAxis":
        """The energies that are scored."""
        return EnergyAxis(self.energy[: self.n_scored], self.reference)

    def __str__(self) -> str:
        """First and last energy, and what they are relative to."""
        zero = " relative to an unspecified edge energy" if self.reference is None else ""
        return f"{self.energy[0]:.3f} to {self.energy[-1]:.3f} eV{zero}"


def even_energies(start: float, stop: float, step: float) -> np.ndarray:
    """Energies start + k step up to ``stop``, all eV, shape (n_energies,).

    ``stop`` is included if it is within a hundredth of a step.

    Raises:
        ConfigError: ``stop`` is not above ``start``, ``step`` not positive, one is not finite, or
            there would be more than a million energies.
    """
    what = f"energies from {start} to {stop} eV in steps of {step} eV are"
    if not (step > 0 and stop > start and np.isfinite([start, stop, step]).all()):
        raise ConfigError(f"{what} no grid")
    if (stop - start) / step > MOST_ENERGIES:
        raise ConfigError(f"{what} more than {MOST_ENERGIES}")
    return start + step * np.arange(int(np.floor((stop - start) / step + 0.01)) + 1)


def resample(
    energy: np.ndarray, mu: np.ndarray, grid: np.ndarray, extend_below: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation onto a grid, and where the grid is covered by the calculation.

    Args:
        energy: calculated energies, eV, shape (n,), strictly increasing.
        mu: calculated values, shape (n,).
        grid: new energies, eV, shape (n_energies,).
        extend_below: the first value also counts up to this far below the first energy, eV.

    Returns:
        Values, 0 outside the calculation, and a mask that is False there, both (n_energies,).
    """
    above = grid >= energy[0] - extend_below - ENERGY_TOLERANCE
    mask = above & (grid <= energy[-1] + ENERGY_TOLERANCE)
    return np.where(mask, np.interp(grid, energy, mu), 0.0), mask

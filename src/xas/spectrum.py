"""One spectrum, measured, calculated or predicted, on absolute photon energies."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import ENERGY_TOLERANCE, RecordError
from .tabular import Tabular, describe_axis, draw_spectrum


@dataclass(frozen=True, eq=False)
class Spectrum(Tabular):
    """An absorption spectrum, immutable and checked."""

    energy: np.ndarray
    """Photon energies, eV, shape (n_energies,), strictly increasing; read-only."""
    mu: np.ndarray
    """Absorption, shape (n_energies,), in ``unit``; read-only."""
    unit: str = "arbitrary"
    """Unit of ``mu``: arbitrary as in most measurements, dimensionless once normalized."""
    element: str | None = None
    """Symbol of the absorbing element. None: not known."""
    edge: str | None = None
    """Absorption edge, such as K. None: not known."""
    e0: float | None = None
    """Edge energy, eV. None: not determined."""
    source: str = "spectrum"
    """Where it comes from: a path or a structure."""
    header: Mapping[str, str] = field(default_factory=dict)
    """Fields of a measured file, `Family.key` to value, as in XDI."""
    made_from: str = ""
    """What mu and the energies of a measured file are from, in words."""

    def __post_init__(self) -> None:
        """Copy the arrays, make them read-only and check them.

        Raises:
            RecordError: they do not fit together or are not finite, energies do not increase, or
                energies or the edge energy are not positive.
        """
        for name in ("energy", "mu"):
            values = np.array(getattr(self, name), dtype=float)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        object.__setattr__(self, "header", MappingProxyType(dict(self.header)))
        if self.e0 is not None and not 0 < self.e0 < np.inf:
            raise RecordError(f"{self.source}: `e0` is {self.e0} but must be positive and finite")
        if self.energy.ndim != 1 or self.energy.shape != self.mu.shape or len(self.energy) < 2:
            raise RecordError(
                f"{self.source}: energy {self.energy.shape} and mu {self.mu.shape} must both be"
                " (n_energies,) with two or more energies"
            )
        for name, values in (("energy", self.energy), ("mu", self.mu)):
            if not np.isfinite(values).all():
                at = int(np.argmin(np.isfinite(values)))
                raise RecordError(f"{self.source}: {name} is {values[at]} at point {at + 1}")
        if self.energy[0] <= 0:
            raise RecordError(
                f"{self.source}: photon energies must be positive, the first is {self.energy[0]} eV"
            )
        steps = np.diff(self.energy)
        if not (steps > 0).all():
            at = int(np.argmin(steps > 0))
            raise RecordError(
                f"{self.source}: energies must increase, but {self.energy[at + 1]:.3f} eV follows"
                f" {self.energy[at]:.3f} eV at point {at + 2}"
            )

    def __repr__(self) -> str:
        """One line."""
        edge = f"{self.element or ''} {self.edge or ''}".strip()
        parts = [self.source, *([f"{edge} edge"] if edge else []), describe_axis(self.energy)]
        parts += [f"e0 {self.e0:.2f} eV"] if self.e0 is not None else []
        return f"<Spectrum {', '.join(parts)}, mu {self.unit}>"

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV`` and ``mu``."""
        return {"energy_eV": self.energy, "mu": self.mu}

    def draw(self, ax: Any) -> None:
        """Draw the spectrum."""
        draw_spectrum(ax, self.energy, self.mu, self.unit, self.source)

    def at(self, energy: np.ndarray) -> "Spectrum":
        """Linear interpolation onto two or more energies, eV, shape (n,), strictly increasing.

        Raises:
            RecordError: an energy is outside the spectrum's; nothing is extrapolated.
        """
        energy = np.asarray(energy, dtype=float)
        low, high = self.energy[0] - ENERGY_TOLERANCE, self.energy[-1] + ENERGY_TOLERANCE
        if energy.size == 0:
            raise RecordError(f"{self.source}: no energies are requested")
        if energy.min() < low or energy.max() > high:
            raise RecordError(
                f"{self.source}: {energy.min():.3f} to {energy.max():.3f} eV are requested, it has"
                f" {self.energy[0]:.3f} to {self.energy[-1]:.3f} eV"
            )
        return replace(self, energy=energy, mu=np.interp(energy, self.energy, self.mu))

    def within(self, low: float, high: float) -> "Spectrum":
        """The points from ``low`` to ``high``, eV.

        Raises:
            RecordError: fewer than two points are left.
        """
        chosen = (self.energy >= low) & (self.energy <= high)
        if chosen.sum() < 2:
            raise RecordError(
                f"{self.source}: {int(chosen.sum())} points between {low:.3f} and {high:.3f} eV,"
                " two or more are needed"
            )
        return replace(self, energy=self.energy[chosen], mu=self.mu[chosen])

    def shifted(self, shift: float) -> "Spectrum":
        """The spectrum with energies and e0 higher by ``shift``, eV."""
        e0 = None if self.e0 is None else self.e0 + shift
        return replace(self, energy=self.energy + shift, e0=e0)

    def derivative(self) -> "Spectrum":
        """D mu / dE by second-order differences, per eV."""
        return replace(self, mu=np.gradient(self.mu, self.energy), unit=f"{self.unit} / eV")

    def minus(self, other: "Spectrum") -> "Spectrum":
        """Difference from another spectrum, at the energies within its range.

        Raises:
            RecordError: the units differ, or fewer than two energies are common.
        """
        if self.unit != other.unit:
            raise RecordError(
                f"{self.source} is in {self.unit}, {other.source} in {other.unit}; they can't be"
                " subtracted"
            )
        common = self.within(other.energy[0], other.energy[-1])
        values = common.mu - np.interp(common.energy, other.energy, other.mu)
        return replace(common, mu=values, source=f"{self.source} - {other.source}")

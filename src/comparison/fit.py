"""Fit of a predicted spectrum to a normalized measurement: shift, broadening, scale."""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ..errors import ConfigError
from ..xas.broadening import gaussian
from ..xas.spectrum import Spectrum
from .similarity import MEASURES

CLOSE = 1e-3
"""A parameter within this fraction of its range from a bound is at the bound."""


@dataclass(frozen=True)
class Bounds:
    """Lower and upper limits of the parameters of a fit; equal limits fix a parameter."""

    shift: tuple[float, float] = (-15.0, 15.0)
    """Shift of the prediction's energies, eV."""
    broadening: tuple[float, float] = (0.0, 3.0)
    """Full width at half maximum of an additional Gaussian, eV: the monochromator, and the lifetime
    of the final state beyond what the calculations include."""
    scale: tuple[float, float] = (0.85, 1.15)
    """Factor of the prediction in units of the edge step."""

    def __post_init__(self) -> None:
        """Raise ConfigError for limits in the wrong order or out of range."""
        for name in ("shift", "broadening", "scale"):
            low, high = getattr(self, name)
            if not -np.inf < low <= high < np.inf:
                raise ConfigError(
                    f"`{name}` is {low} {high} but must be LOW HIGH, finite, with LOW <= HIGH"
                )
        if self.broadening[0] < 0:
            raise ConfigError(f"`broadening` is {self.broadening} but must not be negative")
        if self.scale[0] <= 0:
            raise ConfigError(f"`scale` is {self.scale} but must be positive")


@dataclass(frozen=True)
class Fit:
    """A candidate fitted to the measurement."""

    name: str
    """Name of the candidate."""
    shift: float
    """Shift of the prediction, eV."""
    broadening: float
    """Full width at half maximum of the additional Gaussian, eV."""
    scale: float
    """Factor of the prediction in units of the edge step."""
    at_bound: tuple[str, ...]
    """Parameters at one of their bounds."""
    measures: dict[str, float]
    """Value of every metric; lower means more similar."""
    fitted: np.ndarray
    """Fitted prediction on the energies compared, dimensionless, shape (n_energies,)."""
    half_width: np.ndarray | None
    """Half width of the model's band, same unit and shape. None: not calibrated."""


class _Search:
    """Least squares over shift and broadening; the scale follows from them in closed form."""

    def __init__(self, measured: Spectrum, predicted: Spectrum, bounds: Bounds) -> None:
        self.measured, self.predicted, self.scale = measured, predicted, bounds.scale
        self.lower, self.upper = np.transpose([bounds.shift, bounds.broadening])
        self.broadened = functools.cache(lambda width: gaussian(predicted, width).mu)

    def scaled(self, shift: float, width: float) -> tuple[float, np.ndarray]:
        """Best scale, and the prediction shifted, broadened and scaled."""
        energy, target = self.measured.energy - shift, self.measured.mu
        mu = np.interp(energy, self.predicted.energy, self.broadened(round(float(width), 4)))
        scale = float(np.clip(mu @ target / max(mu @ mu, 1e-30), *self.scale))
        return scale, scale * mu

    def misfit(self, point: np.ndarray) -> float:
        """Mean squared difference; outside the bounds, that at the bound and the distance to it."""
        inside = np.clip(point, self.lower, self.upper)
        difference = self.scaled(*inside)[1] - self.measured.mu
        return float(np.mean(difference**2) + np.abs(point - inside).sum())

    def best(self) -> tuple[float, float]:
        """Shift and broadening, eV."""
        shifts = np.arange(self.lower[0], self.upper[0] + 1e-9, 0.5)
        widths = np.unique(np.append(np.arange(self.lower[1], self.upper[1], 1.0), self.upper[1]))
        grid = np.array(list(itertools.product(shifts, widths)))
        start = min(grid, key=self.misfit)
        simplex = start + np.array([[0.0, 0.0], [0.4, 0.0], [0.0, 0.5]])
        options = {"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-10, "maxiter": 200}
        found = minimize(self.misfit, start, method="Nelder-Mead", options=options)
        shift, width = np.clip(found.x, self.lower, self.upper)
        return float(shift), float(width)


def fit_candidate(
    name: str,
    measured: Spectrum,
    predicted: Spectrum,
    half_width: np.ndarray | None,
    bounds: Bounds,
) -> Fit:
    """Find the shift, broadening and scale with the smallest mean squared difference.

    The scale follows from the other two in closed form; those are searched on a grid of 0.5 and
    1 eV and refined by the simplex of Nelder and Mead.

    Args:
        name: name of the candidate.
        measured: normalized measurement on the energies to compare.
        predicted: prediction in units of the edge step; for every shift it must cover the measured
            energies, see ``compare_window``.
        half_width: of the model's band, same unit, shape of ``predicted``. None: not calibrated.
        bounds: limits of the parameters.

    Returns:
        The best fit.
    """
    search = _Search(measured, predicted, bounds)
    shift, width = search.best()
    scale, fitted = search.scaled(shift, width)
    energy, target = measured.energy, measured.mu
    if half_width is not None:
        half_width = scale * np.interp(energy - shift, predicted.energy, half_width)
    at_bound = []
    for key, value in {"shift": shift, "broadening": width, "scale": scale}.items():
        low, high = getattr(bounds, key)
        if low < high and min(value - low, high - value) < CLOSE * (high - low):
            at_bound.append(key)
    measures = {key: measure(energy, target, fitted) for key, measure in MEASURES.items()}
    return Fit(name, shift, width, scale, tuple(at_bound), measures, fitted, half_width)

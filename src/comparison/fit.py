"""Fit of a predicted spectrum to a normalized measurement: shift, broadening, scale."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ..errors import ConfigError
from ..xas.broadening import gaussian
from ..xas.spectrum import Spectrum
from .similarity import MEASURES

CLOSE = 1e-3
"""A parameter this part of its range from a bound has reached it."""


@dataclass(frozen=True)
class Bounds:
    """What a fit may change; both ends the same: nothing."""

    shift: tuple[float, float] = (-15.0, 15.0)
    """Energies of the prediction are moved by this much, eV."""
    broadening: tuple[float, float] = (0.0, 3.0)
    """Full width at half maximum of a further Gaussian: monochromator, and life of the final
    state beyond what the calculations hold, eV."""
    scale: tuple[float, float] = (0.85, 1.15)
    """Factor of the prediction in units of the edge step."""

    def __post_init__(self) -> None:
        """Raise ConfigError for bounds in the wrong order or out of range."""
        for name in ("shift", "broadening", "scale"):
            low, high = getattr(self, name)
            if not low <= high:
                raise ConfigError(f"`{name}` must be LOW HIGH with LOW <= HIGH, found {low} {high}")
            if not np.isfinite([low, high]).all():
                raise ConfigError(f"`{name}` must be finite, found {low} {high}")
        if self.broadening[0] < 0 or self.scale[0] <= 0:
            raise ConfigError(
                f"`broadening` {self.broadening} must not be negative, `scale` {self.scale} must be"
                " positive"
            )


@dataclass(frozen=True)
class Fit:
    """A candidate beside the measurement."""

    name: str
    """Candidate."""
    shift: float
    """eV, see ``Bounds``."""
    broadening: float
    """Full width at half maximum, eV."""
    scale: float
    """Factor of the prediction in units of the edge step."""
    at_bound: tuple[str, ...]
    """Parameters that a bound has stopped."""
    measures: dict[str, float]
    """Value of every measure; less is more alike."""
    fitted: np.ndarray
    """Fitted prediction on the energies compared, dimensionless, shape (n_energies,)."""
    half_width: np.ndarray | None
    """Half width of the model's band there, same unit and shape; None: not calibrated."""


def fit_candidate(
    name: str,
    measured: Spectrum,
    predicted: Spectrum,
    half_width: np.ndarray | None,
    bounds: Bounds,
) -> Fit:
    """Find shift, broadening and scale with the least mean squared difference.

    The scale follows from the other two in closed form; these are searched on a grid of 0.5 eV and
    refined by Nelder and Mead's simplex.

    Args:
        name: candidate.
        measured: normalised measurement on the energies to compare.
        predicted: prediction in units of the edge step; for every shift it must reach over the
            measured energies, see ``compare_window``.
        half_width: of the model's band on the prediction's energies, in the same unit.
        bounds: what may change.

    Returns:
        The best fit.
    """
    energy, target = measured.energy, measured.mu
    broadened: dict[float, np.ndarray] = {}

    def shape(shift: float, width: float) -> np.ndarray:
        key = round(width, 4)
        if key not in broadened:
            broadened[key] = gaussian(predicted, key).mu
        return np.interp(energy - shift, predicted.energy, broadened[key])

    def best_scale(values: np.ndarray) -> float:
        free = float(values @ target / max(values @ values, 1e-30))
        return float(np.clip(free, *bounds.scale))

    def misfit(point: np.ndarray) -> float:
        shift = float(np.clip(point[0], *bounds.shift))
        width = float(np.clip(point[1], *bounds.broadening))
        values = shape(shift, width)
        outside = abs(point[0] - shift) + abs(point[1] - width)
        return float(np.mean((best_scale(values) * values - target) ** 2)) + outside

    shifts = np.arange(bounds.shift[0], bounds.shift[1] + 1e-9, 0.5)
    widths = np.unique(np.append(np.arange(*bounds.broadening, 1.0), bounds.broadening[1]))
    start = min(((s, w) for w in widths for s in shifts), key=lambda p: misfit(np.array(p)))
    simplex = np.array(start) + np.array([[0.0, 0.0], [0.4, 0.0], [0.0, 0.5]])
    options = {"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-10, "maxiter": 200}
    found = minimize(misfit, start, method="Nelder-Mead", options=options).x
    shift = float(np.clip(found[0], *bounds.shift))
    width = float(np.clip(found[1], *bounds.broadening))
    values = shape(shift, width)
    scale = best_scale(values)
    fitted = scale * values
    half = None
    if half_width is not None:
        half = scale * np.interp(energy - shift, predicted.energy, half_width)
    stopped = {"shift": shift, "broadening": width, "scale": scale}
    at_bound = tuple(key for key, value in stopped.items() if _reached(value, getattr(bounds, key)))
    measures = {key: measure(energy, target, fitted) for key, measure in MEASURES.items()}
    return Fit(name, shift, width, scale, at_bound, measures, fitted, half)


def _reached(value: float, limits: tuple[float, float]) -> bool:
    """Whether a parameter that may vary has come to a bound."""
    low, high = limits
    return high > low and min(value - low, high - value) < CLOSE * (high - low)

"""Fit of a predicted spectrum to a normalized measurement: shift, broadening, scale."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ConfigError
from ..xas.broadening import gaussian_steps
from ..xas.spectrum import Spectrum
from .candidates import Candidate
from .similarity import MEASURES

CLOSE = 1e-3
"""A parameter within this fraction of its range from a bound is at the bound."""
CORRELATION = 5.0
"""Correlation length of the model's errors, eV; they are mostly shifts of the edge and heights of
peaks, some eV wide."""
WIDER = 2.0
"""Bounds that stop a fit are moved by this once, eV."""
SHIFT_STEPS = 0.25, 0.025, 0.0025
"""Steps of the search for the shift, each around the best of the step before, eV."""
WIDTH_STEP, MOST_WIDTHS = 0.2, 100
"""Step of the broadenings that are tried, eV, and how many there are at most."""


@dataclass(frozen=True)
class Bounds:
    """Lower and upper limits of the parameters of a fit; equal limits fix a parameter."""

    shift: tuple[float, float] = (-15.0, 15.0)
    """Shift of the prediction's energies, eV."""
    broadening: tuple[float, float] = (0.0, 5.0)
    """Full width at half maximum of an additional Gaussian, eV: the monochromator, and the lifetime
    of the final state beyond what the calculations include."""
    scale: tuple[float, float] = (0.85, 1.15)
    """Factor of the prediction in units of the edge step."""
    expected: tuple[float, float] | None = None
    """Expected shift and its standard deviation, eV. None: no shift is likelier than another."""

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

    @property
    def center(self) -> float:
        """Middle of the shifts, eV."""
        return 0.5 * (self.shift[0] + self.shift[1])

    @property
    def widths(self) -> np.ndarray:
        """Broadenings to try, eV, shape (n_widths,)."""
        low, high = self.broadening
        return limits_to_steps(low, high, max(WIDTH_STEP, (high - low) / MOST_WIDTHS))

    def weight(self, shift: float, energy: np.ndarray) -> float:
        """Factor of every misfit by how far a shift is from the expected one, 1 or more.

            exp((shift - expected)^2 / (n spread^2)),  n = extent / (CORRELATION sqrt(2 pi))

        Misfits R that differ by this factor are equally likely: n independent points with errors of
        one unknown variance have the profile likelihood R^(-n/2), and the shift has a normal
        distribution.

        Args:
            shift: eV.
            energy: energies compared, eV, whose last minus first is the extent; n is at least one.
        """
        if self.expected is None:
            return 1.0
        points = max((energy[-1] - energy[0]) / (CORRELATION * np.sqrt(2.0 * np.pi)), 1.0)
        distance = (shift - self.expected[0]) / self.expected[1]
        return float(np.exp(min(distance**2 / points, 500.0)))

    def stopping(self, **values: float) -> tuple[str, ...]:
        """Which of some parameters are at a bound; fixed ones and no broadening are not."""
        names = []
        for name, value in values.items():
            low, high = getattr(self, name)
            near = min(value - low, high - value) < CLOSE * (high - low)
            if near and (name != "broadening" or value > 0.0):
                names.append(name)
        return tuple(names)

    def widened(self, names: Iterable[str]) -> "Bounds":
        """The bounds of shift and broadening, where named, moved by ``WIDER``."""
        limits = {}
        if "shift" in names:
            limits["shift"] = (self.shift[0] - WIDER, self.shift[1] + WIDER)
        if "broadening" in names:
            low, high = self.broadening
            limits["broadening"] = (max(low - WIDER, 0.0), high + WIDER)
        return replace(self, **limits)


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
    """Parameters at one of their bounds; no broadening at all is not a bound."""
    measures: dict[str, float]
    """Value of every metric; lower means more similar."""
    fitted: np.ndarray
    """Fitted prediction on the energies compared, dimensionless, shape (n_energies,)."""
    half_width: np.ndarray | None
    """Half width of the model's band, same unit and shape. None: not calibrated."""
    weight: float = 1.0
    """Factor of every metric in a ranking, see ``Bounds.weight``."""

    @property
    def stopped(self) -> str:
        """Shift and broadening as far as they are at a bound, in words; empty: neither is."""
        return " and ".join(name for name in self.at_bound if name in ("shift", "broadening"))

    def weighted(self, measure: str) -> float:
        """A metric times the weight."""
        return self.measures[measure] * self.weight


def limits_to_steps(low: float, high: float, step: float) -> np.ndarray:
    """Values from ``low`` to ``high``, both included, at most ``step`` apart."""
    return np.linspace(low, high, int(np.ceil((high - low) / step - 1e-9)) + 1)


@functools.lru_cache(maxsize=2)
def _steps(energy: tuple[float, ...], widths: tuple[float, ...]) -> np.ndarray:
    """``gaussian_steps``, which all candidates have in common."""
    return gaussian_steps(np.array(energy), np.array(widths))


def broadened(spectrum: Spectrum, widths: np.ndarray) -> np.ndarray:
    """A spectrum with every broadening, shape (n_widths, n_energies)."""
    steps = _steps(tuple(spectrum.energy), tuple(widths))
    return spectrum.mu[0] + steps @ np.diff(spectrum.mu)


def adjust(
    energy: np.ndarray, candidate: Candidate, shift: float, broadening: float, scale: float
) -> np.ndarray:
    """A prediction shifted, broadened and scaled as ``Fit`` says, continued flat at its ends.

    Args:
        energy: energies of the measurement, eV, shape (n_energies,).
        candidate: the prediction.
        shift: eV.
        broadening: full width at half maximum of the Gaussian, eV.
        scale: factor.

    Returns:
        Shape (n_energies,), in units of the edge step.
    """
    (mu,) = broadened(candidate.predicted, np.array([broadening]))
    return scale * np.interp(energy - shift, candidate.predicted.energy, mu)


def fit_candidate(measured: Spectrum, candidate: Candidate, bounds: Bounds) -> Fit:
    """Find the shift, broadening and scale with the smallest mean squared difference.

    The scale follows from the other two in closed form; the broadening is one of a grid of 0.2 eV,
    the shift is found to 0.0025 eV. Below its first and above its last energy a prediction is
    continued flat; below, it is pre-edge there, and above, ``compare_window`` ends before.

    Args:
        measured: normalized measurement on the energies to compare, see ``compare_window``.
        candidate: what to fit.
        bounds: limits of the parameters, and the expected shift, from which follows the weight.
    """
    energy, target, grid = measured.energy, measured.mu, candidate.predicted.energy
    widths = bounds.widths
    spectra = broadened(candidate.predicted, widths)

    def scaled(shift: float) -> tuple[np.ndarray, np.ndarray]:
        """Best scale of every broadening, and the prediction shifted, broadened and scaled."""
        at = np.interp(energy - shift, grid, np.arange(len(grid)))
        left = np.minimum(at.astype(int), len(grid) - 2)
        part = at - left
        mu = spectra[:, left] * (1.0 - part) + spectra[:, left + 1] * part
        scale = (mu @ target / np.maximum((mu**2).sum(axis=1), 1e-30)).clip(*bounds.scale)
        return scale, scale[:, None] * mu

    shifts = limits_to_steps(*bounds.shift, SHIFT_STEPS[0])
    for step in (*SHIFT_STEPS[1:], 0.0):
        table = np.stack([((scaled(shift)[1] - target) ** 2).sum(axis=1) for shift in shifts])
        row, column = np.unravel_index(int(np.argmin(table)), table.shape)
        shift = float(shifts[row])
        shifts = np.unique((shift + step * np.arange(-10, 11)).clip(*bounds.shift))
    scales, fits = scaled(shift)
    width, scale, fitted = float(widths[column]), float(scales[column]), fits[column]
    half = candidate.half_width
    return Fit(
        *(candidate.name, shift, width, scale),
        at_bound=bounds.stopping(shift=shift, broadening=width, scale=scale),
        measures={key: measure(energy, target, fitted) for key, measure in MEASURES.items()},
        fitted=fitted,
        half_width=None if half is None else scale * np.interp(energy - shift, grid, half),
        weight=bounds.weight(shift, energy),
    )

"""Linear combination: a measurement as a mixture of components, with errors."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear, nnls

from ..errors import ConfigError
from ..xas.spectrum import Spectrum

SHIFT_STEP = 0.25
"""Step of the shifts that are tried, eV."""
ROUNDS = 3
"""Passes over the shifts of all components."""


@dataclass(frozen=True)
class Mixture:
    """Fractions of components in a measurement."""

    fractions: np.ndarray
    """Fraction of each component, shape (n_components,), none negative."""
    errors: np.ndarray
    """Standard deviations by covariance, same shape; of fractions at zero they are upper bounds."""
    bootstrap: np.ndarray | None
    """Standard deviations over resampled residuals, same shape; None: not asked for."""
    fitted: np.ndarray
    """Mixture, shape (n_energies,)."""
    r_factor: float
    """Sum of squared residuals over that of the measurement."""
    correlation_points: float
    """Energies over which residuals go together, in points; errors are larger by its root."""


def fit_mixture(
    components: np.ndarray,
    measured: np.ndarray,
    sum_to_one: bool = False,
    bootstrap: int = 0,
    seed: int = 0,
) -> Mixture:
    """Find fractions that are not negative, with the least sum of squares.

    Args:
        components: normalised spectra, shape (n_components, n_energies).
        measured: normalised measurement, shape (n_energies,).
        sum_to_one: fractions add up to one.
        bootstrap: resamplings; 0: none.
        seed: of the resamplings.

    Returns:
        Fractions and errors. Residuals of spectra go together over several points, so both kinds of
        errors take so many points for one (the integrated autocorrelation; Sokal, in Functional
        Integration, Plenum 1997, eq. 3.13), and the bootstrap resamples blocks of that length.

    Raises:
        ConfigError: fewer energies than components, or components that are multiples of each other.
    """
    count, points = components.shape
    if points <= count:
        raise ConfigError(f"{points} energies are too few for {count} components")
    scaled = components / np.linalg.norm(components, axis=1, keepdims=True)
    if np.linalg.cond(scaled) > 1e6:
        raise ConfigError("components are so alike that their fractions can't be told apart")
    fractions = _solve(components, measured, sum_to_one)
    fitted = fractions @ components
    residual = measured - fitted
    together = _correlation_points(residual)
    variance = float(residual @ residual) / max(points - count, 1) * together
    covariance = variance * _inverse(components, sum_to_one)
    spread = None
    if bootstrap:
        rng, block = np.random.default_rng(seed), max(1, round(together))
        draws = [
            _solve(components, fitted + _resample(residual, block, rng), sum_to_one)
            for _ in range(bootstrap)
        ]
        spread = np.std(draws, axis=0, ddof=1)
    r_factor = float(residual @ residual / (measured @ measured))
    errors = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    return Mixture(fractions, errors, spread, fitted, r_factor, together)


def _solve(components: np.ndarray, measured: np.ndarray, sum_to_one: bool) -> np.ndarray:
    """Least squares with fractions that are not negative, and add up to one if asked to."""
    if not sum_to_one:
        return nnls(components.T, measured)[0]
    if len(components) == 1:
        return np.ones(1)
    # a heavy row makes the sum one to rounding, bounds keep every fraction in 0 .. 1
    heavy = 1e4 * np.linalg.norm(components)
    left = np.vstack([components.T, np.full((1, len(components)), heavy)])
    found = lsq_linear(left, np.append(measured, heavy), bounds=(0.0, 1.0), method="bvls")
    return found.x / found.x.sum()


def _inverse(components: np.ndarray, sum_to_one: bool) -> np.ndarray:
    """Covariance of the fractions for residuals of variance one."""
    if not sum_to_one:
        return np.linalg.inv(components @ components.T)
    count = len(components)
    if count == 1:
        return np.zeros((1, 1))
    free = np.vstack([np.eye(count - 1), -np.ones((1, count - 1))])  # f = first + free g
    reduced = free.T @ components
    return free @ np.linalg.inv(reduced @ reduced.T) @ free.T


def _correlation_points(residual: np.ndarray) -> float:
    """1 + 2 sum of the autocorrelation up to its first zero, in points."""
    centered = residual - residual.mean()
    power = float(centered @ centered)
    if power <= 0.0:
        return 1.0
    total = 1.0
    for lag in range(1, len(centered) // 3):
        rho = float(centered[:-lag] @ centered[lag:]) / power
        if rho <= 0.0:
            break
        total += 2.0 * rho
    return total


def _resample(residual: np.ndarray, block: int, rng: np.random.Generator) -> np.ndarray:
    """Residuals in blocks drawn with replacement."""
    starts = rng.integers(0, len(residual), size=-(-len(residual) // block))
    index = (starts[:, None] + np.arange(block)).ravel() % len(residual)
    return residual[index[: len(residual)]]


def fit_shifts(
    target: Spectrum,
    spectra: list[Spectrum],
    max_shift: float,
    sum_to_one: bool = False,
    bootstrap: int = 0,
) -> tuple[Mixture, list[float], np.ndarray]:
    """Best mixture over shifts of the components within ``max_shift``, eV, one after the other.

    Returns:
        The mixture, the shifts, and the shifted components, shape (n_components, n_energies).
    """
    shifts = [0.0] * len(spectra)
    tried = np.arange(-max_shift, max_shift + 1e-9, SHIFT_STEP) if max_shift else np.zeros(1)

    def moved(at: list[float]) -> np.ndarray:
        pairs = zip(spectra, at, strict=True)
        return np.stack([np.interp(target.energy - de, s.energy, s.mu) for s, de in pairs])

    def misfit(at: list[float]) -> float:
        return fit_mixture(moved(at), target.mu, sum_to_one).r_factor

    for _ in range(ROUNDS if max_shift else 0):
        for k in range(len(spectra)):
            others = [[*shifts[:k], float(de), *shifts[k + 1 :]] for de in tried]
            shifts = min(others, key=misfit)
    components = moved(shifts)
    return fit_mixture(components, target.mu, sum_to_one, bootstrap), shifts, components

"""Linear-combination fit: a measurement as a mixture of components, with errors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import lsq_linear, nnls

from ..errors import ConfigError
from ..uncertainty import COVERAGE
from ..xas.spectrum import Spectrum
from .candidates import Candidate
from .fit import Bounds, broadened, limits_to_steps
from .model_errors import draw_errors

DRAWS = 200
"""Draws of the model's errors."""
SHIFT_STEP = 0.25
"""Largest step between the shifts that are tried, eV."""
ROUNDS = 3
"""Passes over the shifts of all components."""


@dataclass(frozen=True)
class Common:
    """Parameters that all predicted components have in common."""

    shift: float
    """Shift of the energies, eV."""
    broadening: float
    """Full width at half maximum of an additional Gaussian, eV."""
    at_bound: tuple[str, ...]
    """Those at one of their bounds; no broadening at all is not a bound."""


@dataclass(frozen=True)
class Mixture:
    """Fractions of components in a measurement."""

    components: np.ndarray
    """Components as they were fitted, shape (n_components, n_energies)."""
    shifts: np.ndarray
    """Shifts of the components, eV, shape (n_components,)."""
    fractions: np.ndarray
    """Fraction of each component, shape (n_components,), none negative."""
    errors: np.ndarray
    """Standard deviations by covariance, same shape; upper bounds for fractions of zero."""
    bootstrap: np.ndarray | None
    """Standard deviations over resampled residuals, same shape. None: not resampled."""
    fitted: np.ndarray
    """Mixture, shape (n_energies,)."""
    r_factor: float
    """Sum of squared residuals over that of the measurement."""
    correlation_points: float
    """Correlation length of the residuals in points; errors are larger by its square root."""
    common: Common | None = None
    """What predicted components have in common. None: they are measured."""
    model_errors: np.ndarray | None = None
    """Standard deviations of the fractions over draws of the model's errors, same shape. None: not
    predicted, or not calibrated."""


def fit_mixture(
    components: np.ndarray,
    measured: np.ndarray,
    sum_to_one: bool = False,
    bootstrap: int = 0,
    seed: int = 0,
) -> Mixture:
    """Find the fractions, none negative, with the least sum of squared residuals.

    Residuals are correlated over several points, so both kinds of errors count that many points as
    one (integrated autocorrelation; Sokal, in Functional Integration, Plenum 1997, eq. 3.13), and
    the bootstrap resamples blocks of that length.

    Args:
        components: normalized spectra, shape (n_components, n_energies).
        measured: normalized measurement, shape (n_energies,).
        sum_to_one: fractions add up to one.
        bootstrap: number of resamplings, 0 or at least 2.
        seed: seed of the resamplings.

    Raises:
        ConfigError: too few energies, components that are multiples of each other, or `bootstrap`.
    """
    count, points = components.shape
    if bootstrap == 1:
        raise ConfigError("`bootstrap` is 1 but must be 0 or at least 2")
    if points <= count:
        raise ConfigError(f"{points} energies are too few for {count} components")
    if np.linalg.cond(components / np.linalg.norm(components, axis=1, keepdims=True)) > 1e6:
        raise ConfigError("components are too similar for their fractions to be determined")
    fractions = _solve(components, measured, sum_to_one)
    fitted = fractions @ components
    residual = measured - fitted
    length = _correlation_points(residual)
    variance = float(residual @ residual) / max(points - count, 1) * length
    errors = np.sqrt(variance * np.diag(_inverse(components, sum_to_one)).clip(0.0))
    spread, shifts = None, np.zeros(count)
    if bootstrap:
        data = fitted + _resample(residual, max(1, round(length)), bootstrap, seed)
        spread = np.std([_solve(components, row, sum_to_one) for row in data], axis=0, ddof=1)
    r_factor = float(residual @ residual / (measured @ measured))
    return Mixture(components, shifts, fractions, errors, spread, fitted, r_factor, length)


def _solve(components: np.ndarray, measured: np.ndarray, sum_to_one: bool) -> np.ndarray:
    """Least squares with fractions that are not negative, and add up to one if asked to."""
    if not sum_to_one:
        return nnls(components.T, measured)[0]
    if len(components) == 1:
        return np.ones(1)
    # a heavy row makes the sum one to rounding, bounds keep every fraction in 0 to 1
    heavy = 1e4 * np.linalg.norm(components)
    left = np.vstack([components.T, np.full((1, len(components)), heavy)])
    fractions = lsq_linear(left, np.append(measured, heavy), bounds=(0.0, 1.0), method="bvls").x
    return fractions / fractions.sum()


def _inverse(components: np.ndarray, sum_to_one: bool) -> np.ndarray:
    """Covariance of the fractions for residuals of variance one."""
    free = np.eye(len(components))
    if sum_to_one:  # f = constant + free g: the last fraction is what the others leave
        free = np.vstack([free[:-1, :-1], -np.ones((1, len(components) - 1))])
    reduced = free.T @ components
    return free @ np.linalg.inv(reduced @ reduced.T) @ free.T


def _correlation_points(residual: np.ndarray) -> float:
    """1 + 2 sum of the autocorrelation up to its first zero, in points."""
    centered = residual - residual.mean()
    power = float(centered @ centered)
    total = 1.0
    for lag in range(1, len(centered) // 3 if power > 0.0 else 0):
        rho = float(centered[:-lag] @ centered[lag:]) / power
        if rho <= 0.0:
            break
        total += 2.0 * rho
    return total


def _resample(residual: np.ndarray, block: int, times: int, seed: int) -> np.ndarray:
    """Residuals in blocks drawn with replacement, shape (times, n_energies)."""
    rng, points = np.random.default_rng(seed), len(residual)
    starts = rng.integers(0, points, size=(times, -(-points // block), 1))
    index = (starts + np.arange(block)).reshape(times, -1)[:, :points]
    return residual[index % points]


def fit_shifts(
    measured: Spectrum,
    spectra: Sequence[Spectrum],
    max_shift: float,
    sum_to_one: bool = False,
    bootstrap: int = 0,
) -> Mixture:
    """Find the best mixture over shifts of the components, one component after the other.

    Args:
        measured: normalized measurement on the energies to fit.
        spectra: normalized components, which cover these energies for every shift.
        max_shift: largest shift either way, eV; 0: none.
        sum_to_one: see ``fit_mixture``, also for ``bootstrap`` and the errors raised.
        bootstrap: number of resamplings, at the best shifts.
    """
    steps = int(np.ceil(max_shift / SHIFT_STEP))
    tried = np.arange(-steps, steps + 1) * (max_shift / max(steps, 1))

    def mixture(shifts: np.ndarray, bootstrap: int = 0) -> Mixture:
        moved = [at_shift(measured, s, de) for s, de in zip(spectra, shifts, strict=True)]
        return fit_mixture(np.stack(moved), measured.mu, sum_to_one, bootstrap)

    shifts = np.zeros(len(spectra))
    for _ in range(ROUNDS if steps else 0):
        for k in range(len(spectra)):
            others = np.tile(shifts, (len(tried), 1))
            others[:, k] = tried
            shifts = min(others, key=lambda chosen: mixture(chosen).r_factor)
    return replace(mixture(shifts, bootstrap), shifts=shifts)


def at_shift(measured: Spectrum, spectrum: Spectrum, shift: float) -> np.ndarray:
    """A spectrum moved by a shift, eV, at the energies of a measurement, shape (n_energies,)."""
    return np.interp(measured.energy - shift, spectrum.energy, spectrum.mu)


def fit_predictions(
    measured: Spectrum,
    candidates: Sequence[Candidate],
    bounds: Bounds,
    max_shift: float,
    sum_to_one: bool = False,
    bootstrap: int = 0,
    coverage: float = COVERAGE,
) -> Mixture:
    """Find the best mixture of predictions with one shift and broadening, and small further shifts.

    Calculated energies are off by about the same amount for all structures, so the common shift is
    found first, weighted as in ``Bounds.weight``; then ``fit_shifts`` finds those relative to it.

    Args:
        measured: normalized measurement on the energies to fit, see ``compare_window``.
        candidates: the predictions.
        bounds: limits of the common shift and broadening; fractions take the place of a scale.
        max_shift: largest shift either way relative to the common one, eV; 0: none.
        sum_to_one: see ``fit_mixture``, also for ``bootstrap`` and the errors raised.
        bootstrap: number of resamplings, at the best shifts.
        coverage: nominal coverage of the model's bands.
    """
    common, spectra = _common(measured, candidates, bounds, sum_to_one)
    mixture = fit_shifts(measured, spectra, max_shift, sum_to_one, bootstrap)
    shifts, model_errors = common.shift + mixture.shifts, None
    halves = [
        None if c.half_width is None
        else np.interp(measured.energy - shift, c.predicted.energy, c.half_width)
        for c, shift in zip(candidates, shifts, strict=True)
    ]  # fmt: skip
    seeds = [[0, k] for k in range(len(halves))]
    drawn = draw_errors(measured.energy, halves, coverage, DRAWS, seeds)
    if drawn is not None:
        changed = mixture.components + drawn.swapaxes(0, 1)
        fractions = [_solve(components, measured.mu, sum_to_one) for components in changed]
        model_errors = np.std(fractions, axis=0, ddof=1)
    return replace(mixture, shifts=shifts, common=common, model_errors=model_errors)


def _common(
    measured: Spectrum, candidates: Sequence[Candidate], bounds: Bounds, sum_to_one: bool
) -> tuple[Common, list[Spectrum]]:
    """Best common shift and broadening, and the predictions with them."""
    shifts, widths = limits_to_steps(*bounds.shift, SHIFT_STEP), bounds.widths
    per_candidate = [broadened(c.predicted, widths) for c in candidates]
    spectra = [  # of every broadening, one of each candidate
        [replace(c.predicted, mu=mu) for c, mu in zip(candidates, row, strict=True)]
        for row in zip(*per_candidate, strict=True)
    ]

    def misfit(shift: float, components: Sequence[Spectrum]) -> float:
        moved = np.stack([at_shift(measured, one, shift) for one in components])
        residual = _solve(moved, measured.mu, sum_to_one) @ moved - measured.mu
        return float(residual @ residual) * bounds.weight(shift, measured.energy)

    table = np.array([[misfit(shift, row) for row in spectra] for shift in shifts])
    row, column = np.unravel_index(int(np.argmin(table)), table.shape)
    best = {"shift": float(shifts[row]), "broadening": float(widths[column])}
    moved = [s.shifted(best["shift"]) for s in spectra[column]]
    return Common(**best, at_bound=bounds.stopping(**best)), moved

"""Spectral features (e0, white line, moments) and their errors.

Energies between grid points come from the parabola through three points. A feature that a spectrum
does not have within the grid is NaN, and its site does not count in the error of that feature.
Energies have the shape (n_energies,), eV, strictly increasing, and so does mu of one spectrum.
"""

from dataclasses import dataclass

import numpy as np

WHITE_LINE_WITHIN = 15.0
"""The white line is the highest maximum this far above e0, eV."""
NAN = float("nan")


@dataclass(frozen=True)
class Features:
    """Features of spectra, each of shape (n_spectra,); NaN where a spectrum lacks one."""

    e0: np.ndarray
    """Energy of the largest derivative of mu, eV."""
    white_line_energy: np.ndarray
    """Energy of the highest maximum within ``WHITE_LINE_WITHIN`` above e0, eV."""
    white_line_height: np.ndarray
    """mu there, unit of mu."""
    centroid: np.ndarray
    """First moment, int E mu dE / int mu dE over the calculated energies, eV."""
    variance: np.ndarray
    """Second central moment, int (E - centroid)^2 mu dE / int mu dE, eV^2."""


FEATURES = {
    "e0": ("e0", "eV"),
    "white_line_energy": ("white line, energy", "eV"),
    "white_line_height": ("white line, height", ""),
    "centroid": ("centroid", "eV"),
    "variance": ("variance", "eV^2"),
}
"""Fields of ``Features``: title, and unit where it is not that of mu."""


@dataclass(frozen=True)
class FeatureError:
    """Errors of one feature, prediction minus calculation, over sites where both have it."""

    sites: int
    """Sites that count; without any, the errors are NaN."""
    mean_absolute: float
    median_absolute: float
    bias: float
    """Mean error."""


def vertex(x: np.ndarray, y: np.ndarray, k: int) -> tuple[float, float]:
    """Vertex of the parabola through a maximum and its neighbors, unevenly spaced or not.

    Args:
        x: abscissae, shape (n,), strictly increasing.
        y: ordinates, shape (n,), the largest of three at k.
        k: index of the maximum, 1 to n - 2.

    Returns:
        Place and height of the vertex; the point itself where the three are equal.
    """
    left, right = (y[k] - y[k - 1]) / (x[k] - x[k - 1]), (y[k + 1] - y[k]) / (x[k + 1] - x[k])
    curvature = (right - left) / (x[k + 1] - x[k - 1])
    if curvature == 0.0:
        return float(x[k]), float(y[k])
    slope = left + curvature * (x[k] - x[k - 1])  # of the parabola at x[k]
    shift = -slope / (2.0 * curvature)
    return float(x[k] + shift), float(y[k] + 0.5 * slope * shift)


def find_inflection(energy: np.ndarray, mu: np.ndarray) -> float:
    """Energy of the largest derivative, the usual definition of e0, eV.

    The derivative is that of the parabola through three neighboring points; its maximum is refined
    by the parabola through three of its values. NaN where it is largest at an end of the grid, or
    nowhere positive.
    """
    if len(energy) < 5:
        return NAN
    slope = np.gradient(mu, energy)
    k = 1 + int(np.argmax(slope[1:-1]))  # the ends' derivatives are one-sided
    if slope[k] <= 0 or not 2 <= k <= len(energy) - 3:
        return NAN
    return vertex(energy, slope, k)[0]


def find_white_line(energy: np.ndarray, mu: np.ndarray, e0: float) -> tuple[float, float]:
    """Energy, eV, and mu of the highest maximum within ``WHITE_LINE_WITHIN`` above e0, eV.

    NaN where e0 is NaN or there is no maximum.
    """
    inner = energy[1:-1]
    near = (inner > e0) & (inner <= e0 + WHITE_LINE_WITHIN)
    peaks = 1 + np.flatnonzero(near & (mu[1:-1] > mu[:-2]) & (mu[1:-1] >= mu[2:]))
    if len(peaks) == 0:
        return NAN, NAN
    return vertex(energy, mu, int(peaks[np.argmax(mu[peaks])]))


def moments(energy: np.ndarray, mu: np.ndarray) -> tuple[float, float]:
    """Centroid, eV, and variance, eV^2, of a spectrum by the trapezoidal rule.

    NaN where the area is not positive.
    """

    def integral(y: np.ndarray) -> float:  # the name of NumPy's differs between its versions
        return float(np.sum(0.5 * (y[1:] + y[:-1]) * np.diff(energy)))

    area = integral(mu)
    if not area > 0:
        return NAN, NAN
    centroid = integral(energy * mu) / area
    return centroid, integral((energy - centroid) ** 2 * mu) / area


def find_features(energy: np.ndarray, spectra: np.ndarray, mask: np.ndarray) -> Features:
    """Features of many spectra.

    Args:
        energy: eV, shape (n_energies,), strictly increasing.
        spectra: mu, shape (n_spectra, n_energies).
        mask: True at the calculated energies, the only ones used, same shape.
    """
    rows = []
    for mu, known in zip(spectra.astype(float), mask, strict=True):
        x, y = energy[known], mu[known]
        e0 = find_inflection(x, y)
        rows.append((e0, *find_white_line(x, y, e0), *moments(x, y)))
    return Features(*np.array(rows, dtype=float).reshape(-1, len(FEATURES)).T)


def feature_errors(prediction: Features, target: Features) -> dict[str, np.ndarray]:
    """Prediction minus calculation of each feature, by field, each of shape (n_spectra,)."""
    return {name: getattr(prediction, name) - getattr(target, name) for name in FEATURES}


def error_statistics(errors: np.ndarray) -> FeatureError:
    """Summary of one feature's errors, shape (n_spectra,); NaN do not count."""
    known = errors[np.isfinite(errors)]
    if len(known) == 0:
        return FeatureError(0, NAN, NAN, NAN)
    size = np.abs(known)
    return FeatureError(len(known), float(size.mean()), float(np.median(size)), float(known.mean()))

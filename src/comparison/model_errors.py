"""Draws of a model's errors with the size of its calibrated bands."""

import numpy as np
from scipy.stats import norm

from .fit import CORRELATION


def draw_errors(
    energy: np.ndarray, half_width: np.ndarray, coverage: float, draws: int, seed: list[int]
) -> np.ndarray:
    """Errors of a spectrum from a Gaussian process.

    Its standard deviation is that of the band, its correlation exp(-(E - E')^2 / 2 L^2) with
    L = ``CORRELATION``. Beyond the calibrated energies the band is as wide as at the nearest of
    them.

    Args:
        energy: eV, shape (n_energies,).
        half_width: of the band, same shape; NaN beyond the calibrated energies, finite somewhere.
        coverage: nominal coverage of the band, see ``Calibration``.
        draws: how many.
        seed: the same numbers give the same errors.

    Returns:
        Errors, unit of the band, shape (draws, n_energies).
    """
    known = np.isfinite(half_width)
    n_sigmas = norm.ppf(0.5 + 0.5 * coverage)  # half width of the band of a normal distribution
    sigma = np.interp(energy, energy[known], half_width[known]) / n_sigmas
    distance = energy[:, None] - energy[None, :]
    covariance = np.exp(-0.5 * (distance / CORRELATION) ** 2) + 1e-6 * np.eye(len(energy))
    root = np.linalg.cholesky(covariance)
    normal = np.random.default_rng(seed).standard_normal((draws, len(energy)))
    return sigma * (normal @ root.T)

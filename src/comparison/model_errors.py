"""Draws of a model's errors with the size of its calibrated bands."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from .fit import CORRELATION


def draw_errors(
    energy: np.ndarray,
    half_widths: Sequence[np.ndarray | None],
    coverage: float,
    draws: int,
    seeds: Sequence[list[int]],
) -> np.ndarray | None:
    """Errors of spectra from a Gaussian process.

    Its standard deviation is that of the band, its correlation exp(-(E - E')^2 / 2 L^2) with
    L = ``CORRELATION``. Beyond the calibrated energies the band is as wide as at the nearest of
    them.

    Args:
        energy: eV, shape (n_energies,).
        half_widths: of each spectrum's band, same shape; NaN beyond the calibrated energies. None:
            not calibrated.
        coverage: nominal coverage of the bands, see ``Calibration``.
        draws: how many of each spectrum.
        seeds: of each spectrum; the same numbers give the same errors.

    Returns:
        Errors, unit of the bands, shape (n_spectra, draws, n_energies); None: a band is missing, or
        NaN at all energies.
    """
    bands = [half for half in half_widths if half is not None and np.isfinite(half).any()]
    if len(bands) < len(half_widths):
        return None
    distance = energy[:, None] - energy[None, :]
    correlation = np.exp(-0.5 * (distance / CORRELATION) ** 2) + 1e-6 * np.eye(len(energy))
    root = np.linalg.cholesky(correlation)
    n_sigmas = norm.ppf(0.5 + 0.5 * coverage)  # half width of the band of a normal distribution
    errors = np.empty((len(bands), draws, len(energy)))
    for error, half, seed in zip(errors, bands, seeds, strict=True):
        known = np.isfinite(half)
        sigma = np.interp(energy, energy[known], half[known]) / n_sigmas
        normal = np.random.default_rng(seed).standard_normal((draws, len(energy)))
        error[:] = sigma * (normal @ root.T)
    return errors

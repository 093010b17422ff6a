"""Similarity of two spectra on the same energies, which all have the shape (n_energies,)."""

from collections.abc import Callable

import numpy as np
from scipy.stats import spearmanr


def r_factor(energy: np.ndarray, measured: np.ndarray, fitted: np.ndarray) -> float:
    """Sum of squared differences over that of the measured values, as in Athena."""
    return float(np.sum((measured - fitted) ** 2) / np.sum(measured**2))


def mse(energy: np.ndarray, measured: np.ndarray, fitted: np.ndarray) -> float:
    """Mean squared difference."""
    return float(np.mean((measured - fitted) ** 2))


def derivative_mse(energy: np.ndarray, measured: np.ndarray, fitted: np.ndarray) -> float:
    """Mean squared difference of the derivatives, eV^-2."""
    return float(np.mean(np.gradient(measured - fitted, energy) ** 2))


def cosine(energy: np.ndarray, measured: np.ndarray, fitted: np.ndarray) -> float:
    """1 minus the cosine of the angle between the two as vectors."""
    length = np.linalg.norm(measured) * np.linalg.norm(fitted)
    return float(1.0 - measured @ fitted / length)


def spearman(energy: np.ndarray, measured: np.ndarray, fitted: np.ndarray) -> float:
    """1 minus Spearman's rank correlation; NaN where a spectrum is constant."""
    return float(1.0 - spearmanr(measured, fitted).statistic)


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "r_factor": r_factor,
    "mse": mse,
    "derivative_mse": derivative_mse,
    "cosine": cosine,
    "spearman": spearman,
}
"""Metrics by name; 0 for identical spectra, lower means more similar."""

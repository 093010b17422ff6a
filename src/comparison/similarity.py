"""Metrics of the similarity of two spectra on the same energies."""

from collections.abc import Callable

import numpy as np
from scipy.stats import spearmanr

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
"""Of energies (eV), a measured and a fitted spectrum, all of shape (n_energies,)."""

MEASURES: dict[str, Measure] = {
    # as in Athena
    "r_factor": lambda energy, mu, fit: float(np.sum((mu - fit) ** 2) / np.sum(mu**2)),
    "mse": lambda energy, mu, fit: float(np.mean((mu - fit) ** 2)),
    # of the derivatives, eV^-2
    "derivative_mse": lambda energy, mu, fit: float(np.mean(np.gradient(mu - fit, energy) ** 2)),
    # 1 minus the cosine of the angle between the two as vectors
    "cosine": lambda energy, mu, fit: float(
        1.0 - mu @ fit / (np.linalg.norm(mu) * np.linalg.norm(fit))
    ),
    # 1 minus the rank correlation; NaN where a spectrum is constant
    "spearman": lambda energy, mu, fit: float(1.0 - spearmanr(mu, fit).statistic),
}
"""Metrics by name; 0 for identical spectra, lower means more similar."""

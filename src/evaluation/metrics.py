"""Figures of merit of predicted spectra; NumPy only."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Evaluation:
    """How well predicted spectra meet calculated ones; errors in the spectra's unit."""

    ids: list[str]
    """Record of each row."""
    mse: np.ndarray
    """Mean squared error of each spectrum over its calculated energies, shape (n_spectra,)."""
    mae: float
    """Mean absolute error over all spectra and energies."""
    r2: np.ndarray
    """Coefficient of determination at each energy, shape (n_energies,); NaN without variance."""
    baseline_mse: float
    """Mean squared error of predicting the mean training spectrum for every site."""

    @property
    def mean_mse(self) -> float:
        """Mean over spectra of their mean squared errors."""
        return float(self.mse.mean())

    @property
    def median_mse(self) -> float:
        """Median over spectra of their mean squared errors."""
        return float(np.median(self.mse))

    def worst(self, count: int = 5) -> list[tuple[str, float]]:
        """Records with the largest errors, and these."""
        order = np.argsort(-self.mse, kind="stable")[:count]
        return [(self.ids[k], float(self.mse[k])) for k in order]


def mean_over(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of each row where a mask is True.

    Args:
        values: shape (n_spectra, n_energies).
        mask: True where a value counts, same shape.

    Returns:
        Shape (n_spectra,).

    Raises:
        ValueError: a row has nothing to count.
    """
    counts = mask.sum(axis=1)
    if not counts.all():
        missing = int(np.argmin(counts))
        raise ValueError(f"spectrum {missing} was calculated at none of the energies")
    return np.where(mask, values, 0.0).sum(axis=1) / counts


def r2_per_energy(prediction: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Coefficient of determination over spectra, 1 - sum (p - t)^2 / sum (t - mean t)^2.

    Args:
        prediction: shape (n_spectra, n_energies).
        target: same shape.
        mask: True where a value counts, same shape.

    Returns:
        Shape (n_energies,); NaN where fewer than two spectra count or all are equal.
    """
    counts = mask.sum(axis=0)
    mean = np.where(mask, target, 0.0).sum(axis=0) / np.maximum(counts, 1)
    spread = np.where(mask, target - mean, 0.0) ** 2
    error = np.where(mask, prediction - target, 0.0) ** 2
    total = spread.sum(axis=0)
    usable = (counts > 1) & (total > 0)
    ratio = np.divide(error.sum(axis=0), total, out=np.full(len(total), np.nan), where=usable)
    return 1.0 - ratio


def evaluate_spectra(
    ids: list[str],
    prediction: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    baseline: np.ndarray,
) -> Evaluation:
    """Compare predicted and calculated spectra, every spectrum counting once.

    Args:
        ids: name of each spectrum.
        prediction: mu, shape (n_spectra, n_energies).
        target: mu, same shape and unit.
        mask: True where the target was calculated, same shape.
        baseline: mean training spectrum, shape (n_energies,).

    Returns:
        The figures, computed in float64.

    Raises:
        ValueError: shapes differ, or a spectrum was calculated at none of the energies.
    """
    shape = (len(ids), len(baseline))
    for name, array in (("prediction", prediction), ("target", target), ("mask", mask)):
        if array.shape != shape:
            raise ValueError(f"`{name}` has shape {array.shape}, wanted {shape}")
    prediction, target = prediction.astype(float), target.astype(float)
    error = prediction - target
    return Evaluation(
        ids=list(ids),
        mse=mean_over(error**2, mask),
        mae=float(mean_over(np.abs(error), mask).mean()),
        r2=r2_per_energy(prediction, target, mask),
        baseline_mse=float(mean_over((baseline - target) ** 2, mask).mean()),
    )

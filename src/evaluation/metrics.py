"""Error metrics of predicted spectra."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Evaluation:
    """Errors of predicted spectra, in their unit."""

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
        """Records with the largest mean squared errors, and the errors."""
        order = np.argsort(-self.mse, kind="stable")[:count]
        return [(self.ids[k], float(self.mse[k])) for k in order]


@dataclass(frozen=True)
class Group:
    """Errors of sites with a common property."""

    name: str
    """Element nearby or coordination number."""
    sites: int
    """Number of sites."""
    mse: float
    """Mean of their mean squared errors."""


def group_errors(names: Sequence[Sequence[str]], mse: np.ndarray) -> list[Group]:
    """Mean errors of groups of sites, largest first.

    ``names``: groups that each site belongs to; ``mse``: error of each, shape (n_sites,).
    """
    members = defaultdict[str, list[float]](list)
    for names_of_site, error in zip(names, mse, strict=True):
        for name in names_of_site:
            members[name].append(float(error))
    groups = [Group(name, len(errors), float(np.mean(errors))) for name, errors in members.items()]
    return sorted(groups, key=lambda group: (-group.mse, group.name))


def mean_over(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of each row of ``values`` where a mask is True, which it is somewhere in each row."""
    return np.where(mask, values, 0.0).sum(axis=1) / mask.sum(axis=1)


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
    total = (np.where(mask, target - mean, 0.0) ** 2).sum(axis=0)
    error = (np.where(mask, prediction - target, 0.0) ** 2).sum(axis=0)
    known = (counts > 1) & (total > 0)
    return 1.0 - np.divide(error, total, out=np.full(len(total), np.nan), where=known)


def evaluate_spectra(
    ids: list[str],
    prediction: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    baseline: np.ndarray,
) -> Evaluation:
    """Compare predicted and calculated spectra, every spectrum counting once.

    Args:
        ids: record of each spectrum.
        prediction: mu, float64, shape (n_spectra, n_energies).
        target: mu, same unit and shape.
        mask: True where the target was calculated, same shape, somewhere in each row.
        baseline: mean training spectrum, shape (n_energies,).
    """
    error = prediction - target
    return Evaluation(
        ids=ids,
        mse=mean_over(error**2, mask),
        mae=float(mean_over(np.abs(error), mask).mean()),
        r2=r2_per_energy(prediction, target, mask),
        baseline_mse=float(mean_over((baseline - target) ** 2, mask).mean()),
    )

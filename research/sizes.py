"""Training sets of several sizes, nested, and the power law of the error."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.errors import ConfigError
from src.structures.names import material_of


@dataclass(frozen=True)
class PowerLaw:
    """mse = factor * size ** -exponent, fitted on logarithms."""

    factor: float
    """Error at one site, unit of mse."""
    exponent: float
    """By which power the error falls."""
    exponent_error: float
    """Its standard error; NaN with two sizes."""

    def at(self, size: float) -> float:
        """Error at a size."""
        return self.factor * size**-self.exponent


def shuffled(ids: Sequence[str], seed: int) -> list[str]:
    """Ids in an order in which materials are shuffled and their sites stay together.

    By a hash of seed and material, so that a material's place does not depend on the others.
    """

    def key(record_id: str) -> tuple[str, str]:
        material = material_of(record_id)
        return hashlib.sha256(f"{seed}\0{material}".encode()).hexdigest(), record_id

    return sorted(ids, key=key)


def choose_sizes(wanted: Sequence[int] | None, total: int) -> list[int]:
    """Sizes asked for, else 100, 200, 400, .. and all.

    Raises:
        ConfigError: a size is not within 1 .. total, or stands twice.
    """
    if wanted is None:
        doubled = [100 * 2**k for k in range(30) if 100 * 2**k < total]
        return [*doubled, total]
    if not wanted or len(set(wanted)) != len(wanted) or not 0 < min(wanted) <= max(wanted) <= total:
        raise ConfigError(f"sizes {list(wanted)} must be different and within 1 .. {total}")
    return sorted(wanted)


def scaled_epochs(epochs: int, size: int, largest: int, power: float) -> int:
    """Epochs for a smaller set: epochs * (largest / size) ** power.

    With power 0 all sizes are trained for the same epochs, with 1 for the same steps.
    """
    return max(1, round(epochs * (largest / size) ** power))


def fit_power_law(sizes: Sequence[float], errors: Sequence[float]) -> PowerLaw:
    """Least squares of log(error) against log(size).

    Args:
        sizes: training sites, two or more different ones.
        errors: mean squared errors, positive, one a size.

    Returns:
        The law, with the usual standard error of a slope.

    Raises:
        ConfigError: fewer than two sizes.
    """
    if len(set(sizes)) < 2:
        raise ConfigError(f"a power law needs two sizes, found {sorted(set(sizes))}")
    x, y = np.log(np.asarray(sizes, dtype=float)), np.log(np.asarray(errors, dtype=float))
    spread = ((x - x.mean()) ** 2).sum()
    slope = ((x - x.mean()) * y).sum() / spread
    intercept = y.mean() - slope * x.mean()
    error = float("nan")
    if len(x) > 2:
        residual = ((y - intercept - slope * x) ** 2).sum() / (len(x) - 2)
        error = float(np.sqrt(residual / spread))
    return PowerLaw(float(np.exp(intercept)), float(-slope), error)

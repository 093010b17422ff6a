"""Noise of a spectrum, and how far its edge rises above it."""

from typing import NamedTuple

import numpy as np

from .spectrum import Spectrum

BELOW, ABOVE = (-60.0, -10.0), (15.0, 60.0)
"""An edge step is what mu rises between these ranges around e0, eV; e0 may be a pre-edge peak."""
LEAST = 2.0
"""A step of fewer times the noise of a point is no edge."""


class EdgeSignal(NamedTuple):
    """An edge and the noise around it."""

    step: float
    """Step at e0 on top of a common slope below and above, unit of mu; NaN: too few points."""
    noise: float
    """Standard deviation of a point, unit of mu."""

    @property
    def over_noise(self) -> float:
        """Step over noise; 0 where mu falls, infinite without noise, NaN as the step."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.maximum(self.step, 0.0) / np.float64(self.noise))


def point_noise(spectrum: Spectrum) -> float:
    """Standard deviation of a point from those next to it, unit of mu.

    Each point is compared with the line between its neighbors; the median of the absolute
    differences does not feel glitches and the few points on the edge.
    """
    energy, mu = spectrum.energy, spectrum.mu
    if len(energy) < 5:
        return 0.0
    weight = (energy[1:-1] - energy[:-2]) / (energy[2:] - energy[:-2])
    differences = mu[1:-1] - (1.0 - weight) * mu[:-2] - weight * mu[2:]
    spread = np.sqrt(1.0 + weight**2 + (1.0 - weight) ** 2)
    return float(np.median(np.abs(differences) / spread) / 0.6745)  # of a normal distribution


def edge_signal(spectrum: Spectrum, e0: float) -> EdgeSignal:
    """Edge at an energy, eV, and noise of a spectrum that need not be normalized."""
    noise, distance = point_noise(spectrum), spectrum.energy - e0
    below, above = ((distance >= low) & (distance <= high) for low, high in (BELOW, ABOVE))
    if min(below.sum(), above.sum()) < 2:
        return EdgeSignal(float("nan"), noise)
    used = below | above
    terms = np.stack([np.ones(used.sum()), distance[used], above[used].astype(float)], axis=1)
    step = float(np.linalg.lstsq(terms, spectrum.mu[used], rcond=None)[0][2])
    return EdgeSignal(step, noise)

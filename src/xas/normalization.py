"""Edge energy, pre-edge line and post-edge polynomial of a spectrum; its normalized form.

Definitions and default ranges are those of larch (Newville, J. Phys. Conf. Ser. 430, 012007 (2013);
``larch.xafs.pre_edge``, version 2026.3), so that results can be compared.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import Polynomial
from scipy.ndimage import gaussian_filter1d
from scipy.signal import medfilt

from ..errors import ENERGY_TOLERANCE, ConfigError, RecordError
from .noise import LEAST, edge_signal
from .spectrum import Spectrum

SMOOTHING = 0.8
"""Standard deviation of the Gaussian that smooths the derivative, eV; half a core-hole width."""
ENDS = 0.05, 0.02
"""Fractions of a spectrum's points, at its start and end, where no edge is looked for."""
LASTING = 0.5
"""A maximum of the derivative counts if mu rises over it by this fraction of the largest rise."""
LONG, SHORT = 300.0, 30.0
"""Post-edge ranges, eV, of ``LONG`` or more get a parabola, below ``SHORT`` a constant, others
a line."""


@dataclass(frozen=True)
class Ranges:
    """Where a spectrum is fitted, eV relative to e0. None: chosen as larch does."""

    pre1: float | None = None
    """Start of the pre-edge range. None: the second energy, to the next 5 eV."""
    pre2: float | None = None
    """End of the pre-edge range. None: half of ``pre1``."""
    norm1: float | None = None
    """Start of the post-edge range. None: a third of ``norm2`` to the next 5 eV, at most 25."""
    norm2: float | None = None
    """End of the post-edge range. None: the last energy, to the next 5 eV."""
    nnorm: int | None = None
    """Degree of the post-edge polynomial. None: 2, 1 or 0 by the length of its range."""


@dataclass(frozen=True)
class Normalized:
    """A spectrum with its background; all arrays have the shape (n_energies,) of the spectrum."""

    norm: Spectrum
    """(mu - pre_edge) / edge_step, dimensionless."""
    flat: Spectrum
    """``norm`` without the slope and curvature of the post-edge polynomial above e0."""
    e0: float
    """Edge energy, eV."""
    edge_step: float
    """Height of the edge at e0, unit of mu."""
    pre_edge: np.ndarray
    """Background below the edge, continued, unit of mu."""
    post_edge: np.ndarray
    """Polynomial above the edge, continued, unit of mu."""
    ranges: Ranges
    """Ranges and degree that were used, none of them None."""


def find_e0(spectrum: Spectrum) -> float:
    """Energy of the steepest rise, eV, one of the spectrum's energies.

    The derivative of the values after a median of three, which takes out single-point glitches, is
    smoothed by ``SMOOTHING``. Only maxima count over which mu rises for good: a glitch of several
    points rises and falls again.

    Raises:
        RecordError: fewer than ten points, or nothing rises.
    """
    energy, mu = spectrum.energy, spectrum.mu
    if len(energy) < 10:
        raise RecordError(f"{spectrum.source}: {len(energy)} points are too few to find an edge")
    step = float(np.clip(np.percentile(np.diff(energy), 5), 0.02, 1.0))
    first, last = (int(part * len(energy)) for part in ENDS)
    low, high = energy[first], energy[len(energy) - 1 - last]
    grid = np.arange(energy[0], energy[-1] + 0.5 * step, step)
    values = np.interp(grid, energy, medfilt(np.pad(mu, 1, mode="edge"), 3)[1:-1])
    slope = gaussian_filter1d(values, SMOOTHING / step, order=1, mode="nearest") / step
    slope[(grid < low) | (grid > high)] = -np.inf
    top = slope.max()
    if not top > 0:
        raise RecordError(f"{spectrum.source}: mu rises nowhere, so it has no edge")
    inner = slope[1:-1]
    tops = 1 + np.flatnonzero((inner >= slope[:-2]) & (inner >= slope[2:]) & (inner > 0.0))
    tops = tops if len(tops) else np.array([int(np.argmax(slope))])
    steps = np.array([_lasting_step(grid, values, grid[at]) for at in tops])
    lasting = tops[steps >= LASTING * steps.max()] if steps.max() > 0 else tops
    best = grid[lasting[int(np.argmax(slope[lasting]))]]
    return float(energy[int(np.argmin(np.abs(energy - best)))])


def e0_of(spectrum: Spectrum) -> float:
    """The edge energy that a spectrum states, else ``find_e0``, eV."""
    return find_e0(spectrum) if spectrum.e0 is None else spectrum.e0


def _lasting_step(grid: np.ndarray, values: np.ndarray, at: float) -> float:
    # median 5 to 50 eV above an energy minus that as far below: medians do not feel glitches
    above = values[(grid > at + 5.0) & (grid < at + 50.0)]
    below = values[(grid < at - 5.0) & (grid > at - 50.0)]
    high = np.median(above) if len(above) else values[-1]
    return float(high - (np.median(below) if len(below) else values[0]))


def choose_ranges(spectrum: Spectrum, e0: float, ranges: Ranges) -> Ranges:
    """Fill in the ranges that are None, as larch does.

    Raises:
        ConfigError: a range is empty or outside the spectrum.
    """
    low, high = spectrum.energy[0] - e0, spectrum.energy[-1] - e0
    unit = 5.0 if np.sum(spectrum.energy < e0) > 20 else 2.0
    start = unit * round((spectrum.energy[1] - e0) / unit)
    pre1 = max(start if ranges.pre1 is None else ranges.pre1, low)
    pre2 = 0.5 * pre1 if ranges.pre2 is None else ranges.pre2
    norm2 = min(5.0 * round(high / 5.0) if ranges.norm2 is None else ranges.norm2, high)
    near = min(25.0, 5.0 * round(norm2 / 15.0), norm2 - 2.0)
    norm1 = near if ranges.norm1 is None else ranges.norm1
    degree = 2 if norm2 - norm1 >= LONG else 1 if norm2 - norm1 >= SHORT else 0
    degree = degree if ranges.nnorm is None else ranges.nnorm
    for name, begin, end in (("pre", pre1, pre2), ("norm", norm1, norm2)):
        if not low - ENERGY_TOLERANCE <= begin < end <= high + ENERGY_TOLERANCE:
            raise ConfigError(
                f"{spectrum.source}: `{name}1` {begin:.1f} and `{name}2` {end:.1f} eV relative to"
                f" e0 {e0:.1f} eV are no range within the spectrum's {low:.1f} to {high:.1f} eV"
            )
    if not pre2 < 0.0 < norm1:
        raise ConfigError(
            f"{spectrum.source}: the pre-edge range must end below e0 ({pre2:.1f} eV) and the"
            f" post-edge range begin above it ({norm1:.1f} eV)"
        )
    return Ranges(pre1, pre2, norm1, norm2, degree)


def normalize(spectrum: Spectrum, ranges: Ranges | None = None) -> Normalized:
    """Subtract the pre-edge line and divide by the edge step.

    Args:
        spectrum: covers a pre-edge and a post-edge range; without an ``e0`` this is ``find_e0``.
        ranges: where to fit. None: as larch does.

    Raises:
        RecordError: no edge is found, or the step is not positive or within the noise.
        ConfigError: ranges outside the spectrum, or with too few points.
    """
    energy, mu = spectrum.energy, spectrum.mu
    e0 = e0_of(spectrum)
    if not energy[1] <= e0 <= energy[-2]:
        raise RecordError(
            f"{spectrum.source}: e0 {e0:.2f} eV is not within {energy[1]:.2f} to"
            f" {energy[-2]:.2f} eV"
        )
    used = choose_ranges(spectrum, e0, ranges or Ranges())
    pre_edge = _fit(spectrum, mu, e0, (used.pre1, used.pre2), 1)(energy)
    curve = _fit(spectrum, mu - pre_edge, e0, (used.norm1, used.norm2), used.nnorm or 0)(energy)
    nearest = int(np.argmin(np.abs(energy - e0)))
    edge_step = float(curve[nearest])
    if not edge_step > 0:
        raise RecordError(
            f"{spectrum.source}: the edge step at {e0:.2f} eV is {edge_step:.4g} but must be"
            " positive; is it an absorption spectrum over an edge?"
        )
    signal = edge_signal(spectrum, e0)
    if signal.over_noise < LEAST:
        raise RecordError(
            f"{spectrum.source}: mu rises by {signal.step:.3g} at {e0:.2f} eV, less than {LEAST:g}"
            f" times the noise of a point, {signal.noise:.3g}; is it the right column, and the edge"
            " within the scan?"
        )
    norm = replace(spectrum, mu=(mu - pre_edge) / edge_step, unit="dimensionless", e0=e0)
    excess = np.where(energy >= energy[nearest], curve / edge_step - 1.0, 0.0)
    flat = replace(norm, mu=norm.mu - excess)
    return Normalized(norm, flat, e0, edge_step, pre_edge, pre_edge + curve, used)


def _fit(
    spectrum: Spectrum,
    values: np.ndarray,
    e0: float,
    limits: tuple[float | None, float | None],
    degree: int,
) -> Polynomial:
    # from the point at or below one limit to that before the other
    begin, end = (e0 + float(limit or 0.0) for limit in limits)
    first = max(int(np.searchsorted(spectrum.energy, begin, side="right")) - 1, 0)
    last = int(np.argmin(np.abs(spectrum.energy - end)))
    if last - first <= degree:
        raise ConfigError(
            f"{spectrum.source}: {max(last - first, 0)} points between {begin:.1f} and {end:.1f} eV"
            f" are too few for a polynomial of degree {degree}"
        )
    return Polynomial.fit(spectrum.energy[first:last], values[first:last], degree)

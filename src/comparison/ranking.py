"""Which candidate is most similar to a measurement, and whether its lead is significant."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ..errors import ConfigError, RecordError
from ..uncertainty import COVERAGE
from ..xas.spectrum import Spectrum
from .candidates import Candidate
from .fit import Bounds, Fit, fit_candidate
from .model_errors import draw_errors
from .similarity import MEASURES

DRAWS = 400
"""Draws of the model's errors."""
DRAWN = 30
"""Candidates, the best, whose errors are drawn."""


@dataclass(frozen=True)
class Ranking:
    """Candidates, the most similar first."""

    measure: str
    """Name of the metric that ranks, weighted by how far the shift is from the expected one."""
    measured: Spectrum
    """Normalized measurement on the energies compared."""
    fits: list[Fit]
    """One fit per candidate, the best first."""
    bounds: Bounds
    """Limits of the fits' parameters, and the expected shift."""
    first_in_draws: float | None
    """Fraction of draws of the model's errors in which the best stays best. None: not calibrated,
    or a single candidate."""

    @property
    def lead(self) -> float | None:
        """Weighted metric of the second over that of the best; None: a single candidate."""
        if len(self.fits) < 2:
            return None
        best, second = (fit.weighted(self.measure) for fit in self.fits[:2])
        return second / max(best, 1e-300)


def rank(
    measured: Spectrum,
    candidates: Sequence[Candidate],
    bounds: Bounds,
    measure: str = "r_factor",
    coverage: float = COVERAGE,
) -> Ranking:
    """Fit every candidate and order them by a metric times the weight of the shift.

    The fit of a candidate and the order of any two do not depend on the other candidates. One whose
    shift or broadening ends at a bound is fitted once more with this bound moved by 2 eV.

    Args:
        measured: normalized measurement on the energies to compare, see ``compare_window``.
        candidates: what to compare with.
        bounds: limits of the fits' parameters.
        measure: a key of ``MEASURES``.
        coverage: nominal coverage of the model's bands, see ``Calibration``.

    Raises:
        ConfigError: there is no such metric.
        RecordError: it is not finite for a candidate, which is named.
    """
    if measure not in MEASURES:
        raise ConfigError(f"`measure` is {measure!r}, expected one of {', '.join(MEASURES)}")
    fits = []
    for candidate in tqdm(
        candidates, desc="comparing", unit="structure", disable=None, leave=False, delay=1.0
    ):
        fit = fit_candidate(measured, candidate, bounds)
        if fit.stopped:
            fit = fit_candidate(measured, candidate, bounds.widened(fit.at_bound))
        if not np.isfinite(fit.measures[measure]):
            raise RecordError(
                f"{fit.name}: its {measure} is {fit.measures[measure]}; a constant spectrum can't"
                " be ranked by it"
            )
        fits.append(fit)
    fits.sort(key=lambda fit: fit.weighted(measure))
    first = first_in_draws(measured, fits, measure, coverage)
    return Ranking(measure, measured, fits, bounds, first)


def first_in_draws(
    measured: Spectrum, fits: Sequence[Fit], measure: str, coverage: float = COVERAGE
) -> float | None:
    """How often the best stays best when predictions are changed by errors of the model's size.

    Errors are drawn, independently for every candidate, see ``draw_errors``; those of a candidate
    depend on its name, so that they are the same next to others. The fits' parameters stay, which
    makes the draws a little pessimistic. Only the ``DRAWN`` best candidates take part.

    Returns:
        Fraction of the draws, 0 to 1; None: a band is missing, or there is a single candidate.
    """
    fits, energy = fits[:DRAWN], measured.energy
    halves = [fit.half_width for fit in fits]
    seeds = [[0, zlib.crc32(fit.name.encode())] for fit in fits]
    errors = draw_errors(energy, halves, coverage, DRAWS, seeds)
    if errors is None or len(fits) < 2:
        return None
    values = [
        [fit.weight * MEASURES[measure](energy, measured.mu, one) for one in fit.fitted + drawn]
        for fit, drawn in zip(fits, errors, strict=True)
    ]
    return float(np.mean(np.argmin(values, axis=0) == 0))

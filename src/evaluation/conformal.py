"""Learning the bands of a model from sites that it was not trained on.

Half of the calibration materials fit the scale sigma_i(E) of a site's error, the others its
quantile (split conformal prediction: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, J. Am. Stat.
Assoc. 113, 1094 (2018), section 5.2; Angelopoulos, Bates, arXiv:2107.07511, section 2.3.2).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from ..dataset.split import split_by_hash
from ..errors import ConfigError
from ..uncertainty import COVERAGE
from ..uncertainty.calibration import FEW_SITES, Calibration, law_terms
from ..uncertainty.novelty import Novelty

WINDOW = 2.0
"""Width of the window of energy in which scores are pooled, eV. Cu K-edge validation sites, half
of them for calibration: with 2, 5, 10 eV the coverage at single energies is 87 to 93, 83 to 96,
84 to 100 %."""
FLOORS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Floors that are tried, in units of the mean absolute error at an energy."""
ENOUGH = 12
"""Sites of an element and edge that have a factor of their own; those with fewer share one."""
SEEDS = 20
"""Seeds of the split in halves that are tried."""
NOVEL_FRACTION = 0.05
"""Fraction of the calibration sites that are novel, by their environments or by the threshold."""


@dataclass(frozen=True)
class SiteErrors:
    """Errors of a model on some sites; inputs of a calibration."""

    ids: list[str]
    """Record of each site."""
    energy: np.ndarray
    """Energies relative to the reference energy, eV, shape (n_energies,)."""
    error: np.ndarray
    """Absolute error of mu; NaN where nothing was calculated; shape (n_sites, n_energies)."""
    spread: np.ndarray | None
    """Standard deviation over members, same shape; None: a single network."""
    distance: np.ndarray
    """Distance to the nearest training site, see ``Novelty``, shape (n_sites,)."""
    departs: np.ndarray | None = None
    """Sites that are novel by their environments, see ``Chemistry``, bool, shape (n_sites,). None:
    not known."""
    kinds: list[str] | None = None
    """Element and edge of each site, such as Cu K. None: all have the same."""

    def part(self, ids: Sequence[str]) -> "SiteErrors":
        """Only some of the sites."""
        chosen = set(ids)
        rows = [k for k, record_id in enumerate(self.ids) if record_id in chosen]
        arrays = {n: getattr(self, n) for n in ("error", "spread", "distance", "departs")}
        kept: dict[str, Any] = {n: None if a is None else a[rows] for n, a in arrays.items()}
        kinds = None if self.kinds is None else [self.kinds[k] for k in rows]
        return replace(self, ids=[self.ids[k] for k in rows], kinds=kinds, **kept)


def calibrate(data: SiteErrors, novelty: Novelty, coverage: float = COVERAGE) -> Calibration:
    """Learn the bands of a model, and the threshold of its novelty.

    Args:
        data: sites that were not trained on.
        novelty: measure that gave the distances; its threshold is replaced.
        coverage: nominal coverage of the bands, above 0 and below 1.

    Raises:
        ConfigError: the coverage is out of range, or there are too few sites for it.
    """
    if not 0.0 < coverage < 1.0:
        raise ConfigError(f"`coverage` is {coverage} but must be above 0 and below 1")
    fitted, held = halve(data)
    mean_spread = np.ones(len(fitted.ids)) if fitted.spread is None else fitted.spread.mean(axis=1)
    tiny = np.finfo(np.float32).tiny
    smallest = np.array([max(mean_spread.min(), tiny), max(fitted.distance.min(), tiny)])
    scale = Calibration(
        coverage=coverage,
        ids=list(data.ids),
        energy=np.asarray(data.energy, dtype=float),
        floor=choose_floor(fitted),
        quantile=np.ones(len(data.energy)),
        law=fit_law(fitted, smallest),
        smallest=smallest,
        novelty=replace(novelty, threshold=novelty_threshold(data.distance, data.departs)),
    )
    scores = held.error / scale.half_width(held.spread, held.distance)
    pooled = replace(scale, quantile=conformal_quantile(scores, data.energy, coverage))
    return replace(pooled, by_edge=quantiles_by_edge(data, pooled))


def quantiles_by_edge(data: SiteErrors, pooled: Calibration) -> dict[str, np.ndarray]:
    """The quantile of all sites times one factor for each element and edge with ``ENOUGH`` sites.

    The others share a factor, ``FEW_SITES``, if together they have as many. The factor is the plain
    quantile of the scores of all these sites at all energies. With so few sites the level of
    ``conformal_quantile``, in windows and on half of them, would be that of the worst site: of
    `any-edge` it covered 96 % of nickel's errors and 94 % of titanium's, mean over splits, instead
    of 90 (`python -m research.coverage`).
    """
    scores = data.error / pooled.half_width(data.spread, data.distance)
    count = Counter(data.kinds or [])
    kinds = np.array([k if count[k] >= ENOUGH else FEW_SITES for k in data.kinds or []])
    return {
        kind: pooled.quantile * np.nanquantile(scores[kinds == kind], pooled.coverage)
        for kind in sorted(set(kinds.tolist()))
        if (kinds == kind).sum() >= ENOUGH
    }


def halve(data: SiteErrors) -> tuple[SiteErrors, SiteErrors]:
    """Two halves of the sites by material.

    Sites that a split by hash held back are all in one half of that hash; so the first seed counts
    with which either half has a quarter of them.

    Raises:
        ConfigError: there are too few sites.
    """
    for seed in range(SEEDS):
        halves = split_by_hash(data.ids, {"scale": 0.5, "quantile": 0.5}, seed)
        if min(map(len, halves.values())) >= max(len(data.ids) / 4, 2):
            return data.part(halves["scale"]), data.part(halves["quantile"])
    raise ConfigError(
        f"{len(data.ids)} sites are too few to calibrate bands on, or of too few materials"
    )


def novelty_threshold(distance: np.ndarray, departs: np.ndarray | None = None) -> float:
    """Distance beyond which sites are novel: ``NOVEL_FRACTION`` are, with those that depart anyway.

    If more than that depart, it is the largest distance of the others. See ``SiteErrors``.
    """
    others = distance if departs is None or departs.all() else distance[~departs]
    n_departing = 0 if departs is None else departs.sum()
    fraction = max(NOVEL_FRACTION * len(distance) - n_departing, 0.0) / len(others)
    return float(np.quantile(others, 1.0 - fraction))


def choose_floor(data: SiteErrors) -> np.ndarray:
    """Floor of u by energy: the multiple of the mean absolute error that fits best.

    Errors are taken as distributed as exp(-|error| / s_i(E)) / 2 s_i(E) with s_i = t (spread_i +
    floor) and the best t for each floor. Unit of the spectrum, shape (n_energies,), positive.
    """
    error = np.array([np.nanmean(data.error[:, w]) for w in windows(data.energy)])
    error = np.maximum(error, np.finfo(np.float32).tiny)
    if data.spread is None:
        return error

    def cost(floor: float) -> float:
        scale = data.spread + floor * error
        return float(np.log(np.nanmean(data.error / scale)) + np.nanmean(np.log(scale)))

    return min(FLOORS, key=cost) * error


def fit_law(data: SiteErrors, smallest: np.ndarray) -> np.ndarray:
    """Fit r = exp(a) spread^b d^c to the sites' mean absolute errors, least squares of logarithms.

    Args:
        data: sites to fit.
        smallest: smallest spread and distance, see ``Calibration``.

    Returns:
        a, b, c, with b, c >= 0 so that more spread or distance never means less error.
    """
    tiny = np.finfo(np.float32).tiny
    log_error = np.log(np.maximum(np.nanmean(data.error, axis=1), tiny))
    terms = law_terms(data.spread, data.distance, smallest)
    law = lsq_linear(terms, log_error, bounds=([-np.inf, 0.0, 0.0], np.inf)).x
    if data.spread is None:
        law[1] = 0.0  # nothing determines it
    return law


def conformal_quantile(scores: np.ndarray, energy: np.ndarray, coverage: float) -> np.ndarray:
    """Quantile of scores in a window around every energy.

    The level is ceil((n + 1) coverage) / n with n the number of sites in the window and not of
    points: scores of one site are alike, and a new site, not a point, is exchangeable with them.

    Args:
        scores: |error| / sigma, NaN where not known, shape (n_sites, n_energies).
        energy: eV, shape (n_energies,).
        coverage: fraction of the scores below the quantile.

    Returns:
        Shape (n_energies,).

    Raises:
        ConfigError: too few sites were calculated at an energy for this coverage.
    """
    quantile = np.empty(len(energy))
    for number, window in enumerate(windows(energy)):
        pooled = scores[:, window]
        known = np.isfinite(pooled)
        n_sites = int(known.any(axis=1).sum())
        rank = math.ceil((n_sites + 1) * coverage - 1e-9)
        if rank > n_sites:
            needed = math.ceil(coverage / (1.0 - coverage) - 1e-9)
            raise ConfigError(
                f"`coverage` {coverage} needs at least {needed} sites in half of the calibration"
                f" materials, found {n_sites} at {energy[number]:.3f} eV (relative); use more sites"
            )
        ordered = np.sort(pooled[known])
        quantile[number] = ordered[math.ceil(rank / n_sites * len(ordered) - 1e-9) - 1]
    return quantile


def windows(energy: np.ndarray) -> list[np.ndarray]:
    """For every energy, those within half of ``WINDOW``; boolean, shape (n_energies,) each."""
    return [np.abs(energy - center) <= 0.5 * WINDOW for center in energy]

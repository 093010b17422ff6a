"""Calibrated bands: how far a predicted spectrum may be from the calculated one.

``conformal`` learns them on sites that were not trained on.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import ENERGY_TOLERANCE
from .novelty import Novelty

FEW_SITES = "few"
"""Key of the bands that elements with too few calibration sites share."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Half widths of bands and the measure of novelty.

        half_i(E)  = q(E) sigma_i(E)
        sigma_i(E) = r_i u_i(E) / mean_E u_i(E),  u_i(E) = spread_i(E) + floor(E)
        r_i        = exp(a) (mean_E spread_i(E))^b d_i^c,  b, c >= 0

    r_i is the error expected of the site, from the members' spread and the distance d_i to the
    nearest training site; means are over ``energy``. A single network has no spread: spread = 0 in
    u, and b = 0.
    """

    coverage: float
    """Nominal coverage of the bands, 1 - alpha."""
    ids: list[str]
    """Records that it was calibrated on."""
    energy: np.ndarray
    """Energies relative to the reference energy, eV, shape (n_energies,)."""
    floor: np.ndarray
    """Unit of the spectrum, shape (n_energies,), positive."""
    quantile: np.ndarray
    """q, dimensionless, shape (n_energies,)."""
    law: np.ndarray
    """a, b, c."""
    smallest: np.ndarray
    """Smallest mean spread and distance that the law was fitted to; smaller ones count as these."""
    novelty: Novelty
    """Measure of d, with the threshold beyond which a site is called novel."""
    by_edge: dict[str, np.ndarray] = field(default_factory=dict)
    """q by element and edge, such as Cu K, of a model of several, whose spectra are in units of the
    edge step; ``FEW_SITES``: of all with too few calibration sites."""

    def of(self, kind: str, factor: float) -> "Calibration":
        """That of one element and edge, whose spectra are ``factor`` times as large."""
        law, smallest = self.law.copy(), self.smallest.copy()
        law[0] += (1.0 - law[1]) * np.log(factor)
        smallest[0] *= factor
        return replace(
            self,
            floor=factor * self.floor,
            law=law,
            smallest=smallest,
            quantile=self.by_edge.get(kind, self.by_edge.get(FEW_SITES, self.quantile)),
            by_edge={},
        )

    def expected_error(self, spread: np.ndarray | None, distance: np.ndarray) -> np.ndarray:
        """Mean absolute error expected of sites, r, unit of the spectrum, shape (n_sites,).

        Args:
            spread: standard deviation over members on ``energy``, shape (n_sites, n_energies).
            distance: to the nearest training site, shape (n_sites,).
        """
        return np.exp(law_terms(spread, distance, self.smallest) @ self.law)

    def half_width(
        self,
        spread: np.ndarray | None,
        distance: np.ndarray,
        energy: np.ndarray | None = None,
        spread_there: np.ndarray | None = None,
    ) -> np.ndarray:
        """Half widths of the bands, unit of the spectrum, shape (n_sites, len(energy)).

        They are NaN outside the calibrated energies.

        Args:
            spread: see ``expected_error``.
            distance: see ``expected_error``.
            energy: eV relative to the reference energy; None: the calibrated energies.
            spread_there: spread at ``energy``, shape (n_sites, len(energy)).
        """
        if energy is None:
            energy, spread_there = self.energy, spread
        mean = spread_and_floor(spread, self.floor).mean(axis=1, keepdims=True)
        low, high = self.energy[0] - ENERGY_TOLERANCE, self.energy[-1] + ENERGY_TOLERANCE
        inside = (energy > low) & (energy < high)
        floor, quantile = (np.interp(energy, self.energy, v) for v in (self.floor, self.quantile))
        scale = np.atleast_2d(spread_and_floor(spread_there, floor)) / mean
        half = quantile * scale * self.expected_error(spread, distance)[:, None]
        return np.where(inside, half, np.nan)


def spread_and_floor(spread: np.ndarray | None, floor: np.ndarray) -> np.ndarray:
    """U of the class, shape (n_sites or 1, n_energies)."""
    return floor[None] if spread is None else spread + floor


def law_terms(spread: np.ndarray | None, distance: np.ndarray, smallest: np.ndarray) -> np.ndarray:
    """1, log mean spread (0 for a single network), log distance; shape (n_sites, 3)."""
    from_spread = np.zeros(len(distance))
    if spread is not None:
        from_spread = np.log(np.maximum(spread.mean(axis=1), smallest[0]))
    from_distance = np.log(np.maximum(distance, smallest[1]))
    return np.stack([np.ones(len(distance)), from_spread, from_distance], axis=1)


ARRAYS = ("energy", "floor", "quantile", "law", "smallest")
BY_EDGE = "by_edge."
NOVELTY_ARRAYS = ("mean", "whitening", "sites")


def pack_calibration(calibration: Calibration) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Plain values and arrays of a calibration, for a model file."""
    novelty = calibration.novelty
    plain = {"coverage": calibration.coverage, "ids": calibration.ids}
    arrays = {name: getattr(calibration, name) for name in ARRAYS}
    arrays |= {f"{BY_EDGE}{kind}": values for kind, values in calibration.by_edge.items()}
    arrays |= {f"novelty.{name}": getattr(novelty, name) for name in NOVELTY_ARRAYS}
    return {**plain, "threshold": novelty.threshold}, arrays


def unpack_calibration(plain: dict[str, Any], arrays: dict[str, np.ndarray]) -> Calibration:
    """Undo ``pack_calibration``; KeyError if a value or an array is missing."""
    measure = {name: arrays[f"novelty.{name}"] for name in NOVELTY_ARRAYS}
    novelty = Novelty(**measure, threshold=plain["threshold"])
    known: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    known["by_edge"] = {
        name.removeprefix(BY_EDGE): array
        for name, array in arrays.items()
        if name.startswith(BY_EDGE)
    }
    return Calibration(coverage=plain["coverage"], ids=plain["ids"], novelty=novelty, **known)

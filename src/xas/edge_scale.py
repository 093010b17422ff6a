"""Energy zero and unit of the spectra of an element and edge, so that those of all are alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers

from ..errors import ConfigError
from .edges import find_edge
from .energies import even_energies

TAIL = 25.0, 35.0
"""The edge step is the mean of mu this far above where a spectrum begins, eV: above the white line,
and within what calculations of XANES reach."""
WINDOW = -10.0, 25.0
"""Scored window of an element and edge, eV from the reference, where records share no grid."""
ABOVE_START = 9.0
"""The reference is this far above the mean beginning of spectra, eV, see ``edge_start``."""
LEAD = 20.0
"""See ``edge_start``, eV."""
STEP = 0.25
"""Energy step of a training on several edges, eV."""
PER_ELEMENT = 2.0
"""Decay of the weight of another element, in atomic numbers."""
PRIOR = 2.0
"""Weight of the neighbors in the periodic table for energy zero and edge step, in spectra; see
`research/energy_zero.py`."""
ENOUGH = 20.0
"""More spectra of an element do not raise its weight for its neighbors."""


@dataclass(frozen=True)
class EdgeScale:
    """What the spectra of an element and edge are relative to."""

    element: str
    """Absorbing element, its symbol."""
    edge: str
    """Absorption edge."""
    reference: float
    """Absolute energy of the zero, eV, some eV above the Fermi level of the calculations."""
    edge_step: float
    """mu above the edge, see ``TAIL``, unit of the records."""
    energy: tuple[float, float, float]
    """First and last scored energy and step, eV, absolute."""
    code: str
    """Code of most of the training spectra; of those of the nearest element where there is none."""
    n_spectra: int = 0
    """Training spectra."""
    n_materials: int = 0
    """Their materials."""

    @property
    def name(self) -> str:
        """Element and edge."""
        return f"{self.element} {self.edge}"

    @property
    def z(self) -> int:
        """Atomic number."""
        return int(atomic_numbers[self.element])

    @property
    def energy_grid(self) -> np.ndarray:
        """Scored energies, eV, absolute, shape (n_energies,)."""
        return even_energies(*self.energy)


def edge_start(energy: np.ndarray, mu: np.ndarray) -> tuple[float, float] | None:
    """Where a spectrum begins, eV, and its edge step; None: it ends before ``TAIL``.

    FEFF begins near the Fermi level. Where a spectrum begins far below the edge, ``LEAD`` below
    the energy from which it stays above half of the step counts as its beginning.
    """
    below = np.flatnonzero(mu < 0.5 * mu[-max(len(mu) // 5, 1) :].mean())
    rise = energy[below[-1]] if len(below) and below[-1] + 1 < len(mu) else energy[0]
    start = float(max(energy[0], rise - LEAD))
    tail = (energy >= start + TAIL[0]) & (energy <= start + TAIL[1])
    if not tail.any() or not mu[tail].mean() > 0:
        return None
    return start, float(mu[tail].mean())


def find_scale(scales: Sequence[EdgeScale], element: str, edge: str) -> EdgeScale:
    """Scale of an element and edge; without training spectra, from its neighbors.

    Raises:
        ConfigError: no element has this edge, or it is not tabulated.
    """
    known = {scale.element: scale for scale in scales if scale.edge == edge}
    if element in known:
        return known[element]
    if not known:
        raise ConfigError(f"the model knows no spectra of an {edge} edge")
    reference, step = expected(
        *(element, edge),
        {symbol: scale.reference for symbol, scale in known.items()},
        {symbol: scale.edge_step for symbol, scale in known.items()},
        {symbol: scale.n_spectra for symbol, scale in known.items()},
    )
    nearest = min(known.values(), key=lambda scale: abs(scale.z - atomic_numbers[element]))
    return EdgeScale(element, edge, reference, step, window_around(reference), nearest.code)


def expected(
    element: str,
    edge: str,
    references: Mapping[str, float],
    steps: Mapping[str, float],
    counts: Mapping[str, int],
) -> tuple[float, float]:
    """Reference energy, eV, and edge step of an element from its own and its neighbors' values.

    References are compared by their distance from the calculated energies of the edge, or, where
    one of the elements has none, from the measured ones.

    Args:
        element: element, with values or without.
        edge: absorption edge.
        references: mean reference energies of elements, eV.
        steps: edge steps of the same.
        counts: number of spectra behind each.
    """
    edges = {symbol: find_edge(symbol, edge) for symbol in (element, *references)}
    energies = {symbol: one.calculated for symbol, one in edges.items() if one.calculated}
    if len(energies) < len(edges):
        energies = {symbol: one.energy for symbol, one in edges.items()}
    offsets = {symbol: energy - energies[symbol] for symbol, energy in references.items()}
    logarithms = {s: float(np.log(step)) for s, step in steps.items()}
    reference = energies[element] + estimate(element, offsets, counts)
    return round(float(reference), 2), float(np.exp(estimate(element, logarithms, counts)))


def window_around(reference: float) -> tuple[float, float, float]:
    """First and last energy and step of the usual window, eV, see ``EdgeScale``."""
    return reference + WINDOW[0], reference + WINDOW[1], STEP


def usual_edge(scales: Sequence[EdgeScale], element: str) -> str:
    """Edge of most training spectra of an element; without one, of the element nearest in Z."""
    z = atomic_numbers[element]
    return min(scales, key=lambda scale: (abs(scale.z - z), -scale.n_spectra)).edge


def estimate(element: str, values: Mapping[str, float], counts: Mapping[str, int]) -> float:
    """A value of an element, drawn to what its neighbors in the periodic table suggest.

    Values are taken as linear in the logarithm of Z, as those of an edge step are nearly, and the
    deviations of the neighbors from that are averaged with weights that decay with distance in Z.

    Args:
        element: element, with a value or without.
        values: mean value of each element.
        counts: number of spectra behind each.
    """
    symbols = list(values)
    z = np.log([atomic_numbers[symbol] for symbol in symbols])
    y = np.array([values[symbol] for symbol in symbols])
    degree = 1 if len(symbols) > 2 else 0
    line = np.polynomial.Polynomial.fit(z, y, degree) if len(symbols) > 1 else (lambda _: y[0])
    number = np.minimum([counts[symbol] for symbol in symbols], ENOUGH)
    own = atomic_numbers[element]
    weights = number * closeness(np.array([atomic_numbers[symbol] for symbol in symbols]) - own)
    deviation = float((weights * (y - line(z))).sum() / max(weights.sum(), 1e-12))
    guess = float(line(np.log(own))) + deviation
    n = counts.get(element, 0)
    return guess if n == 0 else (n * values[element] + PRIOR * guess) / (n + PRIOR)


def closeness(distance: np.ndarray) -> np.ndarray:
    """Weight of other elements by their distance in atomic number; an element's own is 0."""
    return np.exp(-np.abs(distance) / PER_ELEMENT) * (distance != 0)

"""Training chemistry: what surrounds the sites of a training set, and how a site departs from it.

Materials are counted and not sites, because the sites of a material are alike.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ase.data import chemical_symbols

from ..model.graph_input import Graph
from .environments import Environment, environments
from .names import material_of

RARE = 0.005
"""Fraction of the training materials with a value below the usual range, and of those above it."""
WIDENED = 0.05
"""Where that is less than one material, the ends of the range are moved outwards by this fraction
of their values."""
RARE_ELEMENTS = 0.02
"""The least frequent nearest neighbors, which together make up less than this fraction, are rare.
"""
DIGITS = 2
"""Decimals of ranges, which are rounded outwards."""
LISTED = 12
"""Neighbors that a description names."""
USUAL = "usual in the training set:"

Range = list[float]
"""Least value, low and high end of the usual range, greatest value."""


@dataclass(frozen=True)
class Chemistry:
    """Summary of the environments that a model was trained on."""

    r_max: float
    """Radius within which neighbors were counted, Angstrom."""
    materials: int
    sites: int
    elements: dict[str, int]
    """Number of materials that contain each element, the most frequent first."""
    nearest_sites: dict[str, int]
    """Number of sites with each element among the nearest neighbors, see ``NEAREST_FACTOR``."""
    nearest_materials: dict[str, int]
    """Number of materials with such a site."""
    coordination: dict[str, int]
    """Number of sites by neighbors in the first shell, see ``SHELL_FACTOR``."""
    neighbors: Range
    """Neighbors within ``r_max``."""
    asymmetry: Range
    """See ``Environment``."""
    distances: dict[str, Range]
    """Distance to the nearest neighbor by pair, such as "Cu-O", Angstrom."""

    def departures(self, site: Environment) -> list[str]:
        """In which ways a site is unlike the training sites, each in words; none: it is alike.

        What counts are the number of neighbors, their asymmetry, elements and distances, against
        ``usual_range`` and ``rare``.
        """
        found = []
        low, high = self.neighbors[1:3]
        if not low <= site.neighbors <= high:
            found.append(
                f"{_count(site.neighbors, 'neighbor')} within {self.r_max:g} Angstrom, {USUAL}"
                f" {low:g} to {high:g}"
            )
        if site.neighbors >= low and site.asymmetry > self.asymmetry[2]:
            found.append(
                f"its neighbors are on one side, as at a surface (asymmetry {site.asymmetry:.2f},"
                f" {USUAL} up to {self.asymmetry[2]:.2f})"
            )
        absent = [symbol for symbol in site.distances if symbol not in self.elements]
        if absent:
            found.append(f"{', '.join(absent)} among its neighbors, absent from the training set")
        for symbol, distance in site.nearest.items():
            if symbol not in absent:
                found += self._nearest(site.element, symbol, distance)
        return found

    def _nearest(self, element: str, symbol: str, distance: float) -> list[str]:
        if symbol in self.rare or symbol not in self.nearest_materials:
            materials = self.nearest_materials.get(symbol, "none")
            seen = f"as in {materials} of {self.materials:,} training materials"
            return [f"{symbol} is a nearest neighbor, {seen}"]
        limits = self.distances.get(f"{element}-{symbol}")  # None: another element absorbs
        if limits is None or limits[1] <= distance <= limits[2]:
            return []
        return [
            f"nearest {symbol} at {distance:.2f} Angstrom, {USUAL} {limits[1]:.2f} to"
            f" {limits[2]:.2f}"
        ]

    @cached_property
    def rare(self) -> frozenset[str]:
        """Nearest neighbors that are rare, see ``RARE_ELEMENTS``."""
        counts = self.nearest_materials.values()
        return frozenset(
            symbol
            for symbol, count in self.nearest_materials.items()
            if sum(c for c in counts if c <= count) < RARE_ELEMENTS * sum(counts)
        )

    def describe(self) -> list[str]:
        """The summary in lines for people; of many neighbors the most frequent."""
        always = [symbol for symbol, count in self.elements.items() if count == self.materials]
        least, low, high, greatest = self.neighbors
        order = sorted(self.distances, key=lambda pair: -self.nearest_sites[pair.split("-")[1]])
        distances = {
            pair: f"{self.distances[pair][0]:.2f} to {self.distances[pair][3]:.2f}"
            for pair in order
        }
        return [
            f"trained on {_count(self.sites, 'site')} of {_count(self.materials, 'material')},"
            f" {_count(len(self.elements), 'element')}, by number of materials:"
            f" {_listed(self.elements, len(self.elements))}",
            *([f"every training material contains {', '.join(always)}"] if always else []),
            f"nearest neighbors, by number of sites: {_listed(self.nearest_sites)}",
            f"nearest distances (Angstrom): {_listed(distances)}",
            f"neighbors in the first shell, by number of sites: {_listed(self.coordination)}",
            f"neighbors within {self.r_max:g} Angstrom: {least:g} to {greatest:g}"
            f" ({USUAL} {low:g} to {high:g})",
        ]


class Survey:
    """Environments of the absorbers of a training set, collected graph by graph."""

    def __init__(self) -> None:
        """Start without graphs."""
        self.contents: dict[str, set[str]] = {}
        self.sites: list[tuple[str, Environment]] = []

    def add(self, graph: Graph) -> None:
        """Collect from a graph; one that does not name its records is a material of its own."""
        ids = graph.get("record_id")
        material = material_of(ids[0]) if ids else f"graph {len(self.contents)}"
        symbols = {chemical_symbols[z] for z in graph.z.tolist()}
        self.contents.setdefault(material, set()).update(symbols)
        self.sites += [(material, site) for site in environments(graph)]

    def summary(self, r_max: float) -> Chemistry:
        """Summary of at least one graph; ``r_max``: radius with which they were cut, Angstrom."""
        pairs = defaultdict[str, list[tuple[str, float]]](list)
        for material, site in self.sites:
            for symbol, distance in site.nearest.items():
                pairs[f"{site.element}-{symbol}"].append((material, distance))
        nearest = Counter(symbol for _, site in self.sites for symbol in site.nearest)
        near = {(material, symbol) for material, site in self.sites for symbol in site.nearest}
        elements = Counter(symbol for symbols in self.contents.values() for symbol in symbols)
        coordination = Counter(site.coordination for _, site in self.sites)
        return Chemistry(
            r_max=r_max,
            materials=len(self.contents),
            sites=len(self.sites),
            elements=_by_count(elements),
            nearest_sites=_by_count(nearest),
            nearest_materials=_by_count(Counter(symbol for _, symbol in near)),
            coordination={str(number): coordination[number] for number in sorted(coordination)},
            neighbors=usual_range((name, site.neighbors) for name, site in self.sites),
            asymmetry=usual_range((name, site.asymmetry) for name, site in self.sites),
            distances={pair: usual_range(found) for pair, found in sorted(pairs.items())},
        )


def usual_range(values: Iterable[tuple[str, float]]) -> Range:
    """Least and greatest value, and the usual range, without those of ``RARE`` of the materials.

    Args:
        values: material and value of each site, at least one.

    Returns:
        Least, low, high, greatest; of n materials int(n RARE) have a value below low, and as many
        one above high; see ``WIDENED`` where that is none. Rounded outwards to ``DIGITS`` decimals.
    """
    least: dict[str, float] = {}
    greatest: dict[str, float] = {}
    for material, value in values:
        least[material] = min(value, least.get(material, value))
        greatest[material] = max(value, greatest.get(material, value))
    rising, falling = sorted(least.values()), sorted(greatest.values(), reverse=True)
    skipped, unit = int(RARE * len(least)), 10**DIGITS
    margin = 0.0 if skipped else WIDENED
    low = [rising[0], rising[skipped] * (1.0 - margin)]
    high = [falling[skipped] * (1.0 + margin), falling[0]]
    return [math.floor(v * unit) / unit for v in low] + [math.ceil(v * unit) / unit for v in high]


def _by_count(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(values: Mapping[str, object], most: int = LISTED) -> str:
    shown = [f"{name} {value}" for name, value in list(values.items())[:most]]
    return ", ".join(shown) + (f" and {len(values) - most} more" if len(values) > most else "")

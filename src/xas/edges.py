"""Tabulated edge energies and core-hole widths, from ``edges.csv``, which names its sources."""

import csv
import functools
from importlib.resources import files
from typing import NamedTuple

from ..errors import ConfigError

FAR = 150.0
"""An edge further than this from a tabulated one is another edge, eV."""


class Edge(NamedTuple):
    """An absorption edge."""

    element: str
    name: str
    """K, L1, L2 or L3."""
    energy: float
    """Energy in the element, eV."""
    width: float | None
    """Full width at half maximum of the core level, eV. None: not tabulated."""
    calculated: float | None
    """Energy by FEFF 10, eV, a smoother function of the element than measured energies. None: not
    calculated."""


@functools.cache
def table() -> dict[tuple[str, str], Edge]:
    """All tabulated edges by element and name."""
    lines = files(__package__).joinpath("edges.csv").read_text().splitlines()
    edges = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        width, calculated = (float(row[k]) if row[k] else None for k in ("width", "calculated"))
        edge = Edge(row["element"], row["edge"], float(row["energy"]), width, calculated)
        edges[edge.element, edge.name] = edge
    return edges


def find_edge(element: str, name: str) -> Edge:
    """A tabulated edge; of L23, where L3 and L2 are one spectrum, the lower one, L3.

    Raises:
        ConfigError: it is not tabulated.
    """
    name = "L3" if name == "L23" else name
    if (element, name) in table():
        return table()[element, name]
    known = [edge for symbol, edge in table() if symbol == element]
    what = f"{element} has {', '.join(known)}" if known else "elements H to Cf are tabulated"
    raise ConfigError(f"no tabulated edge {element} {name}; {what}")


def edges_near(energy: float, within: float) -> list[Edge]:
    """Tabulated edges at most ``within`` eV from an energy, the nearest first."""
    near = [edge for edge in table().values() if abs(edge.energy - energy) <= within]
    return sorted(near, key=lambda edge: abs(edge.energy - energy))

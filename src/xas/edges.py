"""Tabulated edge energies and core-hole widths, from ``edges.csv``, which names its sources."""

import csv
import functools
from importlib.resources import files
from typing import NamedTuple

from ..errors import ConfigError

FAR = 150.0
"""An edge further than this from a tabulated one is another edge, eV."""


class Edge(NamedTuple):
    """An absorption edge.

    Attributes:
        element: symbol.
        name: K, L1, L2 or L3.
        energy: of the element, eV.
        width: natural width of the core level, full width at half maximum, eV; None: not tabulated.
    """

    element: str
    name: str
    energy: float
    width: float | None


@functools.cache
def table() -> dict[tuple[str, str], Edge]:
    """All tabulated edges by element and name."""
    text = files(__package__).joinpath("edges.csv").read_text()
    found = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        width = float(row["width"]) if row["width"] else None
        edge = Edge(row["element"], row["edge"], float(row["energy"]), width)
        found[edge.element, edge.name] = edge
    return found


def find_edge(element: str, name: str) -> Edge:
    """A tabulated edge.

    Raises:
        ConfigError: there is none of this name.
    """
    try:
        return table()[element, name]
    except KeyError:
        known = [edge for symbol, edge in table() if symbol == element]
        what = f"{element} has {', '.join(known)}" if known else "elements H .. Cf are tabulated"
        raise ConfigError(f"no tabulated edge {element} {name}; {what}") from None

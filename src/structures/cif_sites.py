"""Rows of a CIF's list of atoms: label, elements with their occupancy, and position."""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import StructureError
from .cif_block import UNKNOWN, Values, column_of, number_of
from .species import FULL_WITHIN, species_of, species_of_label

AXES = ("fract_x", "fract_y", "fract_z")
COLUMNS = ("label", "type_symbol", "occupancy", "calc_flag", *AXES)


@dataclass(frozen=True)
class Site:
    """A place in the asymmetric unit."""

    label: str
    shares: dict[str, float]
    """Occupancy by element."""
    position: np.ndarray
    """Fractional coordinates, shape (3,)."""

    @property
    def is_full(self) -> bool:
        """Whether one element has the place to itself."""
        return len(self.shares) == 1 and abs(sum(self.shares.values()) - 1) <= FULL_WITHIN

    def joined(self, other: "Site") -> "Site":
        """This place with another row's elements added; the same full atom twice is one."""
        if self.is_full and other.is_full and self.shares.keys() == other.shares.keys():
            return self
        label = self.label if other.label == self.label else f"{self.label}/{other.label}"
        elements = {**self.shares, **other.shares}
        shares = {e: self.shares.get(e, 0.0) + other.shares.get(e, 0.0) for e in elements}
        return Site(label, shares, self.position)


def read_sites(block: Values, known: set[str]) -> tuple[list[Site], bool]:
    """Read the atoms of a block's asymmetric unit, and whether all hydrogen has a position.

    Dummies, empty sites and rows of question marks are passed over. ``known``: elements of the
    formula, for labels with more than one reading.

    Raises:
        StructureError: elements, occupancy or coordinates that are not understood.
    """
    columns = {name: column_of(block, f"_atom_site_{name}") for name in COLUMNS}
    n_rows = len(columns["fract_x"])
    if any(len(column) not in (0, n_rows) for column in columns.values()):
        raise StructureError(f"the columns of _atom_site are not all of {n_rows} rows")
    sites, complete = [], True
    for row in range(n_rows):
        cells = {name: column[row] for name, column in columns.items() if column}
        nowhere = all(cells.get(axis, "?") in UNKNOWN for axis in AXES)
        label = cells.get("label", str(row))
        if cells.get("calc_flag") == "dum" or (nowhere and label == "?"):
            continue
        try:
            shares = _shares(cells, known)
            if nowhere and set(shares) == {"H"}:
                complete = False
            elif any(shares.values()):
                sites.append(Site(label, shares, _position(cells)))
        except StructureError as error:
            raise StructureError(f"site {label}: {error}") from error
    return sites, complete


def _shares(cells: dict[str, str], known: set[str]) -> dict[str, float]:
    """Occupancy by element of a row; 1 where it is not given."""
    symbol, label = cells.get("type_symbol", "?"), cells.get("label", "?")
    shares = species_of_label(label, known) if symbol in UNKNOWN else species_of(symbol, known)
    text = cells.get("occupancy", ".")
    occupancy = 1.0 if text in UNKNOWN else number_of(text)
    if not 0 <= occupancy <= 1 + FULL_WITHIN:  # also NaN
        raise StructureError(f"_atom_site_occupancy is {text[:40]!r}, expected 0 to 1")
    return {element: occupancy * share for element, share in shares.items()}


def _position(cells: dict[str, str]) -> np.ndarray:
    """Coordinates of a row; 0 for ``.``, which stands for a tag's default."""
    texts = {axis: cells.get(axis, "?") for axis in AXES}
    numbers = [0.0 if text == "." else number_of(text) for text in texts.values()]
    for (axis, text), number in zip(texts.items(), numbers, strict=True):
        if not math.isfinite(number):
            raise StructureError(f"_atom_site_{axis} is {text[:40]!r}, expected a number")
    return np.array(numbers)

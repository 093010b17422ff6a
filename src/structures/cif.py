"""CIF: the atoms of the whole cell, in any setting of the space group.

Refused: atoms that are not those of the file's formula, symmetry that contradicts itself or the
cell, an origin that nothing tells. Disorder is kept in ``atoms.info["occupancy"]``, fractions of
elements by the site's label, and refused where the structure is used (``graph.check_occupancy``).
"""

import logging
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import cellpar_to_cell
from ase.neighborlist import neighbor_list

from ..errors import StructureError
from .cif_block import Values, column_of, number_of, read_blocks, text_of
from .cif_sites import Site, read_sites
from .space_group import IDENTITY, TOUCHING, Symmetry, symmetry_of
from .species import element_of

logger = logging.getLogger(__name__)

CELL = [f"_cell_length_{axis}" for axis in "abc"]
CELL += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
RATIO_WITHIN = 0.02
"""Largest relative difference of the atoms' ratio to the formula."""
CLASH = 0.5
"""Two atoms are never nearer than this, Angstrom."""


@dataclass(frozen=True)
class _Formula:
    """A block's formula; empty if it has none."""

    text: str
    count: Counter[str]
    units: float
    """Formula units in the cell; NaN: not known."""

    @classmethod
    def of(cls, block: Values) -> "_Formula":
        """Formula of a block, deuterium as hydrogen."""
        text, count = text_of(block, "_chemical_formula_sum"), Counter[str]()
        for letters, number in re.findall(r"([A-Z][a-z]?)\s*(\d*\.?\d*)", text):
            count[element_of(letters) or letters] += float(number or 1)  # type: ignore[assignment]
        return cls(text, count, number_of(text_of(block, "_cell_formula_units_Z")))

    def fits(self, atoms: Atoms, without_hydrogen: bool) -> bool:
        """Whether a structure has the formula's ratios; a disordered one is refused elsewhere."""
        count, expected = Counter(atoms.get_chemical_symbols()), Counter(self.count)
        if "occupancy" in atoms.info or not expected:
            return True
        if without_hydrogen:
            del count["H"], expected["H"]
        units = count.total() / max(expected.total(), 1e-9)
        return all(
            abs(count[symbol] - units * expected[symbol]) <= RATIO_WITHIN * count[symbol]
            for symbol in {*count, *expected}
        )

    def is_whole(self, atoms: Atoms) -> bool:
        """Whether a structure has the number of atoms of the formula's units in a cell."""
        return abs(len(atoms) - self.units * self.count.total()) <= RATIO_WITHIN * len(atoms)


def read_cif(path: Path) -> list[Atoms]:
    """Read every block of a CIF that lists atoms; those of a row come one after the other.

    Raises:
        StructureError: not a CIF, or one of the reasons of this module; with file and block.
    """
    frames, blocks = [], list(read_blocks(path))
    for name, block in blocks:
        where = f"{path}: data_{name}" if len(blocks) > 1 else f"{path}"
        try:
            if column_of(block, "_atom_site_fract_x"):
                frames += _crystal(block, where)
            elif column_of(block, "_atom_site_Cartn_x"):
                raise StructureError("Cartesian coordinates, expected _atom_site_fract_x")
        except StructureError as error:
            raise StructureError(f"{where}: {error}") from error
    return frames


def _crystal(block: Values, where: str) -> list[Atoms]:
    """Atoms of a block's whole cell, if any has a position."""
    if number_of(text_of(block, "_cell_modulation_dimension")) > 0:
        raise StructureError("the structure is modulated, so no two cells are alike")
    formula = _Formula.of(block)
    sites, complete = read_sites(block, set(formula.count))
    if not sites:
        return []
    cell = _cell(block)
    candidates, named = symmetry_of(block, cell)
    if not candidates:
        logger.warning("%s: no symmetry operators and no space group; taken as P 1", where)
    elements = {symbol for site in sites for symbol in site.shares}
    no_hydrogen = not complete or set(formula.count) - elements == {"H"}
    built = [_build(sites, cell, one) for one in candidates or [IDENTITY]]
    if len(built) > 1 and all(site.is_full for site in sites):
        built = _likely(built, formula, no_hydrogen)
        if len(built) > 1:
            names = " or ".join(one.name for one in candidates)
            raise StructureError(f"is the space group {names}? Name it so or list the operators")
    atoms = built[0]
    if not formula.fits(atoms, no_hydrogen):
        raise StructureError(
            f"the formula is {formula.text}, but the atoms are {atoms.get_chemical_formula()};"
            " atoms are missing or damaged"
        )
    if no_hydrogen:
        lacking = "some H have no" if "H" in elements else "no H has a"
        logger.warning("%s: the formula is %s, but %s position", where, formula.text, lacking)
    larger = [_build(sites, cell, one) for one in named if not formula.is_whole(atoms)]
    if larger and all(len(one) > len(atoms) and not _clashes(one) for one in larger):
        raise StructureError(
            f"the operators give {len(atoms)} atoms, but the space group {named[0].name} gives"
            f" {len(larger[0])}"
        )
    return [atoms]


def _cell(block: Values) -> np.ndarray:
    """Cell vectors, Angstrom, shape (3, 3)."""
    texts = {tag: text_of(block, tag) for tag in CELL}
    if missing := ", ".join(tag for tag, text in texts.items() if not text):
        raise StructureError(f"positions are fractions of a cell, but {missing} is missing")
    numbers = [number_of(text) for text in texts.values()]
    for tag, number in zip(CELL, numbers, strict=True):
        if not 0 < number < (180 if "angle" in tag else math.inf):
            raise StructureError(f"{tag} is {texts[tag][:40]!r}, expected a positive number")
    with np.errstate(invalid="ignore"):
        cell = np.asarray(cellpar_to_cell(numbers))
    if not np.isfinite(cell).all():
        raise StructureError(f"no cell has the angles {numbers[3:]}")
    return cell


def _build(sites: list[Site], cell: np.ndarray, symmetry: Symmetry) -> Atoms:
    """Atoms of a cell; rows at one place share it."""
    positions, kinds, places = np.empty((0, 3)), np.empty(0, dtype=int), list[Site]()
    for site in sites:
        apart = positions - site.position
        touching = np.linalg.norm((apart - np.round(apart)) @ cell, axis=1) < TOUCHING
        if touching.any():
            kind = int(kinds[np.argmax(touching)])
            places[kind] = places[kind].joined(site)
            continue
        try:
            orbit = symmetry.orbit(site.position, cell)
        except StructureError as error:
            raise StructureError(f"site {site.label} {error}") from error
        positions = np.concatenate([positions, orbit])
        kinds = np.append(kinds, np.full(len(orbit), len(places)))
        places.append(site)
    symbols = [max(place.shares, key=place.shares.__getitem__) for place in places]
    atoms = Atoms([symbols[kind] for kind in kinds], cell=cell, pbc=True)
    atoms.set_scaled_positions(positions)
    if not all(place.is_full for place in places):
        atoms.info["occupancy"] = {place.label: place.shares for place in places}
    return atoms


def _likely(built: list[Atoms], formula: _Formula, no_hydrogen: bool) -> list[Atoms]:
    """Structures for several origins, without those of another formula or with clashing atoms."""
    apart = [one for one in built if "occupancy" not in one.info and not _clashes(one)]
    likely = [one for one in apart if formula.fits(one, no_hydrogen)]
    if len(likely) > 1:
        likely = [one for one in likely if formula.is_whole(one)] or likely
    return likely or built[:1]


def _clashes(atoms: Atoms) -> bool:
    return len(neighbor_list("d", atoms, CLASH)) > 0

"""Symmetry operators of a CIF, and the atoms that they generate.

The operators of a block are, in this order: the list itself, the Hall symbol, the Hermann-Mauguin
symbol in any setting that gemmi's table has, the number. A symbol that leaves the origin open gives
two candidates; ``cif`` chooses by the chemical formula.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import gemmi
import numpy as np

from ..errors import StructureError
from .cif_block import Values, column_of, number_of, text_of

TOUCHING = 0.1
"""Images of a site nearer than this, Angstrom, are one atom: special positions are rounded."""
FITS_WITHIN = 0.02
"""Largest relative change of the cell's metric under an operator."""
OPERATORS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
MAGNETIC = "_space_group_symop_magn_operation_xyz"
MAGNETIC_SHIFTS = "_space_group_symop_magn_centering_xyz"
HALL = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
HERMANN_MAUGUIN = ("_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M")
NUMBER = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
ORIGIN = re.compile(r"\s*(?:\(?\s*origin\s*(?:choice\s*)?([12])\s*\)?|:?([SZ]))$", re.IGNORECASE)
"""Origins as some databases write them: `(origin 2)`, and `S` for the first, `Z` for the second."""


@dataclass(frozen=True)
class Symmetry:
    """Operators x -> R x + t of fractional coordinates."""

    name: str
    """Extended Hermann-Mauguin symbol; empty: none."""
    number: int | None
    """Number of the space group; None: it is in no table."""
    rotations: np.ndarray
    """R, shape (n_operators, 3, 3)."""
    translations: np.ndarray
    """t, shape (n_operators, 3)."""

    def fits(self, cell: np.ndarray) -> bool:
        """Whether every operator keeps the metric of a cell (3, 3), Angstrom: R^T G R = G."""
        metric = cell @ cell.T
        turned = np.einsum("nji,jk,nkl->nil", self.rotations, metric, self.rotations)
        scale = np.sqrt(np.outer(metric.diagonal(), metric.diagonal()))
        return bool((abs(turned - metric) <= FITS_WITHIN * scale).all())

    def orbit(self, position: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """All positions of a site; images that touch are averaged onto the special position.

        Args:
            position: fractional coordinates, shape (3,).
            cell: Angstrom, shape (3, 3).

        Returns:
            Fractional coordinates from 0 to 1, shape (multiplicity, 3), in the operators' order.

        Raises:
            StructureError: some images touch and others almost do.
        """
        images = self.rotations @ position + self.translations
        apart = images[None] - images[:, None]  # [i, j]: from i to j
        apart -= np.round(apart)
        same = np.linalg.norm(apart @ cell, axis=-1) < TOUCHING
        counts = same.sum(axis=1)
        if (same.astype(int) @ same != np.where(same, counts, 0)).any():  # not classes of equals
            raise StructureError(
                f"is about {TOUCHING} Angstrom from a special position, so the number of its atoms"
                " is not clear; give its coordinates with more digits"
            )
        firsts = np.unique(same.argmax(axis=1))
        centers = [images[first] + apart[first, same[first]].mean(axis=0) for first in firsts]
        return np.asarray(np.round(centers, 12) % 1.0)


IDENTITY = Symmetry("P 1", 1, np.eye(3)[None], np.zeros((1, 3)))


def symmetry_of(block: Values, cell: np.ndarray) -> tuple[list[Symmetry], list[Symmetry]]:
    """Operators of a block that fit its cell, Angstrom, shape (3, 3).

    Returns:
        The candidates, several where only a symbol is there that leaves the origin open, none where
        nothing says the symmetry; and, beside a list of operators, those of the group that the
        block names if these are more.

    Raises:
        StructureError: operators that are no group, symbols that are unknown or contradict each
            other, or what doesn't fit the cell.
    """
    listed = _listed(block)
    if listed is None:
        return _named(block, cell), []
    if not listed.fits(cell):
        raise StructureError("the symmetry operators do not fit the cell's lengths and angles")
    named: list[Symmetry] = []
    with suppress(StructureError):  # the list is what counts
        n_listed = len(listed.rotations)
        named = [one for one in _named(block, cell) if len(one.rotations) > n_listed]
    return [listed], named


def _symmetry(operators: list[Any], name: str, number: int | None) -> Symmetry:
    seitz = np.array([operator.float_seitz() for operator in operators], dtype=float)
    return Symmetry(name, number, seitz[:, :3, :3], seitz[:, :3, 3])


def _listed(block: Values) -> Symmetry | None:
    """The operators that a block lists, also several in one text; None: it lists none."""
    rows, shifts = column_of(block, *OPERATORS), [""]
    if not any("," in row for row in rows):  # those of a magnetic group end with time reversal
        rows, shifts = (
            [row.rpartition(",")[0] for row in column_of(block, tag)]
            for tag in (MAGNETIC, MAGNETIC_SHIFTS)
        )
    texts = [text for row in rows for text in re.split(r"[;\n]", row) if "," in text]
    if not texts:
        return None
    operators = dict.fromkeys(_operator(text) for text in texts)
    for shift in filter(None, shifts):
        operators |= dict.fromkeys((_operator(shift) * one).wrap() for one in tuple(operators))
    group = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(list(operators)))
    if group is None or len(list(group.operations())) != len(operators):
        products = ((one * other).wrap() for one in operators for other in operators)
        missing = next((one for one in products if one not in operators), None)
        if missing is not None:
            raise StructureError(
                f"the {len(operators)} symmetry operators are not a group: {missing.triplet()} is"
                " missing"
            )
    return _symmetry(list(operators), group.xhm() if group else "", group.number if group else None)


def _operator(text: str) -> Any:
    try:
        return gemmi.Op(text).wrap()
    except (RuntimeError, ValueError) as error:
        raise StructureError(f"symmetry operator {text[:40]!r} ({error})") from error


def _named(block: Values, cell: np.ndarray) -> list[Symmetry]:
    """Operators by the Hall symbol, else the Hermann-Mauguin symbol, else the number."""
    hall, name, number = (text_of(block, *tags) for tags in (HALL, HERMANN_MAUGUIN, NUMBER))
    by_name, by_number = _settings(name), _of_number(number)
    tiers = _from_hall(hall) or by_name or by_number
    source = hall or name or number
    if not source:
        return []
    if not tiers or (name and not hall and not by_name):
        raise StructureError(f"space group {name or source!r} is unknown; list its operators")
    for other in (by_name, by_number):
        if other and tiers[0][0].number not in (None, other[0][0].number):
            raise StructureError(
                f"space group {source!r} is number {tiers[0][0].number}, but the file also says"
                f" {other[0][0].name}, number {other[0][0].number}"
            )
    for tier in tiers:
        if fitting := [one for one in tier if one.fits(cell)]:
            return fitting
    raise StructureError(f"space group {source!r} does not fit the cell's lengths and angles")


def _group(group: gemmi.SpaceGroup) -> Symmetry:
    return _symmetry(list(group.operations()), group.xhm(), group.number)


def _from_hall(symbol: str) -> list[list[Symmetry]]:
    """The group of a Hall symbol; none if there is no symbol or it can't be read."""
    with suppress(RuntimeError, ValueError):
        operations = gemmi.symops_from_hall(symbol) if symbol else None
        if operations is not None:
            group = gemmi.find_spacegroup_by_ops(operations)
            return [[_symmetry(list(operations), symbol, group.number if group else None)]]
    return []


def _of_number(text: str) -> list[list[Symmetry]]:
    number = number_of(text)
    if not 1 <= number <= 230:  # also NaN
        return []
    return _settings(gemmi.find_spacegroup_by_number(int(number)).hm)


@cache
def _table() -> list[gemmi.SpaceGroup]:
    return list(gemmi.spacegroup_table())


def _settings(name: str) -> list[list[Symmetry]]:
    """Groups that a Hermann-Mauguin symbol stands for, in tiers: the next if none fits the cell.

    Both origins, or hexagonal and rhombohedral axes, if the symbol does not say which; then other
    unique axes of a short monoclinic symbol.
    """
    clean = re.sub(r"[()_~]", "", ORIGIN.sub(_origin, name)).strip()
    full = clean.count("/") > 1 or "-3" in clean  # P 21/n 21/m 21/a, F 4/m -3 2/m
    forms = [clean, re.sub(r"\b21?/", "", clean), re.sub(r"\b\d+/", "", clean)][: 3 if full else 1]
    group = next(filter(None, map(gemmi.find_spacegroup_by_name, forms)), None)
    if group is None:
        return []
    if re.search(r":\s*\w$|[HhRr]$", clean) and group.ext:
        return [[_group(group)]]
    table, names = _table(), {group.hm}
    if "e" in clean.lower() and not group.is_reference_setting():  # A e m m: A b m m or A c m m
        spelled = (gemmi.find_spacegroup_by_name(clean.lower().replace("e", one)) for one in "abc")
        names |= {one.hm for one in spelled if one and one.number == group.number}
    tiers = [[one for one in table if one.hm in names]]
    if group.crystal_system_str() == "monoclinic" and " 1" not in clean[1:]:
        short = group.hm.replace(" 1", "")
        tiers.append([g for g in table if g.hm.replace(" 1", "") == short and g.hm != group.hm])
    return [[_group(one) for one in tier] for tier in tiers if tier]


def _origin(match: re.Match[str]) -> str:
    """Origin choice in gemmi's form."""
    return f":{match[1] or {'S': 1, 'Z': 2}[match[2].upper()]}"

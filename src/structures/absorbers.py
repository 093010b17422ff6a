"""Absorbing sites of a structure, and which of them are equivalent by symmetry."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import StructureError
from .names import check_index

logger = logging.getLogger(__name__)

SYMPREC = 1e-3
"""Atoms that symmetry maps onto each other within this distance are equivalent, Angstrom."""


def choose_sites(
    atoms: Atoms, element: str | None, sites: Sequence[int] | None, other_element: bool = False
) -> list[int]:
    """Absorbers of a structure, sorted: ``sites``, or every atom of the model's element.

    Args:
        atoms: structure.
        element: the model's element; None: not known.
        sites: 0-based indices; None: every atom of the element.
        other_element: accept sites of another element.

    Raises:
        StructureError: there is none, or it is of another element without ``other_element``.
    """
    symbols = atoms.get_chemical_symbols()
    if sites is None:
        if element is None:
            raise StructureError("the model specifies no element; give the absorbing sites")
        absorbers = [i for i, symbol in enumerate(symbols) if symbol == element]
        if not absorbers:
            raise StructureError(
                f"{atoms.get_chemical_formula()} contains no {element}, the element that the model"
                " was trained for"
            )
        return absorbers
    for site in sites:
        check_index(site, "site", len(atoms))
        if not other_element and element not in (None, symbols[site]):
            raise StructureError(
                f"site {site} is {symbols[site]}, but the model was trained for {element};"
                " `predict` with `other_element` predicts it all the same"
            )
    return sorted(set(sites))


def unknown_elements(atoms: Atoms, elements: Sequence[int] | None) -> list[str]:
    """Elements of a structure that are not among those of the training set; None: not known."""
    unseen = () if elements is None else sorted(set(atoms.numbers) - set(elements))
    return [chemical_symbols[z] for z in unseen]


def equivalent_sites(atoms: Atoms, sites: Sequence[int]) -> list[list[int]] | None:
    """Group sites that the space group maps onto each other; None where spglib is not installed.

    Each site is a group where the structure is not periodic in three dimensions or spglib finds no
    symmetry.
    """
    try:
        import spglib
    except ImportError:
        return None
    symmetry = None
    if all(atoms.pbc):
        cell: Any = (np.asarray(atoms.cell.array), atoms.get_scaled_positions(), atoms.numbers)
        try:
            symmetry = spglib.get_symmetry_dataset(cell, symprec=SYMPREC)
        except spglib.SpglibError as error:
            logger.warning("no space group (%s); every site is taken as distinct", error)
    if symmetry is None:
        return [[site] for site in sites]
    groups: dict[int, list[int]] = {}
    for site in sites:
        groups.setdefault(int(symmetry.equivalent_atoms[site]), []).append(site)
    return list(groups.values())

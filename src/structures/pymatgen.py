"""Structures of pymatgen, as its objects and as JSON, without pymatgen."""

import re
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ..errors import RecordError, StructureError
from .species import FULL_WITHIN


def as_atoms(structure: Any) -> Atoms:
    """Atoms of pymatgen's ``Structure`` or ``Molecule``; ASE's own are returned as they are.

    Raises:
        StructureError: something else, or a disordered structure.
    """
    if isinstance(structure, Atoms):
        return structure
    values = structure.as_dict() if hasattr(structure, "as_dict") else None
    if not isinstance(values, dict) or "sites" not in values:
        raise StructureError(
            "expected ase.Atoms or pymatgen's Structure or Molecule, found"
            f" {type(structure).__name__}"
        )
    try:
        return to_atoms(values, type(structure).__name__)
    except RecordError as error:
        raise StructureError(str(error)) from error


def to_dict(atoms: Atoms) -> dict[str, Any]:
    """JSON of pymatgen's Structure, or Molecule where nothing is periodic, with these atoms."""
    kind = "Structure" if atoms.pbc.any() else "Molecule"
    sites = [
        {"species": [{"element": symbol, "occu": 1}], "xyz": xyz, "label": symbol, "name": symbol,
         "properties": {}}
        for symbol, xyz in zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True)
    ]  # fmt: skip
    values = {"@module": "pymatgen.core.structure", "@class": kind, "charge": 0, "sites": sites}
    if kind == "Molecule":
        return values
    cell = atoms.cell.complete()
    for site, abc in zip(sites, cell.scaled_positions(atoms.positions).tolist(), strict=True):
        site["abc"] = abc
    return values | {"lattice": {"matrix": cell.tolist(), "pbc": atoms.pbc.tolist()}}


def field(values: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field of a JSON object; RecordError if it is missing or of another kind."""
    if not isinstance(values, dict) or name not in values:
        raise RecordError(f"{where}: no `{name}`, expected an XAS object of pymatgen")
    if not isinstance(values[name], kind):
        raise RecordError(f"{where}: `{name}` is {str(values[name])[:40]!r}, of a wrong kind")
    return values[name]


def symbol_of(value: Any, where: str) -> str:
    """Symbol of an element, given as text such as `Cu` or `Cu2+`, or as pymatgen's object."""
    text = value if isinstance(value, str) else str(value.get("element"))
    match = re.fullmatch(r"([A-Z][a-z]?)(\d*\.?\d*[+-])?", text)
    if match is None or match[1] not in atomic_numbers:
        raise RecordError(f"{where}: expected an element, found {text[:20]!r}")
    return match[1]


def numbers(values: Any, name: str, where: str) -> np.ndarray:
    """Finite numbers of a list, any shape; RecordError if it is something else."""
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"{where}: `{name}` contains what is no number ({error})") from error
    if not np.isfinite(array).all():
        raise RecordError(f"{where}: `{name}` contains a value that is not finite")
    return array


def to_atoms(structure: dict[str, Any], where: str) -> Atoms:
    """Atoms of pymatgen's Structure or Molecule as JSON.

    Raises:
        RecordError: sites that are disordered or lack their element or position.
    """
    symbols, positions = [], []
    for number, site in enumerate(field(structure, "sites", list, where)):
        place = f"{where}: site {number}"
        species = field(site, "species", list, place)
        shares = [field(kind, "occu", (int, float), place) for kind in species]
        if len(shares) != 1 or abs(shares[0] - 1) > FULL_WITHIN:
            raise RecordError(f"{place} is disordered (occupancies {shares})")
        symbols.append(symbol_of(species[0], place))
        positions.append(field(site, "xyz", list, place))
    xyz = numbers(positions, "xyz", where)
    if xyz.ndim != 2 or xyz.shape[1:] != (3,):
        raise RecordError(f"{where}: `xyz` of the sites has the shape {xyz.shape}, not (n, 3)")
    lattice = structure.get("lattice")
    if lattice is None:
        return Atoms(symbols, xyz)
    matrix = numbers(field(lattice, "matrix", list, where), "matrix", where)
    periodic = lattice.get("pbc", [True] * 3)
    if matrix.shape != (3, 3) or len(periodic) != 3:
        raise RecordError(f"{where}: `matrix` has the shape {matrix.shape}, expected (3, 3)")
    return Atoms(symbols, xyz, cell=matrix, pbc=[bool(flag) for flag in periodic])

"""XAS objects of pymatgen as JSON, as the Materials Project gives them.

A file holds one object, a list of them, or documents of the Materials Project's API with the
object under `spectrum` (plain or compressed JSON; Mathew et al., Sci. Data 5, 180151 (2018)). An
object has `x` in eV, `y`, `structure`, `absorbing_element`, `edge`, `spectrum_type` and
`absorbing_index`; where the last is missing, the spectrum is the mean over all atoms of the element
in the structure. pymatgen is not needed. The objects name no unit, so their target is `as_given`
unless told.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from ...errors import ConfigError, RecordError, XanesError
from ...xas.edges import FAR, find_edge
from ..graph import check_atoms
from ..record import PassedOver, Record, Rejected, sift
from .given import Given, check_material, edge_of
from .text_file import open_text

LARGEST_FILE = 1_000_000_000
"""Characters of JSON beyond which a file is not read."""
CODE = "FEFF"
"""What the Materials Project calculates XANES with."""


def read_materials_project(
    path: Path, given: Given | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every object of a file.

    Args:
        path: JSON file, plain or compressed.
        given: what the user says: element and edge wanted, axis, target.

    Yields:
        A record for each object, or why there is none.

    Raises:
        RecordError: the file is missing, cut, or no JSON of such objects.
        ConfigError: energies are far from the edge and the user does not say what they count from.
    """
    given = given or Given()
    documents = load_documents(path)
    for number, document in enumerate(documents, start=1):
        where = f"{path}: object {number}" if len(documents) > 1 else str(path)
        try:
            record = to_record(document, path, where, given)
        except ConfigError:
            raise
        except XanesError as error:
            yield Rejected(where, str(error).removeprefix(f"{where}: "))
            continue
        yield sift(record, given.element, given.edge)


def load_documents(path: Path) -> list[Any]:
    """Objects or documents of a file, at least one.

    Raises:
        RecordError: see ``read_materials_project``.
    """
    with open_text(path) as file:
        text = file.read(LARGEST_FILE)
        if file.read(1):
            raise RecordError(f"{path}: more than {LARGEST_FILE} characters of JSON")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: no JSON ({error})") from error
    if isinstance(found, dict) and isinstance(found.get("data"), list):
        found = found["data"]
    documents = found if isinstance(found, list) else [found]
    if not documents:
        raise RecordError(f"{path}: an empty list, expected XAS objects")
    return documents


def is_materials_project(path: Path) -> bool:
    """Whether a file starts as JSON does and names what an XAS object has."""
    try:
        with open_text(path) as file:
            text = file.read(LARGEST_FILE)
    except RecordError:
        return False
    wanted = ('"absorbing_element"', '"structure"', '"x"', '"y"')
    return text.lstrip()[:1] in ("{", "[") and all(word in text for word in wanted)


def to_record(document: Any, path: Path, where: str, given: Given) -> Record:
    """Turn an object into a record.

    Raises:
        RecordError: a field is missing or wrong.
        ConfigError: see ``read_materials_project``.
    """
    spectrum = document.get("spectrum", document) if isinstance(document, dict) else document
    kind = field(spectrum, "spectrum_type", str, where)
    if kind != "XANES":
        raise RecordError(f"{where}: `spectrum_type` is {kind!r}, expected XANES")
    element = symbol_of(field(spectrum, "absorbing_element", (str, dict), where), where)
    edge = edge_of(field(spectrum, "edge", str, where), given, where)
    atoms = to_atoms(field(spectrum, "structure", dict, where), where)
    check_atoms(atoms, len(chemical_symbols) - 1)
    absorbers = tuple(int(k) for k in np.flatnonzero(atoms.numbers == atomic_numbers[element]))
    index = spectrum.get("absorbing_index")
    if index is not None and index not in range(len(atoms)):
        raise RecordError(f"{where}: `absorbing_index` is {index!r}, not of {len(atoms)} atoms")
    if index is None and not absorbers:
        raise RecordError(f"{where}: no {element} in {atoms.get_chemical_formula()}")
    energy = numbers(field(spectrum, "x", list, where), "x", where)
    material = material_of(document, path, where)
    return Record(
        id=f"{material}_mean" if index is None else f"{material}_{index:03d}",
        material=material,
        atoms=atoms,
        site=absorbers[0] if index is None else index,
        element=element,
        edge=edge,
        energy=energy,
        mu=numbers(field(spectrum, "y", list, where), "y", where),
        target=given.target,
        code=CODE,
        version="",
        source=where,
        axis=axis_near(energy, element, edge, given, where),
        mean_over=absorbers if index is None else None,
    )


def field(values: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field of a JSON object.

    Raises:
        RecordError: it is missing or of another kind.
    """
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
    """Finite numbers of a list, any shape.

    Raises:
        RecordError: something else.
    """
    try:
        found = np.array(values, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"{where}: `{name}` holds what is no number ({error})") from error
    if not np.isfinite(found).all():
        raise RecordError(f"{where}: `{name}` holds a value that is not finite")
    return found


def to_atoms(structure: dict[str, Any], where: str) -> Atoms:
    """Atoms of pymatgen's Structure or Molecule as JSON.

    Raises:
        RecordError: sites that are disordered or lack their element or position.
    """
    symbols, positions = [], []
    for number, site in enumerate(field(structure, "sites", list, where)):
        species = field(site, "species", list, f"{where}: site {number}")
        shares = [kind.get("occu") if isinstance(kind, dict) else None for kind in species]
        if len(species) != 1 or not isinstance(shares[0], int | float) or abs(shares[0] - 1) > 1e-3:
            raise RecordError(f"{where}: site {number} is disordered (occupancies {shares})")
        symbols.append(symbol_of(species[0], f"{where}: site {number}"))
        positions.append(field(site, "xyz", list, f"{where}: site {number}"))
    placed = numbers(positions, "xyz", where)
    if placed.ndim != 2 or placed.shape[1:] != (3,):
        raise RecordError(f"{where}: `xyz` of the sites has the shape {placed.shape}, not (n, 3)")
    lattice = structure.get("lattice")
    if lattice is None:
        return Atoms(symbols, placed)
    matrix = numbers(field(lattice, "matrix", list, where), "matrix", where)
    periodic = lattice.get("pbc", [True] * 3)
    if matrix.shape != (3, 3) or len(periodic) != 3:
        raise RecordError(f"{where}: `matrix` has the shape {matrix.shape}, expected (3, 3)")
    return Atoms(symbols, placed, cell=matrix, pbc=[bool(flag) for flag in periodic])


def material_of(document: dict[str, Any], path: Path, where: str) -> str:
    """The document's material or task, else the file's name without its endings."""
    for name in ("material_id", "task_id", "mpid", "mp_id"):
        value = document.get(name)
        if isinstance(value, str | int):
            return check_material(str(value), where)
    stem = path.name.removesuffix(path.suffix).removesuffix(".json")
    number = where.rpartition(" ")[2] if where != str(path) else ""
    return check_material(f"{stem}-{number}" if number else stem, where)


def axis_near(energy: np.ndarray, element: str, edge: str, given: Given, where: str) -> str:
    """What energies count from: of photons where they reach the tabulated edge, else the user's.

    Raises:
        ConfigError: they are far from the edge and the user gives no axis.
    """
    if given.axis is not None:
        return given.axis
    tabulated = find_edge(element, edge).energy
    if energy.min() - FAR < tabulated < energy.max() + FAR:
        return "absolute"
    raise ConfigError(
        f"{where}: energies {energy.min():.1f} .. {energy.max():.1f} eV are far from the {element}"
        f" {edge} edge at {tabulated:.1f} eV; say with --axis what they count from"
    )

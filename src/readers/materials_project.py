"""XAS objects of pymatgen as JSON, as the Materials Project gives them.

A file contains one object, a list of them, or documents of the Materials Project's API with the
object under `spectrum` (plain or compressed JSON; Mathew et al., Sci. Data 5, 180151 (2018)). An
object has `x` in eV, `y`, `structure`, `absorbing_element`, `edge`, `spectrum_type` and
`absorbing_index`; where the last is missing, the spectrum is the mean over all atoms of the element
in the structure. pymatgen is not needed. The objects name no unit, so their target is `as_given`
unless given.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError
from ..runtime.text_files import open_text
from ..structures.graph import check_atoms
from ..structures.names import LARGEST_Z
from ..structures.pymatgen import field, numbers, symbol_of, to_atoms
from ..xas.edges import FAR, find_edge
from .options import PACKED, Format, Given, check_material, edge_of, record_or_reason

LARGEST_FILE = 1_000_000_000
"""Characters of JSON beyond which a file is not read."""


def read_materials_project(
    path: str | Path, given: Given | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Yield a record for each object of a JSON file, plain or compressed, or why there is none.

    Raises:
        RecordError: the file is missing, cut, or no JSON of such objects.
        ConfigError: energies are far from the edge and the user does not say what they count from.
    """
    path, given = Path(path), given or Given()
    documents = load_documents(path)
    for number, document in enumerate(documents, start=1):
        where = f"{path}: object {number}" if len(documents) > 1 else str(path)
        yield record_or_reason(partial(to_record, document, path, where, given), given, where)


def load_documents(path: Path) -> list[Any]:
    """Objects or documents of a file, at least one, or RecordError."""
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
    """The record of an object; XanesError where a field is missing or wrong."""
    spectrum = document.get("spectrum", document) if isinstance(document, dict) else document
    kind = field(spectrum, "spectrum_type", str, where)
    if kind != "XANES":
        raise RecordError(f"{where}: `spectrum_type` is {kind!r}, expected XANES")
    element = symbol_of(field(spectrum, "absorbing_element", (str, dict), where), where)
    edge = edge_of(field(spectrum, "edge", str, where), given, where)
    atoms = to_atoms(field(spectrum, "structure", dict, where), where)
    check_atoms(atoms, LARGEST_Z)
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
        target=given.target or "as_given",
        code="FEFF",  # as of all XANES of the Materials Project
        version="",
        source=where,
        axis=axis_near(energy, element, edge, given, where),
        mean_over=absorbers if index is None else None,
    )


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


FORMAT = Format(
    title="XAS objects of the Materials Project",
    read=read_materials_project,
    matches=is_materials_project,
    suffixes=tuple(f".json{pack}" for pack in PACKED),
    refuses={"energy": "the objects state it"},
)

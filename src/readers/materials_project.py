"""XAS objects of pymatgen as JSON, as the Materials Project gives them.

A file contains one object, a list of them, or documents of the Materials Project's API with the
object under `spectrum` (plain or compressed JSON; Mathew et al., Sci. Data 5, 180151 (2018)). An
object has `x` in eV, `y`, `structure`, `absorbing_element`, `edge`, `spectrum_type` and
`absorbing_index`; where the last is missing, the spectrum is the mean over all atoms of the element
in the structure. Spectra of both L edges are called `L23` by pymatgen's `stitch` and `L2,3` by the
API. pymatgen is not needed. The objects name no unit, so their target is `as_given` unless the user
names it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..runtime.text_files import open_text
from ..structures.names import check_edge
from ..structures.pymatgen import field, numbers, symbol_of, to_atoms
from .options import PACKED, Format, ReadOptions, make_record, read_each, sites_of
from .plausibility import tabulated_edge

LARGEST_FILE = 1_000_000_000
"""Characters of JSON beyond which a file is not read."""
BEGINNING = 1_000_000
"""Characters in which a file's first object has its fields."""
FIELDS = ('"absorbing_element"', '"structure"', '"x"', '"y"')


def read_materials_project(
    path: str | Path, options: ReadOptions | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every object of a file; see ``options.read_each`` for what is yielded.

    Raises:
        RecordError: the file is missing, truncated, or no JSON of such objects.
        ConfigError: ``options`` contradict the first object.
    """
    path, options = Path(path), options or ReadOptions()
    documents = load_documents(path)
    sources = [f"{path}: object {k}" for k in range(1, len(documents) + 1)]
    sources = sources if len(documents) > 1 else [str(path)]
    materials = materials_of(documents, path, sources)
    makers = (
        (source, partial(to_record, document, material, source, options))
        for document, material, source in zip(documents, materials, sources, strict=True)
    )
    yield from read_each(makers, options)


def load_documents(path: Path) -> list[Any]:
    """Objects or documents of a file, at least one, or RecordError."""
    with open_text(path) as file:
        text = file.read(LARGEST_FILE)
        if file.read(1):
            raise RecordError(f"{path}: more than {LARGEST_FILE} characters of JSON")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: no JSON ({error})") from error
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        content = content["data"]
    documents = content if isinstance(content, list) else [content]
    if not documents:
        raise RecordError(f"{path}: an empty list, expected XAS objects")
    return documents


def is_materials_project(path: Path) -> bool:
    """Whether a file begins as JSON does and its beginning has the fields of an XAS object."""
    try:
        with open_text(path) as file:
            text = file.read(BEGINNING)
    except RecordError:
        return False
    return text.lstrip()[:1] in ("{", "[") and all(word in text for word in FIELDS)


def to_record(document: Any, material: str, source: str, options: ReadOptions) -> Record:
    """The record of an object; XanesError where a field is missing or wrong."""
    spectrum = spectrum_of(document)
    kind = field(spectrum, "spectrum_type", str, source)
    if kind != "XANES":
        raise RecordError(f"{source}: `spectrum_type` is {kind!r}, expected XANES")
    element = symbol_of(field(spectrum, "absorbing_element", (str, dict), source), source)
    edge = check_edge(edge_of(field(spectrum, "edge", str, source)), f"{source}: `edge`")
    atoms = to_atoms(field(spectrum, "structure", dict, source), source)
    index = spectrum.get("absorbing_index")
    if index is not None and index not in range(len(atoms)):
        raise RecordError(f"{source}: `absorbing_index` is {index!r}, not of {len(atoms)} atoms")
    sites = sites_of(atoms, element, source)
    if options.axis is None and tabulated_edge(element, edge) is None:
        raise RecordError(
            f"{source}: no tabulated edge {element} {edge} to check energies with; say with --axis"
            " what they count from"
        )
    return make_record(
        source,
        options,
        material=material,
        atoms=atoms,
        site=sites[0] if index is None else index,
        element=element,
        mu=numbers(field(spectrum, "y", list, source), "y", source),
        energy=numbers(field(spectrum, "x", list, source), "x", source),
        edge=edge,
        axis=options.axis or "absolute",
        code="FEFF",  # as of all XANES of the Materials Project
        mean_over=tuple(sites) if index is None else None,
    )


def spectrum_of(document: Any) -> dict[str, Any]:
    """The XAS object of a document; empty: there is none."""
    spectrum = document.get("spectrum", document) if isinstance(document, dict) else None
    return spectrum if isinstance(spectrum, dict) else {}


def edge_of(name: str) -> str:
    """Name of an edge here: `L23` for both L edges, which the API calls `L2,3`."""
    return name.replace("2,3", "23")


def materials_of(documents: list[Any], path: Path, sources: list[str]) -> Iterator[str]:
    """Material of each document, a name that is unique to a site.

    Where a site, or the mean, of a material has spectra of several elements or edges, the name ends
    with what differs, such as `mp-30-L23`.
    """
    spectra = []
    kinds = defaultdict[tuple[str, str], set[tuple[str, str]]](set)
    for document, source in zip(documents, sources, strict=True):
        fields = spectrum_of(document)
        site = material_of(document, path, source), str(fields.get("absorbing_index"))
        kind = str(fields.get("absorbing_element")), edge_of(str(fields.get("edge")))
        spectra.append((site, kind))
        kinds[site].add(kind)
    for site, kind in spectra:
        differ = (len(set(values)) > 1 for values in zip(*kinds[site], strict=True))
        yield "-".join([site[0], *compress(kind, differ)])


def material_of(document: Any, path: Path, source: str) -> str:
    """The document's material or task, else the file's name without its endings."""
    for name in ("material_id", "task_id", "mpid", "mp_id") if isinstance(document, dict) else ():
        if isinstance(document.get(name), str | int):
            return str(document[name])
    stem = path.name.removesuffix(path.suffix).removesuffix(".json")
    return stem if source == str(path) else f"{stem}-{source.rpartition(' ')[2]}"


FORMAT = Format(
    title="XAS objects of the Materials Project",
    read=read_materials_project,
    matches=is_materials_project,
    suffixes=tuple(f".json{pack}" for pack in PACKED),
    refuses=("energy",),
)

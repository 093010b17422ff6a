"""Candidates from a folder or database of structures, whose spectra are predicted once and kept."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..dataset.record import structure_digest
from ..errors import ConfigError, PredictionError, StructureError
from ..prediction.bulk import CHUNK, Source, begin, make_rows, read_sources, write_rows
from ..prediction.spectra_db import PredictedStructure, decode
from ..runtime.atomic_files import check_writable
from ..runtime.provenance import package_version
from ..runtime.text_files import printable
from ..structures.database import connect
from .candidates import Candidate, candidate_energies, make_candidate

STRUCTURE = re.compile(
    r"((POSCAR|CONTCAR).*|.+\.(cif|vasp|poscar|extxyz|xyz))(\.(gz|bz2|xz))?", re.IGNORECASE
)
"""Names of a folder's files that are structures."""
KEYS = ("structure", "material", "name", "material_id")
"""Key-value pairs of a row that name its structure, the first that it has."""


def library_candidates(
    model: TrainedModel, library: Path, kept: Path | None = None, elements: Sequence[str] = ()
) -> tuple[list[Candidate], list[str]]:
    """Predict the structures of a library that ``kept`` does not contain.

    Args:
        model: model that was read from a file.
        library: folder, searched with all folders in it, ASE database, or file of structures.
        kept: database of spectra, see ``read_spectra``, to read and to add to; one of another model
            is refused. None: a file in the user's cache folder for this model and library.
        elements: candidates contain no other elements; empty: any.

    Returns:
        Structures with a predicted spectrum, each once, and why others are skipped; those without
        the absorber are counted in one line.

    Raises:
        ConfigError: no such library, or no structure in it.
        DatabaseError: a database is damaged, ``kept`` is not one of this model, or another process
            is adding to it.
    """
    sources, skipped = choose_sources(model, library, elements)
    kept = kept or cache_file(model, library)
    check_writable(kept)
    predicted = predict_sources(model, sources, kept)
    candidates = []
    for digest, source in sources.items():
        structure = predicted[digest]
        try:
            if structure.error is not None:
                raise PredictionError(structure.error)
            sites = structure.predictions(source.name)
            candidates.append(make_candidate(model.info, source.name, sites))
        except StructureError as error:
            skipped.append(" ".join(str(error).split()))
    return candidates, skipped


def choose_sources(
    model: TrainedModel, library: Path, elements: Sequence[str]
) -> tuple[dict[str, Source], list[str]]:
    """Structures with the absorber by checksum, with unique names, and why others are skipped."""
    absorber, chosen, names, failed = model.info.element, dict[str, Source](), set[str](), []
    without, same = f"without {absorber}", "identical to another one"
    others = f"with other elements than {', '.join(elements)}"
    counts = dict.fromkeys((without, others, same), 0)
    for source in find_sources(library):
        if isinstance(source.structure, StructureError):
            failed.append(str(source.structure))
            continue
        symbols, digest = set(source.structure.symbols), structure_digest(source.structure)
        if absorber not in symbols:
            counts[without] += 1
        elif elements and symbols - set(elements):
            counts[others] += 1
        elif digest in chosen:
            counts[same] += 1
        else:
            name = name_of(source, names)
            names.add(name)
            chosen[digest] = replace(source, name=name)
    skipped = [f"{count} structures {why}" for why, count in counts.items() if count]
    if not (chosen or skipped or failed):
        raise ConfigError(f"{library}: contains no structure")
    return chosen, skipped + failed


def find_sources(library: Path) -> Iterator[Source]:
    """Structures of a folder, database or file."""
    if not library.exists():
        raise ConfigError(f"{library}: no such folder or database")
    files = [library]
    if library.is_dir():
        files = sorted(p for p in library.rglob("*") if STRUCTURE.fullmatch(p.name) and p.is_file())
    return read_sources(files)[0]


def name_of(source: Source, used: set[str]) -> str:
    """Formula of a structure, and its name where that is another."""
    formula = source.atoms.get_chemical_formula("metal", empirical=True)
    name = next((str(source.keys[key]) for key in KEYS if key in source.keys), source.name)
    name = printable(name)
    name = formula if name == formula else f"{formula} {name}"
    return name if name not in used else f"{name} ({source.row})"


def cache_file(model: TrainedModel, library: Path) -> Path:
    """Database of the spectra of a model and library, in the user's cache folder.

    Raises:
        ConfigError: the folder can't be made.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "e3gnn-xanes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; name a file with --spectra") from error
    edge = f"{model.info.element} {model.info.edge} {model.info.code}"  # of several in one file
    key = f"{model.sha256} {edge} {package_version('e3gnn-xanes')} {library.resolve()}"
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.db"


def predict_sources(
    model: TrainedModel, sources: dict[str, Source], kept: Path
) -> dict[str, PredictedStructure]:
    """Spectra of structures, by checksum; those that a database lacks are predicted and added."""
    energy = candidate_energies(model)
    begin(model, energy, kept)
    with connect(kept) as database:
        n_rows = database.count()
        predicted = {
            row.data["structure"]: decode(row.source_row, row.toatoms(), row.data)
            for row in database.select()
            if row.data["structure"] in sources
        }
    missing = [digest for digest in sources if digest not in predicted]
    with tqdm(total=len(missing), desc="predicting", unit="structure", disable=None) as bar:
        for first in range(0, len(missing), CHUNK):
            digests = missing[first : first + CHUNK]
            rows = make_rows(model, [sources[digest] for digest in digests], energy)
            write_rows(kept, n_rows + first, [rows])
            for digest, row in zip(digests, rows, strict=True):
                predicted[digest] = decode(sources[digest].row, row["atoms"], row["data"])
            bar.update(len(digests))
    return predicted

"""Candidates from a folder or database of structures, whose spectra are predicted once and kept."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..dataset.record import structure_digest
from ..errors import ConfigError, PredictionError, StructureError
from ..prediction.bulk import CHUNK, Source, begin, make_rows, read_sources, write_rows
from ..prediction.structure_prediction import SitePrediction
from ..runtime.atomic_files import check_writable, hold
from ..runtime.provenance import package_version
from ..runtime.text_files import printable
from ..structures.database import connect
from ..structures.names import formula
from .candidates import Candidate, candidate_energies, make_candidate

STRUCTURE = re.compile(
    r"((POSCAR|CONTCAR).*|.+\.(cif|vasp|poscar|extxyz|xyz))(\.(gz|bz2|xz))?", re.IGNORECASE
)
"""Names of a folder's files that are structures."""
KEYS = ("structure", "material", "name", "material_id")
"""Key-value pairs of a row that name its structure, the first that it has."""


@dataclass(frozen=True)
class Library:
    """Candidates of a folder or database."""

    candidates: list[Candidate]
    """Structures with a predicted spectrum, each once."""
    skipped: list[str]
    """Why others are not candidates; structures without the absorber are counted in one line."""


def library_candidates(
    model: TrainedModel, library: Path, kept: Path | None = None, elements: Sequence[str] = ()
) -> Library:
    """Predict the structures of a library that ``kept`` does not contain.

    Args:
        model: model that was read from a file.
        library: folder, searched with all folders in it, ASE database, or file of structures.
        kept: database of spectra, see ``read_spectra``, to read and to add to; one of another model
            is refused. None: a file in the user's cache folder for this model and library.
        elements: candidates contain no other elements; empty: any.

    Raises:
        ConfigError: no such library, no structure in it, or ``kept`` is being written by another
            process.
        DatabaseError: a database is damaged, or ``kept`` is not one of this model.
    """
    sources, skipped = choose_sources(model, library, elements)
    kept = kept or cache_file(model, library)
    check_writable(kept)
    with hold(kept.with_name(f"{kept.name}.lock")):
        predict_missing(model, sources, kept)
    candidates = []
    for source, sites in read_kept(sources, kept):
        try:
            if isinstance(sites, StructureError):
                raise sites
            candidates.append(make_candidate(model.info, source.name, sites))
        except StructureError as error:
            skipped.append(" ".join(str(error).split()))
    return Library(candidates, skipped)


def choose_sources(
    model: TrainedModel, library: Path, elements: Sequence[str]
) -> tuple[dict[str, Source], list[str]]:
    """Structures with the absorber by checksum, with unique names, and why others are skipped."""
    absorber, chosen, skipped = model.info.element, dict[str, Source](), list[str]()
    without = others = same = total = 0
    names = set[str]()
    for source in find_sources(library):
        total += 1
        if isinstance(source.structure, StructureError):
            skipped.append(str(source.structure))
            continue
        symbols, digest = set(source.structure.symbols), structure_digest(source.structure)
        if absorber not in symbols:
            without += 1
        elif elements and symbols - set(elements):
            others += 1
        elif digest in chosen:
            same += 1
        else:
            name = name_of(source.structure, source, names)
            names.add(name)
            chosen[digest] = Source(source.row, name, source.structure, source.keys)
    if not total:
        raise ConfigError(f"{library}: contains no structure")
    reasons = {
        f"without {absorber}": without,
        f"with other elements than {', '.join(elements)}": others,
        "identical to another one": same,
    }
    return chosen, [*(f"{n} structures {why}" for why, n in reasons.items() if n), *skipped]


def find_sources(library: Path) -> Iterator[Source]:
    """Structures of a folder, database or file."""
    if not library.exists():
        raise ConfigError(f"{library}: no such folder or database")
    files = [library]
    if library.is_dir():
        files = sorted(p for p in library.rglob("*") if STRUCTURE.fullmatch(p.name) and p.is_file())
    return read_sources(files)[0]


def name_of(atoms: Atoms, source: Source, used: set[str]) -> str:
    """Formula of a structure, and its name where that is another."""
    formula = atoms.get_chemical_formula("metal", empirical=True)
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
    key = f"{model.sha256} {package_version('e3gnn-xanes')} {library.resolve()}"
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.db"


def predict_missing(model: TrainedModel, sources: dict[str, Source], kept: Path) -> None:
    """Predict the structures that a database of spectra does not contain, and add them to it."""
    energy = candidate_energies(model)
    begin(model, energy, kept)
    with connect(kept) as database:
        done, n_rows = {row.data["structure"] for row in database.select()}, database.count()
    missing = [source for digest, source in sources.items() if digest not in done]
    with tqdm(total=len(missing), desc="predicting", unit="structure", disable=None) as bar:
        for first in range(0, len(missing), CHUNK):
            chunk = missing[first : first + CHUNK]
            write_rows(kept, n_rows + first, [make_rows(model, chunk, energy)])
            bar.update(len(chunk))


def read_kept(
    sources: dict[str, Source], kept: Path
) -> Iterator[tuple[Source, list[SitePrediction] | StructureError]]:
    """Sites of every structure from a database of spectra, in the order of the structures."""
    with connect(kept) as database:
        rows = {row.data["structure"]: row for row in database.select()}
    for digest, source in sources.items():
        data = rows[digest].data
        if data["error"] is not None:
            yield source, PredictionError(data["error"])
            continue
        energy, unseen, novel = data["energy"], tuple(data["unseen"]), data.get("novel")
        mu = np.asarray(data["mu"], dtype=float).reshape(-1, len(energy))
        half = None
        if "upper" in data:
            half = 0.5 * (np.asarray(data["upper"], dtype=float) - data["lower"])
        yield (
            source,
            [
                SitePrediction(
                    structure=source.name,
                    site=int(site),
                    equivalent=[int(site)],
                    energy=energy,
                    mu=mu[k],
                    half_width=None if half is None else half[k],
                    novel=novel is not None and bool(novel[k]),
                    unseen=unseen,
                    formula=formula(rows[digest].numbers, bool(rows[digest].pbc.any())),
                )
                for k, site in enumerate(data["sites"])
            ],
        )

"""Many structures to one database of spectra, streamed and shared by processes.

Structures are taken in chunks. A batch does not cross a chunk, and rows are committed in the order
of the structures, so that the file is the same with any number of processes and however often it
is interrupted: what follows its last row is what remains to be done.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..dataset.record import structure_digest
from ..errors import ConfigError, DatabaseError, StructureError
from ..runtime.atomic_files import check_writable
from ..runtime.distributed import Team
from ..runtime.provenance import package_version
from ..runtime.text_files import SQLITE_MAGIC, starts_with
from ..structures.database import connect, read_row, row_ids
from ..structures.files import each_structure
from .site_prediction import SitePrediction, predict_each
from .spectra_db import (
    FORMAT,
    BulkSummary,
    begin,
    count_rows,
    summarize,
)

CHUNK = 64
"""Structures read, predicted and committed at once; bounds memory and what a kill costs."""


@dataclass(frozen=True)
class Source:
    """A structure to predict."""

    row: int
    """Its row in a database, or its number, from 1, among those of files."""
    name: str
    """What to call it in messages."""
    structure: Atoms | StructureError
    """The structure, or why it can't be read."""
    keys: dict[str, Any] = field(default_factory=dict)
    """Key-value pairs of its row; of one from a file ``structure`` and ``file``."""

    @property
    def atoms(self) -> Atoms:
        """The structure as ASE can write it; without atoms where it can't be read or written."""
        if isinstance(self.structure, Atoms):
            numbers = self.structure.numbers
            if ((numbers >= 0) & (numbers < len(chemical_symbols))).all():
                return self.structure
        return Atoms()


def predict_database(
    model: TrainedModel,
    source: Path | Sequence[Path],
    output: Path,
    team: Team | None = None,
    energy: np.ndarray | None = None,
) -> BulkSummary:
    """Predict every atom of the model's element in all structures of a database or of files.

    Rows that ``output`` has already are checked to be of these structures, and skipped.

    Args:
        model: model on the team's device.
        source: ASE database (SQLite) of structures or of records, or files that ASE reads.
        output: database to write, see ``read_spectra``, or to continue.
        team: processes that share the work; None: this one alone.
        energy: see ``predict_structures``.

    Returns:
        What ``output`` contains.

    Raises:
        ConfigError: the model names no element, the energies are out of its range, the output's
            folder does not exist, or the output exists and the model was not read from a file.
        DatabaseError: there is no structure, a source is no ASE database, or the output is not
            one of this model, these energies and these structures.
    """
    team = team or Team()
    if model.info.element is None:
        raise ConfigError("the model names no element, so no absorbers can be chosen")
    grid = model.energies(energy).energy
    check_writable(output)
    structures, total = find_structures(source)
    if total == 0:
        raise DatabaseError(f"{source}: contains no structure")
    signature = {"format": FORMAT, "model": f"sha256 {model.sha256}", "energy": grid.tolist(),
                 "version": package_version("e3gnn-xanes")}  # fmt: skip
    about = {name: getattr(model.info, name) for name in ("element", "edge", "target", "unit")}
    if team.leads:
        if model.sha256 is None and output.exists():
            raise ConfigError(
                f"{output}: exists, and a model that was not read from a file can't continue it;"
                " save the model and load it, or name another output"
            )
        begin(output, signature, {**about, "provenance": model.provenance()})
    team.wait()
    n_done, number = count_rows(output), 0
    bar = tqdm(total=total, desc="predicting", disable=None if team.leads else True,
               unit="structure")  # fmt: skip
    with bar:
        while loaders := list(islice(structures, CHUNK * team.size)):
            first = CHUNK * team.rank
            chunk = [load() for load in loaders[first : first + CHUNK]]
            done = max(0, min(n_done - number - first, len(chunk)))
            check_done(output, number + first, chunk[:done])
            rows = make_rows(model, chunk[done:], grid)
            write_rows(output, max(n_done, number), team.gather(rows))
            number += len(loaders)
            bar.update(len(loaders))
    if number < n_done:
        raise DatabaseError(f"{output}: has {n_done} rows, but there are {number} structures now")
    team.wait()
    return summarize(output)


def find_structures(
    source: Path | Sequence[Path],
) -> tuple[Iterator[Callable[[], Source]], int | None]:
    """Functions that read a structure each, and how many there are; None: not known."""
    paths = [source] if isinstance(source, Path) else source
    if len(paths) == 1 and paths[0].is_file() and starts_with(paths[0], SQLITE_MAGIC):
        return rows_of_database(paths[0]), count_rows(paths[0])
    if isinstance(source, Path):
        count_rows(source)  # which says that it is no database
    return structures_of_files(paths), None


def rows_of_database(path: Path) -> Iterator[Callable[[], Source]]:
    """Yield a function for every row of a database of structures, which reads it."""
    with connect(path) as database:
        for row in row_ids(path):
            yield partial(read_source, database, path, row)


def read_source(database: Any, path: Path, row: int) -> Source:
    """Read a row; see ``read_row``."""
    structure, keys = read_row(database, path, row)
    return Source(row, f"row {row}", structure, keys)


def structures_of_files(paths: Sequence[Path]) -> Iterator[Callable[[], Source]]:
    """Yield a function for every structure in files, elements, positions and cell alone."""
    for number, (path, name, read) in enumerate(each_structure(paths), start=1):
        structure: Atoms | StructureError = read
        if isinstance(read, Atoms):
            structure = Atoms(read.numbers, read.positions, cell=read.cell, pbc=read.pbc)
            structure.info |= {k: v for k, v in read.info.items() if k == "occupancy"}
        keys = {"structure": name, "file": str(path)}
        yield partial(Source, number, f"{path}: {name}", structure, keys)


def make_rows(
    model: TrainedModel, sources: Sequence[Source], energy: np.ndarray
) -> list[dict[str, Any]]:
    """Predict structures: arguments of ASE's ``write``, a row for each; a failure is a row too."""
    named = [(source.name, source.structure) for source in sources]
    predicted = predict_each(model, named, energy=energy, at_once=CHUNK)
    return [_row(model, *pair, energy) for pair in zip(sources, predicted, strict=True)]


def _row(
    model: TrainedModel,
    source: Source,
    predicted: list[SitePrediction] | StructureError,
    energy: np.ndarray,
) -> dict[str, Any]:
    """Row of one structure; equivalent sites each have their spectrum."""
    failed = isinstance(predicted, StructureError)
    groups = [] if isinstance(predicted, StructureError) else predicted
    sites = sorted(((k, group) for group in groups for k in group.equivalent), key=lambda s: s[0])
    single = model.network.coefficient_mean.dtype == torch.float32
    kind = np.float32 if single else np.float64
    unseen = list(groups[0].unseen) if groups else []
    data: dict[str, Any] = {
        "sites": np.array([site for site, _ in sites], dtype=int),
        "energy": energy,
        "mu": np.array([of.mu for _, of in sites], dtype=kind).reshape(len(sites), len(energy)),
        "error": str(predicted) if failed else None,
        "unseen": unseen,
        "structure": structure_digest(source.atoms),
        "source_keys": source.keys,
    }
    keys: dict[str, int | str] = {"source_row": source.row, "predicted": int(not failed),
                                  "n_spectra": len(sites), "unseen": int(bool(unseen))}  # fmt: skip
    for name in ("element", "edge"):
        if (value := getattr(model.info, name)) is not None:
            keys["absorber" if name == "element" else name] = value
    if model.calibration is not None and not failed:
        data["lower"] = np.array([of.lower for _, of in sites], dtype=kind)
        data["upper"] = np.array([of.upper for _, of in sites], dtype=kind)
        data["novel"] = np.array([of.novel for _, of in sites])
        keys["novel"] = int(data["novel"].any())
    return {"atoms": source.atoms, "key_value_pairs": keys, "data": data}


def check_done(output: Path, before: int, sources: Sequence[Source]) -> None:
    """Raise DatabaseError where rows after the first ``before`` are not of these structures."""
    if not sources:
        return
    with connect(output) as database:
        for offset, source in enumerate(sources, start=1):
            row = database.get(id=before + offset)
            same = row.data["structure"] == structure_digest(source.atoms)
            if row.source_row != source.row or not same:
                raise DatabaseError(
                    f"{output}: row {before + offset} is not of structure {source.row},"
                    f" {source.name}; the structures have changed, so name another output"
                )


def write_rows(output: Path, before: int, of_processes: list[list[dict[str, Any]]]) -> None:
    """Commit rows together, in order; there are none on other processes than the first.

    Raises:
        DatabaseError: the output has not ``before`` rows, as when another run writes it too.
    """
    rows = [row for rows in of_processes for row in rows]
    if not rows:
        return
    # the volume of a cell that is not finite, in a row of a failure
    with connect(output) as database, np.errstate(all="ignore"):
        if database.count() != before:
            raise DatabaseError(f"{output}: another process is writing it")
        for row in rows:
            database.write(**row)

"""Many structures to one database of spectra, streamed and shared by processes.

Structures are taken in chunks. A batch does not cross a chunk, and rows are committed in the order
of the structures, so that the file is the same with any number of processes and however often it
is interrupted: what follows its last row is what remains to be done.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from tqdm import tqdm

from ..checkpoints.energy_scale import describe_energies
from ..checkpoints.trained_model import TrainedModel
from ..dataset.record import structure_digest
from ..errors import ConfigError, DatabaseError, StructureError
from ..runtime.atomic_files import abridged, check_writable
from ..runtime.distributed import Team
from ..runtime.provenance import package_version
from ..runtime.text_files import is_sqlite
from ..structures.database import check_sqlite, connect, read_rows, row_ids
from ..structures.files import each_structure
from .site_prediction import predict_each
from .spectra_db import FORMAT, BulkSummary, summarize
from .structure_prediction import SitePrediction

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
    keys: dict[str, Any]
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

    Args:
        model: model on the team's device.
        source: ASE database (SQLite) of structures or of records, or files that ASE reads.
        output: database to write, see ``read_spectra``, or to continue: structures that have a row
            are compared with it, and skipped.
        team: processes that share the work; None: this one alone.
        energy: see ``predict_structures``.

    Raises:
        ConfigError: the model names no element, the energies are out of its range, the output's
            folder does not exist, or the output exists and the model was not read from a file.
        DatabaseError: there is no structure, a source is no ASE database, or the output is of
            another model, other energies or structures.
    """
    team = team or Team()
    grid = model.energies(energy).energy
    if model.info.element is None:
        raise ConfigError("the model names no element, so no absorbers can be chosen")
    check_writable(output)
    sources, total = read_sources(source)
    if team.leads:
        begin(model, grid, output)
    team.wait()
    n_rows = check_done(output, sources)
    with tqdm(
        total=total, initial=n_rows, desc="predicting", unit="structure",
        disable=None if team.leads else True,
    ) as bar:  # fmt: skip
        while chunk := list(islice(sources, CHUNK * team.size)):
            mine = chunk[CHUNK * team.rank :][:CHUNK]
            write_rows(output, n_rows, team.gather(make_rows(model, mine, grid)))
            n_rows += len(chunk)
            bar.update(len(chunk))
    team.wait()
    return summarize(output)


def begin(model: TrainedModel, energy: np.ndarray, output: Path) -> None:
    """Start a database of spectra, or check that it is one of this model and these energies."""
    if model.sha256 is None and output.exists():
        raise ConfigError(
            f"{output}: exists, and a model that was not read from a file can't continue it; save"
            " the model and load it, or name another output"
        )
    if output.exists() and output.stat().st_size:
        check_sqlite(output)
    signature = {
        "format": FORMAT, "model": f"sha256 {model.sha256}", "energy": energy.tolist(),
        "energies_are": describe_energies(model), "version": package_version("e3gnn-xanes"),
    }  # fmt: skip
    with connect(output) as connection:
        before = connection.metadata
        if not before and connection.count() == 0:
            about = {n: getattr(model.info, n) for n in ("element", "edge", "target", "unit")}
            connection.metadata = {**signature, **about, "provenance": model.provenance()}
            return
    if before.get("format") != FORMAT:
        raise DatabaseError(f"{output}: not a database of predicted spectra; name another output")
    differences = [
        f"{key} was {abridged(before.get(key))}, is {abridged(new)}"
        for key, new in signature.items()
        if before.get(key) != new
    ]
    if differences:
        raise DatabaseError(
            f"{output}: contains predictions of other work, {'; '.join(differences)}; name another"
            " output"
        )


def read_sources(source: Path | Sequence[Path]) -> tuple[Iterator[Source], int | None]:
    """Structures of a database or of files, and how many there are; None: not known."""
    paths = [source] if isinstance(source, Path) else source
    if isinstance(source, Path) or (len(paths) == 1 and is_sqlite(paths[0])):
        rows = row_ids(paths[0])
        if not rows:
            raise DatabaseError(f"{paths[0]}: contains no structure")
        read = read_rows(paths[0], rows)
        return (Source(row, f"row {row}", atoms, keys) for row, atoms, keys in read), len(rows)
    return read_files(paths), None


def read_files(paths: Sequence[Path]) -> Iterator[Source]:
    """Yield the structures of files, elements, positions and cell alone."""
    for number, (path, name, structure) in enumerate(each_structure(paths), start=1):
        if isinstance(structure, Atoms):
            info = {k: v for k, v in structure.info.items() if k == "occupancy"}
            cell, pbc = structure.cell, structure.pbc
            structure = Atoms(structure.numbers, structure.positions, cell=cell, pbc=pbc, info=info)
        keys = {"structure": name, "file": str(path)}
        yield Source(number, f"{path}: {name}", structure, keys)


def check_done(output: Path, sources: Iterator[Source]) -> int:
    """Take the structures that ``output`` has rows of; DatabaseError for a row of another one."""
    rows = row_ids(output)
    with connect(output) as database:
        for number in rows:
            row, source = database.get(id=number), next(sources, None)
            if source is None:
                raise DatabaseError(f"{output}: row {number} is of no structure of the input")
            expected = source.row, structure_digest(source.atoms)
            if (row.source_row, row.data["structure"]) != expected:
                raise DatabaseError(
                    f"{output}: row {number} is not of structure {source.row}, {source.name}; the"
                    " structures have changed, so name another output"
                )
    return len(rows)


def make_rows(
    model: TrainedModel, sources: Sequence[Source], energy: np.ndarray
) -> list[dict[str, Any]]:
    """Predict structures: arguments of ASE's ``write``, a row for each; a failure is a row too."""
    named = ((source.name, source.structure) for source in sources)
    predicted = predict_each(model, named, energy=energy, at_once=CHUNK)
    return [make_row(model, *pair, energy) for pair in zip(sources, predicted, strict=True)]


def make_row(
    model: TrainedModel,
    source: Source,
    predicted: list[SitePrediction] | StructureError,
    energy: np.ndarray,
) -> dict[str, Any]:
    """Row of one structure; equivalent sites each have their spectrum."""
    error, groups = None, list[SitePrediction]()
    if isinstance(predicted, StructureError):
        error = str(predicted)
    else:
        groups = predicted
    pairs = sorted(((k, one) for one in groups for k in one.equivalent), key=itemgetter(0))
    sites, groups = [site for site, _ in pairs], [one for _, one in pairs]
    single = model.network.coefficient_mean.dtype == torch.float32
    dtype = np.float32 if single else np.float64
    unseen = list(groups[0].unseen) if groups else []
    data: dict[str, Any] = {
        "sites": np.array(sites, dtype=int),
        "energy": energy,
        "mu": np.array([one.mu for one in groups], dtype).reshape(-1, len(energy)),
        "error": error,
        "unseen": unseen,
        "structure": structure_digest(source.atoms),
        "source_keys": source.keys,
    }
    keys: dict[str, int | str | None] = {
        "source_row": source.row,
        "predicted": int(error is None),
        "n_spectra": len(sites),
        "unseen": int(bool(unseen)),
        "absorber": model.info.element,
        "edge": model.info.edge,
    }
    if groups and model.calibration is not None:
        for end in ("lower", "upper"):
            data[end] = np.array([getattr(one, end) for one in groups], dtype)
    if groups and (model.calibration is not None or model.info.chemistry is not None):
        data["novel"] = np.array([one.novel for one in groups])
        keys["novel"] = int(data["novel"].any())
    keys = {name: value for name, value in keys.items() if value is not None}
    return {"atoms": source.atoms, "key_value_pairs": keys, "data": data}


def write_rows(output: Path, before: int, of_processes: list[list[dict[str, Any]]]) -> None:
    """Commit rows together, in order; there are none on other processes than the first.

    Raises DatabaseError if the output has not ``before`` rows: another run writes it, too.
    """
    if not of_processes:
        return
    # the volume of a cell that is not finite, in a row of a failure
    with connect(output) as database, np.errstate(all="ignore"):
        if database.count() != before:
            raise DatabaseError(f"{output}: another process is writing it")
        for rows in of_processes:
            for row in rows:
                database.write(**row)

"""Bulk prediction: a database of structures to one of spectra, streamed, shared by processes.

Rows are dealt out in chunks. Batches do not cross a chunk and a chunk is committed at once, so that
the spectra are the same bit for bit with any number of processes and after any interruption.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..dataset.record import structure_digest
from ..errors import ConfigError, DatabaseError, PredictionError, StructureError
from ..runtime.atomic_files import sync_folder
from ..runtime.distributed import Team
from ..runtime.versions import package_version
from ..structures.absorbers import choose_sites, unknown_elements
from ..structures.graph import check_atoms
from .inference import PredictedSites, check_predicted, predict_sites
from .spectra_db import (
    FORMAT,
    BulkSummary,
    connect,
    count_rows,
    merge,
    row_chunks,
    set_signature,
    summarize,
)
from .structures_db import StoredStructure, read_structure

CHUNK = 64
"""Structures read, predicted and committed at once; bounds memory and what a kill costs."""


class RowPredictor:
    """From rows of structures to rows of spectra."""

    def __init__(self, model: TrainedModel, energy: np.ndarray | None) -> None:
        """Choose the energies; see ``predict_structures``.

        Raises:
            ConfigError: the model names no element, or the energies are out of range.
        """
        if model.info.element is None:
            raise ConfigError("the model names no element, so no absorbers can be chosen")
        self.model, self.info = model, model.info
        axis = model.energies(energy)
        self.energy, self.relative = axis.energy, axis.relative
        single = model.network.coefficient_mean.dtype == torch.float32
        self.mu_type = np.float32 if single else np.float64

    def predict(self, structures: Sequence[StoredStructure]) -> list[dict[str, Any]]:
        """Arguments of ASE's ``write`` for the rows of spectra; a failure is a row too."""
        found: list[dict[str, Any]] = []
        graphs, owners = [], []
        for structure in structures:
            sites, error = [], structure.error
            try:
                if error is None:
                    check_atoms(structure.atoms, self.model.network.max_z)
                    sites = choose_sites(structure.atoms, self.info.element, None)
                    graphs.append(self.model.graph(structure.atoms, sites))
                    owners.append(len(found))
            except StructureError as reason:
                sites, error = [], str(reason)
            found.append(self._describe(structure, sites, error))
        for number, spectra in predict_sites(self.model, graphs, self.relative):
            place = owners[number]
            filled = found[place]
            try:
                check_predicted(spectra, [f"site {site}" for site in filled["data"]["sites"]])
                self._fill(filled, spectra)
            except PredictionError as reason:
                found[place] = self._describe(structures[place], [], str(reason))
        return found

    def _fill(self, row: dict[str, Any], sites: PredictedSites) -> None:
        """Put spectra in their row, with bands where the model is calibrated."""
        row["data"]["mu"] = sites.mu.astype(self.mu_type)
        if sites.bands is not None:
            half, novel = sites.bands.half_width, sites.bands.novel
            row["data"]["lower"] = (sites.mu - half).astype(self.mu_type)
            row["data"]["upper"] = (sites.mu + half).astype(self.mu_type)
            row["data"]["novel"] = novel
            row["key_value_pairs"]["novel"] = int(novel.any())

    def _describe(
        self, structure: StoredStructure, sites: list[int], error: str | None
    ) -> dict[str, Any]:
        """A row of spectra whose spectra are still to come."""
        unseen = [] if error else unknown_elements(structure.atoms, self.info.elements)
        keys: dict[str, int | str] = {
            "source_row": structure.row,
            "predicted": int(error is None),
            "n_spectra": len(sites),
            "unseen": int(bool(unseen)),
        }
        for name, value in (("absorber", self.info.element), ("edge", self.info.edge)):
            if value is not None:
                keys[name] = value
        data = {
            "sites": np.asarray(sites, dtype=int),
            "energy": self.energy,
            "mu": np.zeros((0, len(self.energy)), dtype=self.mu_type),
            "error": error,
            "unseen": unseen,
            "structure": structure_digest(structure.atoms),
            "source_keys": structure.keys,
        }
        numbers = structure.atoms.numbers  # ASE can't write others
        writable = bool(((numbers >= 0) & (numbers < len(chemical_symbols))).all())
        atoms = structure.atoms if writable else Atoms()
        return {"atoms": atoms, "key_value_pairs": keys, "data": data}


def predict_database(
    model: TrainedModel,
    source: Path,
    output: Path,
    team: Team,
    energy: np.ndarray | None = None,
) -> BulkSummary:
    """Predict all structures of an ASE database, every atom of the model's element.

    Each process writes its own file beside the output. The same call goes on where an interrupted
    one stopped; at the end the files are joined in the order of the input and removed.

    Args:
        model: model, on the team's device.
        source: ASE database (SQLite) of structures or of records.
        output: database to write, which must not exist.
        team: the processes.
        energy: see ``predict_structures``.

    Returns:
        What was done.

    Raises:
        ConfigError: see ``RowPredictor`` and ``check_output``.
        DatabaseError: the source is no ASE database, or an interrupted run did other work.
    """
    predictor, info = RowPredictor(model, energy), model.info
    parts = part_paths(output, team.size)
    check_output(output, parts)
    signature = {
        "format": FORMAT, "model": f"sha256 {model.sha256}", "energy": predictor.energy.tolist(),
        "source": source.name, "rows": count_rows(source), "chunk": CHUNK, "element": info.element,
        "edge": info.edge, "target": info.target, "unit": info.unit, "processes": team.size,
        "version": package_version("e3gnn-xanes"),
    }  # fmt: skip
    if signature["rows"] == 0:
        raise DatabaseError(f"{source}: holds no structure")
    team.wait()  # all have looked for leftovers before anybody leaves some
    predict_part(predictor, source, parts[team.rank], signature, team, model.provenance())
    team.wait()
    if team.leads:
        finish(parts, source, output)
    team.wait()
    return summarize(output)


def predict_part(
    predictor: RowPredictor,
    source: Path,
    part: Path,
    signature: dict[str, Any],
    team: Team,
    origin: dict[str, str] | None = None,
) -> None:
    """Predict every chunk whose turn it is, from the first that is not there yet.

    Raises:
        DatabaseError: what is there already is not of these structures.
    """
    done, position = set_signature(part, signature, origin), 0
    hidden = None if team.leads else True
    bar = tqdm(total=signature["rows"], desc="predicting", disable=hidden, unit="structure")
    with bar, connect(source) as structures:
        for number, ids in enumerate(row_chunks(source, CHUNK)):
            if number % team.size == team.rank:
                rows = [read_structure(structures, source, row) for row in ids]
                # the volume of a cell that is not finite, in a row of a failure
                with connect(part) as written, np.errstate(all="ignore"):
                    if position < done:
                        check_done(written, part, position, rows)
                    else:
                        for values in predictor.predict(rows):
                            written.write(**values)
                position += len(ids)
            bar.update(len(ids))


def check_done(written: Any, part: Path, position: int, rows: Sequence[StoredStructure]) -> None:
    """Raise DatabaseError where rows that an interrupted run wrote are not of these structures."""
    for offset, row in enumerate(rows, start=1):
        try:
            found = written.get(id=position + offset)
        except KeyError as error:
            raise DatabaseError(
                f"{part}: ends within a chunk, at row {position + offset - 1}; remove it"
            ) from error
        digest = structure_digest(row.atoms)
        if found.source_row != row.row or found.data["structure"] != digest:
            raise DatabaseError(
                f"{part}: row {position + offset} is not of the structure that row {row.row} holds"
                " now; the structures have changed since the interrupted run, so remove the file"
            )


def part_paths(output: Path, size: int) -> list[Path]:
    """Files of all processes beside the output."""
    return [output.with_name(f"{output.name}.part-{rank}-of-{size}") for rank in range(size)]


def check_output(output: Path, parts: list[Path]) -> None:
    """Refuse to begin where the output can't be made.

    Raises:
        ConfigError: it exists, its folder does not, or beside it are the files of a run with
            another number of processes.
    """
    if output.exists():
        raise ConfigError(f"{output}: is there already; remove it or give another name")
    if not output.parent.is_dir():
        raise ConfigError(f"{output}: the folder {output.parent} does not exist")
    there = {
        path for path in output.parent.iterdir() if path.name.startswith(f"{output.name}.part-")
    }
    others = sorted(path.name for path in there - set(parts) if not path.name.endswith("-journal"))
    if others:
        raise ConfigError(
            f"{output}: {', '.join(others)} is left of an interrupted run with another number of"
            f" processes than {len(parts)}; go on with that number, or remove the files"
        )


def finish(parts: list[Path], source: Path, output: Path) -> None:
    """Join the files of all processes beside the output, put it in its place and remove them."""
    beside = output.with_name(f".{output.name}.joined")
    beside.unlink(missing_ok=True)
    merge(parts, row_chunks(source, CHUNK), beside)
    beside.replace(output)
    sync_folder(output.parent)  # the new name is to last before the parts go
    for part in parts:
        part.unlink()

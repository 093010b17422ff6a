"""Databases of predicted spectra: ASE SQLite files with one row per structure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..errors import DatabaseError
from ..structures.database import connect, query, row_ids

FORMAT = "e3gnn-xanes spectra 1"
EXAMPLES = 1000
"""Failures that a summary names; the others are counted."""


@dataclass(frozen=True)
class PredictedStructure:
    """A row of a database of spectra."""

    source_row: int
    """Row of the structure in the input database, or its number, from 1, among those of files."""
    atoms: Atoms
    """The structure; without atoms where it could not be read."""
    sites: np.ndarray
    """0-based indices of the absorbers, shape (n_absorbers,); empty after a failure."""
    energy: np.ndarray
    """Energies, eV, absolute if the model has a reference energy, shape (n_energies,)."""
    mu: np.ndarray
    """Absorption in the model's unit, shape (n_absorbers, n_energies)."""
    error: str | None
    """Why the structure could not be predicted; None: it was."""
    unseen: list[str]
    """Elements that are absent from the training set; do not trust the spectra of such a row."""
    source_keys: dict[str, Any]
    """Key-value pairs of the input row; of a structure from a file ``structure`` and ``file``."""
    lower: np.ndarray | None
    """Lower end of the band, shape of ``mu``. None: a failure, or the model is not calibrated."""
    upper: np.ndarray | None
    """Upper end of the band, shape of ``mu``."""
    novel: np.ndarray | None
    """Whether each site is unlike anything that the model was trained on, (n_absorbers,)."""


@dataclass(frozen=True)
class BulkSummary:
    """Numbers of structures, and of their spectra, in a database of spectra."""

    structures: int
    """Structures in all."""
    spectra: int
    """Spectra predicted."""
    unseen: int
    """Structures with elements that are absent from the training set."""
    failed: int
    """Structures that could not be predicted."""
    reasons: list[str]
    """Reasons of the first failures."""
    novel: int
    """Structures with sites that are unlike anything that the model was trained on."""


def summarize(path: Path) -> BulkSummary:
    """Count structures, spectra and failures of a database of spectra."""
    sums = dict(query(path, "SELECT key, sum(value) FROM number_key_values GROUP BY key"))
    with connect(path) as connection:
        structures = connection.count()
        reasons = [row.data["error"] for row in connection.select(predicted=0, limit=EXAMPLES)]
    return BulkSummary(
        structures=structures,
        spectra=int(sums.get("n_spectra", 0)),
        unseen=int(sums.get("unseen", 0)),
        failed=structures - int(sums.get("predicted", 0)),
        reasons=reasons,
        novel=int(sums.get("novel", 0)),
    )


def read_spectra(path: str | Path) -> Iterator[PredictedStructure]:
    """Read a database of predicted spectra, one structure after the other, in the input's order.

    Args:
        path: file that ``predict MODEL structures.db -o spectra.db`` wrote.

    Yields:
        The structures with their spectra.

    Raises:
        DatabaseError: missing, or not such a file.
    """
    path = Path(path)
    rows = row_ids(path)
    with connect(path) as connection:
        if connection.metadata.get("format") != FORMAT:
            raise DatabaseError(f"{path}: not a database of predicted spectra")
        for row in map(connection.get, rows):
            data, energy = row.data, np.asarray(row.data["energy"])
            yield PredictedStructure(
                source_row=int(row.source_row),
                atoms=row.toatoms(),
                sites=np.asarray(data["sites"], dtype=int),
                energy=energy,
                mu=np.asarray(data["mu"]).reshape(-1, len(energy)),
                error=data["error"],
                unseen=list(data["unseen"]),
                source_keys=dict(data["source_keys"]),
                **{name: data.get(name) for name in ("lower", "upper", "novel")},
            )

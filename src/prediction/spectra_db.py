"""Databases of predicted spectra: ASE SQLite files with one row per structure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..errors import DatabaseError
from ..runtime.atomic_files import abridged
from ..structures.database import check_sqlite, connect, query, row_ids

FORMAT = "e3gnn-xanes spectra 1"
EXAMPLES = 1000
"""Failures that a summary names; the others are counted."""


@dataclass(frozen=True)
class PredictedStructure:
    """What a bulk prediction says of one structure."""

    source_row: int
    """Row of the structure in the database that was predicted; of one from a file its number."""
    atoms: Atoms
    sites: np.ndarray
    """0-based indices of the absorbers, shape (n_absorbers,); empty after a failure."""
    energy: np.ndarray
    """Energies, eV, absolute if the model has a reference energy, shape (n_energies,)."""
    mu: np.ndarray
    """Absorption in the model's unit, shape (n_absorbers, n_energies)."""
    error: str | None
    """Why the structure could not be predicted; None: it was."""
    unseen: list[str]
    """Elements that the model was not trained on; its spectra are not to be trusted there."""
    source_keys: dict[str, Any]
    """Key-value pairs of the structure's row in the database that was predicted."""
    lower: np.ndarray | None = None
    """Lower end of the band, shape of ``mu``. None: a failure, or the model is not calibrated."""
    upper: np.ndarray | None = None
    """Upper end of the band, shape of ``mu``."""
    novel: np.ndarray | None = None
    """Whether each site is unlike anything that the model was trained on, (n_absorbers,)."""


@dataclass(frozen=True)
class BulkSummary:
    """What a bulk prediction did."""

    structures: int
    """Structures in all."""
    spectra: int
    """Spectra predicted."""
    unseen: int
    """Structures with elements that the model was not trained on."""
    failed: int
    """Structures that could not be predicted."""
    examples: list[tuple[int, str]]
    """Row and reason of the first failures."""
    novel: int = 0
    """Structures with sites that are unlike anything that the model was trained on."""


def count_rows(path: Path) -> int:
    """Number of rows of a database.

    Raises:
        DatabaseError: missing, or not an ASE database.
    """
    check_sqlite(path)
    return int(query(path, "SELECT count(*) FROM systems")[0][0])


def summarize(path: Path) -> BulkSummary:
    """Count what a database of spectra holds."""
    number = "SELECT {} FROM number_key_values WHERE key = '{}'"
    total = query(path, number.format("sum(value)", "n_spectra"))[0][0]
    unseen = query(path, number.format("count(*)", "unseen") + " AND value = 1")[0][0]
    novel = query(path, number.format("count(*)", "novel") + " AND value = 1")[0][0]
    failed = " AND value = 0"
    n_failed = query(path, number.format("count(*)", "predicted") + failed)[0][0]
    first = number.format("id", "predicted") + failed + f" ORDER BY id LIMIT {EXAMPLES}"
    examples = []
    with connect(path) as connection:
        for (row,) in query(path, first):
            found = connection.get(id=row)
            examples.append((int(found.source_row), str(found.data["error"])))
    return BulkSummary(count_rows(path), int(total or 0), unseen, n_failed, examples, novel)


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
        energy = np.asarray(connection.metadata["energy"])
        for row in map(connection.get, rows):
            data = row.data
            yield PredictedStructure(
                source_row=int(row.source_row),
                atoms=row.toatoms(),
                sites=np.asarray(data["sites"], dtype=int),
                energy=np.asarray(data["energy"]),
                mu=np.asarray(data["mu"]).reshape(-1, len(energy)),
                error=data["error"],
                unseen=list(data["unseen"]),
                source_keys=dict(data["source_keys"]),
                **{name: data.get(name) for name in ("lower", "upper", "novel")},
            )


def begin(path: Path, signature: dict[str, Any], about: dict[str, Any]) -> None:
    """Begin a database of spectra, or check that it is one of the same work.

    Args:
        path: file, made if it does not exist.
        signature: what its spectra depend on, plain values.
        about: what else its metadata say; may differ when the work continues.

    Raises:
        DatabaseError: it is another file, or was begun by other work; the differences are listed.
    """
    signature = json.loads(json.dumps(signature))
    if path.exists() and path.stat().st_size:
        check_sqlite(path)
    with connect(path) as connection:
        before = connection.metadata
        if not before and connection.count() == 0:
            connection.metadata = {**signature, **about}
            return
    if before.get("format") != FORMAT:
        raise DatabaseError(f"{path}: not a database of predicted spectra; name another output")
    differences = [
        f"{key} was {abridged(before.get(key))}, is {abridged(new)}"
        for key, new in signature.items()
        if before.get(key) != new
    ]
    if differences:
        raise DatabaseError(
            f"{path}: contains predictions of other work, {'; '.join(differences)}; name another"
            " output"
        )

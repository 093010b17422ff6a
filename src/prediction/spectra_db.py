"""Databases of predicted spectra: ASE SQLite files with one row per structure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..errors import DatabaseError
from ..structures.database import connect, query, row_ids
from ..structures.names import formula_of
from ..xas.tabular import Tabular, describe_axis, label_axes
from .structure_prediction import SitePrediction, StructurePrediction

FORMAT = "e3gnn-xanes spectra 1"
EXAMPLES = 1000
"""Failures that a summary names; the others are counted."""


@dataclass(frozen=True)
class PredictedStructure(Tabular):
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
    """Whether each site is unlike anything that the model was trained on, (n_absorbers,). None: a
    failure, or the model knows nothing of its training sites."""

    def predictions(self, name: str) -> StructurePrediction:
        """The sites of a structure of this name; only their equivalents are not kept."""
        half = None if self.upper is None else 0.5 * (self.upper - np.asarray(self.lower, float))
        formula = formula_of(self.atoms)
        return StructurePrediction(
            SitePrediction(
                structure=name,
                site=site,
                equivalent=[site],
                energy=self.energy,
                mu=self.mu[k].astype(float),
                half_width=None if half is None else half[k],
                novel=self.novel is not None and bool(self.novel[k]),
                unseen=tuple(self.unseen),
                formula=formula,
            )
            for k, site in enumerate(self.sites.tolist())
        )

    @property
    def name(self) -> str:
        """Formula, and the row of the source."""
        return f"{formula_of(self.atoms) or 'no atoms'} (row {self.source_row})"

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV`` and each site's ``mu_SITE``, ``lower_SITE`` and ``upper_SITE``."""
        columns = {"energy_eV": self.energy}
        for row, site in enumerate(self.sites):
            for kind in ("mu", "lower", "upper"):
                if getattr(self, kind) is not None:
                    columns[f"{kind}_{site}"] = getattr(self, kind)[row]
        return columns

    def draw(self, ax: Any) -> None:
        """Draw the sites with their bands, novel ones dotted, and their mean."""
        if len(self.sites):
            self.predictions(self.name).draw(ax)
        else:
            label_axes(ax, "Energy (eV)", "Absorption", self.name)

    def __repr__(self) -> str:
        """One line."""
        if self.error is not None:
            return f"<PredictedStructure {self.name}, not predicted: {self.error}>"
        what = f"{self.name}, {len(self.sites)} sites, {describe_axis(self.energy)}"
        return f"<PredictedStructure {what}>"


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
    """Read what ``predict MODEL .. -o spectra.db`` wrote, structure by structure, as in the input.

    Raises:
        DatabaseError: missing, or not such a file.
    """
    path = Path(path)
    rows = row_ids(path)
    with connect(path) as connection:
        if connection.metadata.get("format") != FORMAT:
            raise DatabaseError(f"{path}: not a database of predicted spectra")
        for row in map(connection.get, rows):
            yield decode(row.source_row, row.toatoms(), row.data)


def decode(source_row: int, atoms: Atoms, data: dict[str, Any]) -> PredictedStructure:
    """Structure with its spectra from the number, atoms and data of its row."""
    energy = np.asarray(data["energy"])
    return PredictedStructure(
        source_row=int(source_row),
        atoms=atoms,
        sites=np.asarray(data["sites"], dtype=int),
        energy=energy,
        mu=np.asarray(data["mu"]).reshape(-1, len(energy)),
        error=data["error"],
        unseen=list(data["unseen"]),
        source_keys=dict(data["source_keys"]),
        **{name: data.get(name) for name in ("lower", "upper", "novel")},
    )

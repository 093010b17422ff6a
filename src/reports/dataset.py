"""Page of a database of calculations."""

from pathlib import Path

import numpy as np

from ..dataset.database import Database
from ..errors import DatabaseError
from ..plot import CALCULATED, PREDICTED, axis_labels, new_figure, save
from .page import facts, figure, page, paragraph, section
from .text import by_count, with_counts

SPECTRA = 2000
"""Spectra of which mean and spread are drawn; evenly chosen of more."""


def dataset_page(database: Database) -> str:
    """Counts, elements, and mean and spread of the spectra.

    Args:
        database: records.

    Returns:
        The page.

    Raises:
        DatabaseError: it is empty.
    """
    contents = database.contents()
    if not contents.sites:
        raise DatabaseError(f"{database.path}: holds no records")
    low, high = contents.energy_range
    counts = [("records", contents.sites), ("materials", contents.materials)]
    kinds = [(name, with_counts(counter)) for name, counter in contents.kinds.items()]
    name = getattr(database.path, "name", database.path)
    sections = [
        section(
            "What it holds",
            facts([*counts, *kinds, ("energies", f"{low:.3f} .. {high:.3f} eV")]),
            *_pictures(database),
        ),
        section(
            "Elements, by number of records", paragraph(", ".join(by_count(contents.elements)))
        ),
        section("Provenance", facts([("file", database.path), ("content", database.digest)])),
    ]
    return page(f"Data set {name}", "Calculated spectra", sections)


def _pictures(database: Database) -> list[str]:
    """Mean and spread of the spectra, one picture a kind of them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for record_id in database.ids:
        entry = database.entry(record_id)
        key = entry.element, entry.edge, entry.target, entry.axis
        groups.setdefault(key, []).append(record_id)
    return [_picture(database, ids, key) for key, ids in sorted(groups.items())]


def _picture(database: Database, ids: list[str], key: tuple[str, ...]) -> str:
    """Mean, middle 90 % and range of spectra on energies that most of them have."""
    chosen = [ids[k] for k in np.unique(np.linspace(0, len(ids) - 1, SPECTRA).round().astype(int))]
    records = list(database.records(chosen))
    starts, ends = zip(*((r.energy[0], r.energy[-1]) for r in records), strict=True)
    energy = np.linspace(np.median(starts), np.median(ends), 400)
    rows = [np.interp(energy, r.energy, r.mu, left=np.nan, right=np.nan) for r in records]
    element, edge, target, axis = key

    def draw(path: Path) -> None:
        spectra = np.stack(rows)
        shown = np.isfinite(spectra).sum(axis=0) >= max(1, len(rows) // 2)
        low, middle, high = np.nanpercentile(spectra[:, shown], [5, 50, 95], axis=0)
        canvas, axes = new_figure(6.0, 3.2)
        ax = axes[0, 0]
        ax.fill_between(energy[shown], low, high, color=CALCULATED, alpha=0.5, linewidth=0)
        ax.plot(energy[shown], middle, color=PREDICTED, linewidth=1.4)
        unit = {"absolute": "1e-3 a0^2", "normalized": "normalised"}.get(target, "not stated")
        x_label, y_label = axis_labels(unit, relative=axis == "relative")
        ax.set_xlabel(x_label, fontsize=9)
        ax.set_ylabel(y_label, fontsize=9)
        ax.ticklabel_format(axis="x", useOffset=False)
        save(canvas, path)

    return figure(
        draw,
        f"{element} {edge}, {target}: median of {len(rows)} of {len(ids)} spectra, and the band"
        " that holds the middle 90 %.",
    )

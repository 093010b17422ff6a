"""Page of a database of calculations."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from ..dataset.database import Database
from ..errors import DatabaseError
from ..plot import CALCULATED, PREDICTED, new_figure, save
from ..xas.tabular import axis_labels, label_axes
from .page import facts, figure, page, paragraph, section
from .text import by_count, with_counts

SPECTRA = 2000
"""Spectra at most of which median and spread are drawn, evenly chosen."""


def dataset_page(database: Database) -> str:
    """Counts, elements, and median and spread of the spectra; DatabaseError if it is empty."""
    contents = database.contents()
    if not contents.sites:
        raise DatabaseError(f"{database.path}: contains no records")
    low, high = contents.energy_range
    counts = [
        ("records", contents.sites),
        ("materials", contents.materials),
        *((name, with_counts(counter)) for name, counter in contents.kinds.items()),
        ("energies", f"{low:.3f} to {high:.3f} eV"),
    ]
    groups = defaultdict[tuple[str, ...], list[str]](list)
    for record_id in database.ids:
        entry = database.entry(record_id)
        groups[entry.element, entry.edge, entry.target, entry.axis].append(record_id)
    figures = [_spectra(database, ids, *key) for key, ids in sorted(groups.items())]
    elements = paragraph(", ".join(by_count(contents.elements)))
    sections = [
        section("Contents", facts(counts), *figures),
        section("Elements, by number of records", elements),
        section("Provenance", facts([("file", database.path), ("content", database.digest)])),
    ]
    name = getattr(database.path, "name", database.path)
    return page(f"Data set {name}", "Calculated spectra", sections)


def _spectra(
    database: Database, ids: list[str], element: str, edge: str, target: str, axis: str
) -> str:
    """Median and middle 90 % of spectra of one kind, where at least half of them have values."""
    chosen = np.unique(np.linspace(0, len(ids) - 1, SPECTRA).round().astype(int))
    records = list(database.records([ids[k] for k in chosen]))
    starts, ends = zip(*((r.energy[0], r.energy[-1]) for r in records), strict=True)
    energy = np.linspace(np.median(starts), np.median(ends), 400)
    spectra = np.stack(
        [np.interp(energy, r.energy, r.mu, left=np.nan, right=np.nan) for r in records]
    )
    shown = np.isfinite(spectra).sum(axis=0) >= max(1, len(records) // 2)
    low, middle, high = np.nanpercentile(spectra[:, shown], [5, 50, 95], axis=0)
    unit = {"absolute": "1e-3 a0^2", "normalized": "normalized"}.get(target, "not stated")

    def draw(path: Path) -> None:
        canvas, axes = new_figure(6.0, 3.2)
        ax = axes[0, 0]
        ax.fill_between(energy[shown], low, high, color=CALCULATED, alpha=0.5, linewidth=0)
        ax.plot(energy[shown], middle, color=PREDICTED, linewidth=1.4)
        label_axes(ax, *axis_labels(unit, relative=axis == "relative"))
        save(canvas, path)

    caption = (
        f"{element} {edge}, {target}: median and middle 90 % of {len(records)} of {len(ids)}"
        " spectra."
    )
    return figure(draw, caption)

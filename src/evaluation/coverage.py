"""Coverage of a model's bands, and the errors of sites that it flags as novel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..prediction.inference import Bands
from ..structures.names import material_of

FIFTHS = 5
"""Groups of sites, by the error that was expected of them."""


@dataclass(frozen=True)
class Coverage:
    """Bands and flags against calculated spectra."""

    wanted: float
    """Part of the points that the bands are to hold."""
    overall: float
    """Part of the points that they hold."""
    fifths: list[float]
    """The same for sites from the smallest to the largest expected error."""
    mean_width: float
    """Mean width of the bands, upper - lower, unit of the spectrum."""
    n_novel: int
    """Sites flagged as novel."""
    novel_mse: float
    """Mean squared error of these; NaN where there is none."""
    other_mse: float
    """Mean squared error of the others; NaN where there is none."""


def measure_coverage(error: np.ndarray, mask: np.ndarray, bands: Bands, wanted: float) -> Coverage:
    """Count the points within their bands, every calculated point alike.

    Args:
        error: mu predicted - mu calculated, shape (n_sites, n_energies).
        mask: True where the spectrum was calculated, same shape.
        bands: of these sites; points without a band (NaN) do not count.
        wanted: part of the points that the bands are to hold.
    """
    half_width, novel = bands.half_width, bands.novel
    counts = mask & np.isfinite(half_width)
    inside = np.abs(error) <= half_width
    order = np.argsort(bands.expected, kind="stable")
    mse = np.nanmean(np.where(mask, error, np.nan) ** 2, axis=1)
    return Coverage(
        wanted=wanted,
        overall=float(inside[counts].mean()),
        fifths=[
            float(inside[rows][counts[rows]].mean())
            for rows in np.array_split(order, min(FIFTHS, len(order)))
        ],
        mean_width=float(2.0 * half_width[counts].mean()),
        n_novel=int(novel.sum()),
        novel_mse=float(mse[novel].mean()) if novel.any() else float("nan"),
        other_mse=float(mse[~novel].mean()) if not novel.all() else float("nan"),
    )


def shared_materials(ids: Sequence[str], used_ids: Sequence[str]) -> int:
    """Number of sites whose material was used to train or to calibrate."""
    used = {material_of(record_id) for record_id in used_ids}
    return sum(material_of(record_id) in used for record_id in ids)


def describe_coverage(found: Coverage) -> str:
    """Coverage overall and by fifth, and the error of flagged sites against the others."""
    fifths = " ".join(f"{part:.3f}" for part in found.fifths)
    lines = [
        f"coverage of {found.wanted:.0%} bands: {found.overall:.4f}",
        f"coverage by expected error, from smallest: {fifths}",
        f"mean width of the bands: {found.mean_width:.6f}",
        f"flagged as novel: {found.n_novel} sites, mse {found.novel_mse:.8f}",
        f"not flagged: mse {found.other_mse:.8f}",
    ]
    return "\n".join(lines)

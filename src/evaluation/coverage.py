"""Coverage of a model's bands, and the errors of sites that it flags as novel."""

from dataclasses import dataclass

import numpy as np

from ..prediction.inference import Bands

FIFTHS = 5
"""Groups of sites, by the error that was expected of them."""


@dataclass(frozen=True)
class Coverage:
    """Bands and flags against calculated spectra."""

    nominal: float
    """Nominal coverage of the bands."""
    overall: float
    """Fraction of the points within their bands."""
    fifths: list[float]
    """The same for sites from the smallest to the largest expected error."""
    mean_width: float
    """Mean width of the bands, upper - lower, unit of the spectrum."""
    n_novel: int
    """Sites flagged as novel."""
    novel_mse: float
    """Mean squared error of these; NaN without any."""
    other_mse: float
    """Mean squared error of the others; NaN without any."""

    def __str__(self) -> str:
        """Coverage overall and by fifth, and the error of flagged sites against the others."""
        fifths = " ".join(f"{part:.3f}" for part in self.fifths)
        return (
            f"coverage of {self.nominal:.0%} bands: {self.overall:.4f}\n"
            f"coverage by expected error, from smallest: {fifths}\n"
            f"mean width of the bands: {self.mean_width:.6f}\n"
            f"flagged as novel: {self.n_novel} sites"
            + (f", mse {self.novel_mse:.8f}\n" if self.n_novel else "\n")
            + f"not flagged: mse {self.other_mse:.8f}"
        )


def measure_coverage(error: np.ndarray, mask: np.ndarray, bands: Bands, nominal: float) -> Coverage:
    """Count the points within their bands, every calculated point alike.

    Args:
        error: mu predicted - mu calculated, shape (n_sites, n_energies).
        mask: True where the spectrum was calculated, same shape.
        bands: of these sites; points without a band (NaN) do not count.
        nominal: nominal coverage of the bands.
    """
    half_width, novel = bands.half_width, bands.novel
    counts = mask & np.isfinite(half_width)
    inside = np.abs(error) <= half_width
    order = np.argsort(bands.expected, kind="stable")
    mse = np.nanmean(np.where(mask, error, np.nan) ** 2, axis=1)
    return Coverage(
        nominal=nominal,
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

"""Figures of comparisons and mixtures, one column wide."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..plot import (
    CALCULATED,
    COLUMN,
    PREDICTED,
    band_handle,
    draw_band,
    new_figure,
    save,
)
from ..xas.spectrum import Spectrum
from ..xas.tabular import plain_text
from .linear_combination import Mixture
from .ranking import Ranking

SHOWN = 6
"""Candidates drawn at most, the best ones."""
LETTER = 0.018
"""Width of a letter as a fraction of the axes'."""
RESIDUAL = -0.15
"""Where the zero of a residual is drawn."""


def plot_ranking(ranking: Ranking, path: Path, labels: Mapping[str, str] | None = None) -> None:
    """The measurement with each candidate's fit and band, the best on top.

    ``labels``: what to call a candidate of a name, see ``Candidate.label``.
    """
    fits, measured = ranking.fits[:SHOWN], ranking.measured
    figure, axes = new_figure(COLUMN, 1.0 + 0.85 * len(fits))
    ax, e0 = axes[0, 0], measured.e0 or 0.0
    x = measured.energy - e0
    for k, fit in enumerate(fits):
        offset = 0.9 * (len(fits) - 1 - k)
        ax.plot(x, measured.mu + offset, color=CALCULATED, linewidth=2.2)
        ax.plot(x, fit.fitted + offset, color=PREDICTED, linewidth=1.0)
        if fit.half_width is not None:
            draw_band(ax, x, fit.fitted + offset, fit.half_width, color=PREDICTED)
        name = (labels or {}).get(fit.name, fit.name)
        text = f"{plain_text(name)}  {fit.measures[ranking.measure]:.4f}, {fit.shift:+.1f} eV"
        last = x > x[-1] - min(LETTER * len(text), 0.9) * (x[-1] - x[0])  # below the text
        top = offset + max(fit.fitted[last].max(), measured.mu[last].max())
        ax.annotate(text, (1.0, top + 0.03), (-2, 0), fontsize=7,
                    xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                    va="bottom")  # fmt: skip
    handles, names = ax.get_lines()[:2], ["measured", "predicted"]
    if any(fit.half_width is not None for fit in fits):
        handles, names = [*handles, band_handle("", PREDICTED)], [*names, "calibrated band"]
    ax.legend(handles, names, frameon=False, fontsize=7, loc="lower right")
    ax.set_yticks([])  # curves are offset
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"Measured energy $-$ {e0:.1f} eV (eV)", fontsize=8)
    ax.set_ylabel("Normalized absorption", fontsize=8)
    ax.set_title(f"{plain_text(ranking.measure)} and shift of each candidate", fontsize=8)
    save(figure, path)


def plot_mixture(measured: Spectrum, names: Sequence[str], mixture: Mixture, path: Path) -> None:
    """The measurement, the mixture, its components and the residual."""
    from matplotlib import colormaps

    figure, axes = new_figure(COLUMN, 3.6)
    ax, x = axes[0, 0], measured.energy - (measured.e0 or 0.0)
    ax.plot(x, measured.mu, color=CALCULATED, linewidth=2.4, label="measured")
    ax.plot(x, mixture.fitted, color=PREDICTED, linewidth=1.0, label="mixture")
    colors = colormaps["viridis"](np.linspace(0.1, 0.85, len(names)))
    parts = zip(names, mixture.fractions, mixture.components, colors, strict=True)
    for name, fraction, mu, color in parts:
        if fraction > 0.005:
            label = f"{fraction:.2f} {plain_text(name[:18])}"
            ax.plot(x, fraction * mu, "--", color=color, linewidth=0.8, label=label)
    ax.plot(x, measured.mu - mixture.fitted + RESIDUAL, color="0.4", linewidth=0.8,
            label="residual, offset")  # fmt: skip
    ax.axhline(RESIDUAL, color="0.8", linewidth=0.6, zorder=0)
    top = ax.get_ylim()[1]  # below zero ticks would be of the offset residual
    ax.set_yticks([tick for tick in ax.get_yticks() if -1e-9 < tick < top])
    figure.legend(frameon=False, fontsize=6.5, loc="outside lower center", ncols=2)
    ax.set_xlabel("Measured energy relative to e0 (eV)", fontsize=8)
    ax.set_ylabel("Normalized absorption", fontsize=8)
    save(figure, path)

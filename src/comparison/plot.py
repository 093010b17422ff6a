"""Figures of comparisons and mixtures, one column wide."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..plot import CALCULATED, COLUMN, PREDICTED, draw_band, new_figure, plain_text, save
from ..xas.spectrum import Spectrum
from .linear_combination import Mixture
from .ranking import Ranking

SHOWN = 6
"""Candidates drawn at most, the best ones."""


def plot_ranking(ranking: Ranking, path: Path) -> None:
    """The measurement with each candidate's fit and band, the best on top."""
    fits = ranking.fits[:SHOWN]
    figure, axes = new_figure(COLUMN, 1.0 + 0.85 * len(fits))
    ax, energy = axes[0, 0], ranking.measured.energy
    e0 = ranking.measured.e0 or 0.0
    x = energy - e0
    for k, fit in enumerate(fits):
        offset = 0.9 * (len(fits) - 1 - k)
        ax.plot(x, ranking.measured.mu + offset, color=CALCULATED, linewidth=2.2)
        ax.plot(x, fit.fitted + offset, color=PREDICTED, linewidth=1.0)
        if fit.half_width is not None:
            draw_band(ax, x, fit.fitted + offset, fit.half_width, color=PREDICTED)
        text = f"{plain_text(fit.name)}  {fit.measures[ranking.measure]:.4f}"
        last = x > x[0] + 0.65 * (x[-1] - x[0])
        top = offset + max(fit.fitted[last].max(), ranking.measured.mu[last].max())
        ax.annotate(text, (1.0, top + 0.03), (-2, 0), fontsize=7,
                    xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                    va="bottom")  # fmt: skip
    ax.plot([], [], color=CALCULATED, linewidth=2.2, label="measured")
    band = "predicted, calibrated band" if fits[0].half_width is not None else "predicted"
    ax.plot([], [], color=PREDICTED, linewidth=1.0, label=band)
    ax.legend(frameon=False, fontsize=7, loc="lower right")
    ax.set_xlabel(f"Energy $-$ {e0:.1f} eV (eV)" if e0 else "Energy (eV)", fontsize=8)
    ax.set_ylabel(f"Normalised absorption; {plain_text(ranking.measure)}", fontsize=8)
    save(figure, path)


def plot_mixture(
    measured: Spectrum, names: Sequence[str], components: np.ndarray, mixture: Mixture, path: Path
) -> None:
    """The measurement, the mixture, its parts and the residual."""
    from matplotlib import colormaps

    figure, axes = new_figure(COLUMN, 3.2)
    ax, x = axes[0, 0], measured.energy - (measured.e0 or 0.0)
    ax.plot(x, measured.mu, color=CALCULATED, linewidth=2.4, label="measured")
    ax.plot(x, mixture.fitted, color=PREDICTED, linewidth=1.0, label="mixture")
    colors = colormaps["viridis"](np.linspace(0.1, 0.85, len(names)))
    for name, part, fraction, color in zip(
        names, components, mixture.fractions, colors, strict=True
    ):
        if fraction > 0.005:
            label = f"{fraction:.2f} {plain_text(name[:18])}"
            ax.plot(x, fraction * part, color=color, linewidth=0.8, linestyle="--", label=label)
    ax.plot(x, measured.mu - mixture.fitted - 0.15, color="0.4", linewidth=0.8, label="residual")
    ax.legend(frameon=False, fontsize=6.5, loc="lower right")
    ax.set_xlabel("Energy relative to e0 (eV)", fontsize=8)
    ax.set_ylabel("Normalised absorption", fontsize=8)
    save(figure, path)

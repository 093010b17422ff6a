"""Figure of an explanation, one column wide."""

from pathlib import Path

import numpy as np

from ..plot import COLUMN, PREDICTED, new_figure, save
from ..xas.tabular import axis_labels
from .attribution import Explanation

SHOWN = 5
"""Most shells drawn: those whose removal changes the spectrum most."""


def plot_explanation(
    explained: Explanation, path: Path, unit: str | None, energy_label: str
) -> None:
    """Draw the spectrum, each shell's contribution, and the slope as it moves away."""
    from matplotlib import colormaps

    figure, axes = new_figure(COLUMN, 5.2, rows=3)
    top, middle, bottom = axes[:, 0]
    top.plot(explained.energy, explained.mu, color=PREDICTED, linewidth=1.2)
    most = np.argsort(-np.abs(explained.shell_removal).mean(axis=1), kind="stable")[:SHOWN]
    colors = colormaps["viridis"](np.linspace(0.0, 0.9, len(most)))
    slope = explained.of_shells(explained.slope)
    for color, k in zip(colors, sorted(most), strict=True):
        how = {"color": color, "linewidth": 1.0, "label": explained.shells[k].label}
        middle.plot(explained.energy, explained.shell_removal[k], **how)
        bottom.plot(explained.energy, slope[k], **how)
    mu_label = axis_labels(unit, relative=False)[1]
    top.set_ylabel(mu_label, fontsize=8)
    middle.set_ylabel(r"$\mu$(with) $-$ $\mu$(without shell)", fontsize=8)
    bottom.set_ylabel(r"$d\mu/dr$ of shell (per $\AA$)", fontsize=8)
    bottom.set_xlabel(energy_label, fontsize=8)
    for ax in (top, middle, bottom):
        ax.tick_params(labelsize=7)
        ax.ticklabel_format(axis="x", useOffset=False)
        ax.sharex(top)
    for ax in (middle, bottom):
        ax.axhline(0.0, color="0.8", linewidth=0.6, zorder=0)
    figure.legend(
        *middle.get_legend_handles_labels(), title=r"Shells: neighbors and distance ($\AA$)",
        loc="outside lower center", frameon=False, fontsize=7, title_fontsize=7, ncols=3,
        columnspacing=1.0,
    )  # fmt: skip
    save(figure, path)

"""Figures of studies."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from research.groups import Group
from research.runner import Outcome
from research.sizes import fit_power_law
from src.plot import (
    CALCULATED,
    PREDICTED,
    TRAINED,
    band_handle,
    draw_band,
    draw_pair,
    new_figure,
    save,
)
from src.xas.tabular import axis_labels

COLORS = (TRAINED, PREDICTED, "#1f6fb4", "#3d8b5f")


def plot_sizes(series: Mapping[str, Sequence[Outcome]], path: Path, fitted: bool) -> None:
    """Draw validation errors against the number of training sites, on logarithmic axes.

    Args:
        series: outcomes by name; failed ones are left out.
        path: picture to write.
        fitted: whether to draw the power law of the first series.
    """
    figure, axes = new_figure(4.6, 3.4)
    ax = axes[0, 0]
    for (name, outcomes), color in zip(series.items(), COLORS, strict=False):
        good = [outcome for outcome in outcomes if outcome.failure is None]
        sizes = sorted({outcome.sites for outcome in good})
        means = [np.mean([o.mse for o in good if o.sites == size]) for size in sizes]
        ax.loglog([o.sites for o in good], [o.mse for o in good], ".", color=color, markersize=4)
        ax.loglog(sizes, means, "-o", color=color, markersize=5, linewidth=1.2, label=name)
        if fitted and len(sizes) > 1:
            law = fit_power_law([o.sites for o in good], [o.mse for o in good])
            x = np.geomspace(sizes[0], 4 * sizes[-1], 50)
            label = f"power law, exponent {law.exponent:.2f}"
            ax.loglog(x, law.factor * x**-law.exponent, "--", color=CALCULATED, label=label)
            fitted = False
    shown = sorted({o.sites for outcomes in series.values() for o in outcomes})
    ax.set_xticks(shown, [str(size) for size in shown])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("Training sites", fontsize=9)
    ax.set_ylabel("Validation mse", fontsize=9)
    ax.tick_params(which="both", labelsize=8)
    ax.legend(frameon=False, fontsize=8)
    save(figure, path)


def plot_worst(
    titles: Sequence[str],
    energy: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    path: Path,
    unit: str | None,
    relative: bool,
) -> None:
    """Draw predicted against calculated spectra, a panel each.

    Args:
        titles: title of each panel.
        energy: eV, shape (n_energies,).
        prediction: mu, shape (n_panels, n_energies).
        target: mu, NaN where it was not calculated, same shape.
        path: picture to write.
        unit: unit of mu.
        relative: whether energies are relative to a reference.
    """
    columns = min(5, len(titles))
    rows = -(-len(titles) // columns)
    figure, axes = new_figure(2.5 * columns, 2.1 * rows + 0.5, rows, columns)
    for ax in axes.flat[len(titles) :]:
        ax.set_visible(False)
    for ax, title, mine, theirs in zip(axes.flat, titles, prediction, target, strict=False):
        draw_pair(ax, energy, theirs, mine)
        ax.set_title(title, fontsize=8)
        ax.ticklabel_format(axis="x", useOffset=False)
        ax.locator_params(axis="x", nbins=3)
    axes.flat[0].legend(frameon=False, fontsize=7)
    energy_label, mu_label = axis_labels(unit, relative)
    figure.supxlabel(energy_label, fontsize=9)
    figure.supylabel(mu_label, fontsize=9)
    save(figure, path)


def plot_groups(groups: Sequence[Group], path: Path) -> None:
    """Draw the best, median and worst site of each group, two groups in a row.

    Args:
        groups: each with three or more sites, and bands.
        path: picture to write.
    """
    rows = -(-len(groups) // 2)
    figure, axes = new_figure(8.0, 1.35 * rows + 0.5, rows, 6)
    several = Counter(group.kind[:2] for group in groups)
    for number, group in enumerate(groups):
        element, edge, code = group.kind
        name = f"{element} {edge}" + (f"\n{code}" if several[element, edge] > 1 else "")
        panels = axes.reshape(-1, 3)[number]
        panels[0].set_ylabel(name, fontsize=8, weight="bold")
        draw_group(panels, group)
    for ax in axes.reshape(-1, 3)[len(groups) :].flat:
        ax.set_visible(False)
    handles = [*axes[0, 0].get_lines(), band_handle("band", PREDICTED)]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.supxlabel("Energy relative to the reference (eV)", fontsize=9)
    figure.supylabel("Absorption, units of the edge step", fontsize=9)
    save(figure, path)


def draw_group(panels: Sequence[Any], group: Group) -> None:
    """Draw the best, median and worst site of a group into three panels, with the same axes."""
    one, order = group.compared, np.argsort(group.rms, kind="stable")
    energy, step = one.axis.relative, group.edge_step
    target = np.where(one.mask, one.target, np.nan) / step
    chosen = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    for ax, (word, k) in zip(panels, chosen.items(), strict=True):
        draw_pair(ax, energy, target[k], one.prediction[k] / step)
        if one.bands is not None:
            half = one.bands.half_width[k] / step
            draw_band(ax, energy, one.prediction[k] / step, half, color=PREDICTED)
        ax.set_title(f"{word}, {100 * group.rms[k]:.1f} %\n{one.formulas[k]}", fontsize=7)
        if ax is not panels[0]:
            ax.sharey(panels[0])
        ax.tick_params(labelsize=7, labelleft=ax is panels[0])

"""Figures of studies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from research.runner import Outcome
from research.sizes import fit_power_law
from src.plot import CALCULATED, PREDICTED, TRAINED, draw_pair, new_figure, save
from src.xas.tabular import axis_labels

COLORS = (TRAINED, PREDICTED)


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

"""Figures: training curves, predicted and calculated spectra, spectra of a structure.

Figures are made without pyplot, so nothing global changes; matplotlib is imported on first use.
"""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from .errors import ConfigError
from .runtime.atomic_files import check_writable, write_durably
from .xas.tabular import plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREDICTED, CALCULATED, MEAN = "#b8321c", "#a3acb8", "#20262e"
TRAINED, RATE = "#20262e", "#6b747f"
COLUMN = 3.3
"""Width of a journal's column, inch."""
SITE_LABELS = 8
"""More sites than this have no line each in the legend."""
PANELS = 12
"""Spectra on a page at most."""
BAND = 0.2
"""Opacity of bands."""


class Curve(NamedTuple):
    """A predicted spectrum in a figure."""

    label: str
    """For the legend."""
    mu: np.ndarray
    """Absorption, shape (n_energies,)."""
    half_width: np.ndarray | None = None
    """Half width of its band, same shape. None: no band."""
    multiplicity: int = 1
    """Sites that it stands for."""
    novel: bool = False
    """Whether it is of a site unlike anything that the model was trained on."""


class Drawable(Protocol):
    """What draws itself into axes."""

    def draw(self, ax: Any) -> None:
        """Draw, with labels, title and legend."""


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1
) -> tuple["Figure", Any]:
    """Figure with axes as an array of shape (rows, columns); sizes in inch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return figure, axes


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure; the ending of the path chooses the format.

    Raises:
        ConfigError: see ``check_picture``.
        CheckpointError: see ``write_durably``.
    """
    check_picture(path)
    kind = Path(path).suffix.lstrip(".")
    draw = partial(figure.savefig, dpi=200, format=kind)
    write_durably(Path(path), draw, Path.stat)


def check_picture(path: str | Path | None) -> None:
    """Refuse a path to which no figure can be written; None: no figure.

    Raises:
        ConfigError: the ending is not that of a figure, or the folder does not exist.
    """
    if path is None:
        return
    from matplotlib.backend_bases import FigureCanvasBase

    path = Path(path)
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.lstrip(".") not in known:
        raise ConfigError(f"{path}: ending {path.suffix!r}, expected one of {sorted(known)}")
    check_writable(path)


def draw_band(ax: Any, energy: np.ndarray, mu: np.ndarray, half: np.ndarray, **how: Any) -> None:
    """Shade a spectrum's band; all arrays of shape (n_energies,)."""
    ax.fill_between(energy, mu - half, mu + half, alpha=BAND, linewidth=0, **how)


def band_handle(label: str, color: str = "0.4") -> Any:
    """Entry of a legend for bands."""
    from matplotlib.patches import Patch

    return Patch(color=color, alpha=BAND, linewidth=0, label=label)


def draw_curves(ax: Any, energy: np.ndarray, curves: Sequence[Curve], band: str = "band") -> None:
    """Draw spectra with their bands, novel ones dotted, the mean over sites, and a legend.

    ``energy``: eV, shape (n_energies,); ``band``: what to call the bands.
    """
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    named = len(curves) <= SITE_LABELS
    colors = colormaps["viridis"](np.linspace(0.1, 0.85, len(curves)))
    for curve, color in zip(curves, colors, strict=True):
        label = f"{curve.label}, novel" if curve.novel else curve.label
        style = {"color": color, "linewidth": 1.0, "linestyle": ":" if curve.novel else "-"}
        ax.plot(energy, curve.mu, label=label if named else None, **style)
        if curve.half_width is not None:
            draw_band(ax, energy, curve.mu, curve.half_width, color=color)
    if len(curves) > 1:
        weights = [curve.multiplicity for curve in curves]
        mean = np.average([curve.mu for curve in curves], axis=0, weights=weights)
        label = f"mean of {sum(weights)} sites"
        ax.plot(energy, mean, "--", color=MEAN, linewidth=1.8, label=label)
    handles = ax.get_legend_handles_labels()[0]
    n_novel = sum(curve.multiplicity for curve in curves if curve.novel)
    if n_novel and not named:
        handles.append(Line2D([], [], color="0.4", linestyle=":", label=f"{n_novel} novel sites"))
    if any(curve.half_width is not None for curve in curves):
        handles.append(band_handle(band))
    ax.legend(handles=handles, frameon=False, fontsize=6.5, loc="lower right")


def plot_training(metrics: str | Path, path: str | Path) -> None:
    """Draw both terms of the loss and the learning rate over epochs, from a training's CSV file."""
    with Path(metrics).open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    epoch, best = column["epoch"], int(np.argmin(column["val_mse"]))
    figure, axes = new_figure(7.0, 3.4, 1, 2)
    dot = "." if len(epoch) == 1 else ""  # one point makes no line
    titles = {"mse": "Mean squared error of mu", "gradient": "Mean squared error of d mu / dE"}
    for ax, (term, title) in zip(axes[0], titles.items(), strict=True):
        validation = column[f"val_{term}"]
        how: dict[str, Any] = {"marker": dot, "color": TRAINED, "label": "training, all energies"}
        ax.semilogy(epoch, column[f"train_{term}"], **how)
        ax.semilogy(epoch, validation, color=PREDICTED, label="validation, scored energies")
        ax.plot(epoch[best], validation[best], "o", color=PREDICTED, markersize=5)
        ax.set_title(title, fontsize=9)
        ax.set_xlabel("Epoch", fontsize=9)
        ax.tick_params(which="both", labelsize=8)
        ax.margins(y=0.12)  # room for a label below the lowest point
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    lowest = column["val_mse"][best]
    side = "left" if best < len(epoch) / 2 else "right"  # away from the axis
    axes[0, 0].annotate(  # below the minimum, where the curve is not
        f"best {lowest:.5f}", (epoch[best], lowest), xytext=(0, -6), textcoords="offset points",
        ha=side, va="top", fontsize=8,
    )  # fmt: skip
    rate = axes[0, 1].twinx()
    rate.plot(epoch, column["lr"], color=RATE, linestyle=":", label="learning rate")
    rate.set_ylabel("Learning rate", fontsize=9, color=RATE)
    rate.tick_params(labelsize=8, colors=RATE)
    rate.spines["top"].set_visible(False)
    lines = [*axes[0, 0].get_lines()[:2], rate.get_lines()[0]]
    figure.legend(handles=lines, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    save(figure, path)


def plot_predictions(
    ids: Sequence[str],
    energy: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    path: str | Path,
    *,
    mask: np.ndarray | None = None,
    labels: tuple[str, str] = ("Energy (eV)", "Absorption"),
    half_width: np.ndarray | None = None,
    band: str = "band",
    novel: np.ndarray | None = None,
    columns: int = 4,
) -> None:
    """Draw a page of predicted and calculated spectra, evenly chosen from best to worst.

    Args:
        ids: what to call each spectrum.
        energy: eV, shape (n_energies,).
        prediction: mu, shape (n_spectra, n_energies).
        target: mu, same shape.
        path: figure to write.
        mask: True where the target was calculated, same shape. None: everywhere.
        labels: what to call energy and absorption.
        half_width: of the prediction's band, same shape. None: no bands.
        band: what to call the bands.
        novel: True for sites unlike those of the training, shape (n_spectra,). None: not known.
        columns: panels next to each other at most.
    """
    shown = target if mask is None else np.where(mask, target, np.nan)
    chosen = _best_to_worst(np.nanmean((prediction - shown) ** 2, axis=1))
    figure, axes = _panels(len(chosen), columns, 2.7, 2.0, 0.5)
    for ax, (k, error) in zip(axes, chosen.items(), strict=True):
        draw_pair(ax, energy, shown[k], prediction[k])
        if half_width is not None:
            draw_band(ax, energy, prediction[k], half_width[k], color=PREDICTED, label=band)
        doubt = ", novel" if novel is not None and novel[k] else ""
        ax.set_title(f"{plain_text(ids[k])}\n{error}{doubt}", fontsize=8)
    axes[0].legend(frameon=False, fontsize=7)
    figure.supxlabel(labels[0], fontsize=9)
    figure.supylabel(labels[1], fontsize=9)
    save(figure, path)


def draw_pair(ax: Any, energy: np.ndarray, calculated: np.ndarray, predicted: np.ndarray) -> None:
    """Draw a calculated spectrum, thick, and a predicted one; arrays of shape (n_energies,)."""
    ax.plot(energy, calculated, color=CALCULATED, linewidth=3.2, label="calculated")
    ax.plot(energy, predicted, color=PREDICTED, linewidth=1.2, label="predicted")


def _best_to_worst(errors: np.ndarray) -> dict[int, str]:
    """Indices of at most ``PANELS`` errors, evenly chosen, and their errors in words."""
    order = np.argsort(errors, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, PANELS).round().astype(int))]
    places = {int(chosen[-1]): "worst, ", int(chosen[0]): "best, "}
    return {k: f"{places.get(k, '')}mse {errors[k]:.2g}" for k in chosen.tolist()}


def plot_structures(structures: Sequence[Drawable], path: str | Path) -> None:
    """Draw the spectra of each structure's sites and their mean, a panel per structure."""
    size = (COLUMN, 2.6) if len(structures) == 1 else (3.6, 2.9)
    figure, axes = _panels(len(structures), 3, *size)
    for ax, structure in zip(axes, structures, strict=True):
        structure.draw(ax)
    save(figure, path)


def _panels(
    count: int, columns: int, width: float, height: float, margin: float = 0.0
) -> tuple["Figure", Any]:
    """Figure with panels of spectra, each of a width and height, inch, and a margin below."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = new_figure(width * columns, height * rows + margin, rows, columns)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    for ax in axes.flat[:count]:
        ax.ticklabel_format(axis="x", useOffset=False)
        ax.locator_params(axis="x", nbins=4)
    return figure, axes.flat[:count]

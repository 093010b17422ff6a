"""Periodic table of the absorbers of a model: `periodic_table.py MODEL DATABASE -o PICTURE`.

Each has its edges, the number of its training spectra, and as color the median error of its
validation records, or those of `--ids`.

    python -m research.periodic_table any-edge any/any.db -o docs/models/any-edge-elements.png
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.patches import Patch, Rectangle

from research.groups import Group, read_groups
from src.plot import new_figure, save
from src.structures.names import NOBLE_GASES
from src.uncertainty import FEW
from src.xas.edge_scale import EdgeScale

LAST = 86, 102
"""Heaviest element that is drawn, without the seventh period and with it."""
NO_SITES, THIN = "#d5d8dc", "#7c838c"
OUTLINES: tuple[dict[str, Any], ...] = {"ec": THIN, "lw": 0.6}, {"ec": "#20262e", "lw": 2.2}
COLORS, RANGE = colormaps["viridis_r"], LogNorm(3.0, 60.0)
"""Light where errors, in % of the edge step, are small; monotonic in gray."""


@dataclass
class Absorber:
    """Training spectra by edge, and errors of validation sites, fractions of the edge step."""

    spectra: dict[str, int] = field(default_factory=dict)
    rms: list[float] = field(default_factory=list)


def absorbers(scales: Iterable[EdgeScale], groups: Iterable[Group]) -> dict[str, Absorber]:
    """Elements that were trained on, and those that are predicted without."""
    found = defaultdict[str, Absorber](Absorber)
    for scale in scales:
        found[scale.element].spectra[scale.edge] = scale.n_spectra
    for group in groups:
        one = found[str(group.info.element)]
        one.spectra.setdefault(str(group.info.edge), 0)
        one.rms += group.rms.tolist()
    return dict(found)


def place(z: int, periods: int) -> tuple[int, float]:
    """Column, from 1, and row, from the top, of an element; lanthanides and actinides below."""
    period = 1 + sum(end < z for end in NOBLE_GASES)
    first, last = (0, *NOBLE_GASES)[period - 1], NOBLE_GASES[period - 1]
    left, right = z - first, 18 - last + z  # counted from either side
    if z != 2 and left > 2 > right - 1:
        return left, period + periods - 4.6
    return (left if left <= 2 and z != 2 else right), float(period)


def draw_box(ax: Any, x: float, y: float, symbol: str, absorber: Absorber | None) -> None:
    """Draw an element, with its center at x, y."""
    corner = x - 0.45, y - 0.45
    if absorber is None:
        ax.text(x, y, symbol, color=THIN, fontsize=8, ha="center", va="center")
        ax.add_patch(Rectangle(corner, 0.9, 0.9, fc="white", ec=NO_SITES, lw=0.6))
        return
    color: Any = NO_SITES
    if absorber.rms:
        color = COLORS(RANGE(100.0 * float(np.median(absorber.rms))))
    line = OUTLINES[max(absorber.spectra.values()) >= FEW]
    ax.add_patch(Rectangle(corner, 0.9, 0.9, fc=color, **line))
    ink = "white" if luminance(color) < 0.18 else "black"  # both have the same contrast at 0.18
    ax.text(x - 0.38, y - 0.36, symbol, color=ink, fontsize=8.5, weight="bold", va="top")
    edges, counts = " ".join(absorber.spectra), "+".join(map(str, absorber.spectra.values()))
    ax.text(x + 0.4, y - 0.34, edges, color=ink, fontsize=6.5, ha="right", va="top")
    ax.text(x, y + 0.36, counts, color=ink, fontsize=7.5, ha="center", va="bottom")


def luminance(color: Any) -> float:
    """Relative luminance, WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def draw_table(known: Mapping[str, Absorber], path: Path) -> None:
    """Draw the table."""
    seventh = any(atomic_numbers[symbol] > LAST[0] for symbol in known)
    periods, rows = (7, 9.4) if seventh else (6, 7.4)
    figure, ((ax,),) = new_figure(8.0, 0.44 * (rows + 0.2))
    for z in range(1, LAST[seventh] + 1):
        symbol = chemical_symbols[z]
        draw_box(ax, *place(z, periods), symbol, known.get(symbol))
    ax.set(xlim=(0.5, 18.5), ylim=(rows + 0.5, 0.5), aspect="equal")
    ax.set_axis_off()
    bar = ax.inset_axes((3.0, 1.05, 7.2, 0.32), transform=ax.transData)
    figure.colorbar(ScalarMappable(RANGE, COLORS), bar, orientation="horizontal", extend="both")
    bar.set_title("Median error of validation sites (% of the edge step)", fontsize=8)
    bar.set_xticks(ticks := [3, 5, 10, 20, 40, 60], map(str, ticks), fontsize=7.5)
    bar.minorticks_off()
    keys = [
        Patch(fc="white", label=f"{FEW} or more training spectra", **OUTLINES[True]),
        Patch(fc="white", label=f"fewer than {FEW}; 0: from its neighbors", **OUTLINES[False]),
        Patch(fc=NO_SITES, label="no validation site", **OUTLINES[False]),
    ]
    ax.legend(handles=keys, loc="upper left", bbox_to_anchor=(2.7, 2.0), fontsize=7.5, ncols=2,
              frameon=False, columnspacing=1.2, bbox_transform=ax.transData)  # fmt: skip
    save(figure, path)


if __name__ == "__main__":
    model, _, found, output = read_groups(__doc__)
    draw_table(absorbers(model.info.edges or [], found), output)

"""Spectra as a table and as a figure, the same for every object that has some."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from ..runtime.atomic_files import check_writable, write_text_durably
from ..runtime.text_files import printable

if TYPE_CHECKING:
    from pandas import DataFrame

UNIT_LABELS = {
    "1e-3 a0^2": r"$10^{-3}\,a_0^2$",
    "not stated": "unit not stated",
    "arbitrary": "arb. units",
}
"""How a unit is typeset."""


class Tabular:
    """Base of what has spectra on one energy axis."""

    def columns(self) -> dict[str, np.ndarray]:
        """Energy, eV, then spectra, by name; each of shape (n_energies,)."""
        raise NotImplementedError

    def draw(self, ax: Any) -> None:
        """Draw the spectra with axis labels, a title and a legend into matplotlib's axes."""
        raise NotImplementedError

    def plot(self, ax: Any = None) -> Any:
        """Draw the spectra into matplotlib's axes, None: those of a new figure; return these.

        A notebook shows the figure; ``ax.figure.savefig("CuO.png")`` writes it.
        """
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots(figsize=(4.8, 3.4), layout="constrained")[1]
        self.draw(ax)
        return ax

    def to_csv(self, path: str | Path) -> None:
        """Write ``columns`` as comma-separated values, names first; what is not known is empty.

        Raises:
            ConfigError: the folder does not exist.
            CheckpointError: the file can't be written.
        """
        check_writable(Path(path))
        columns = self.columns()
        rows = zip(*columns.values(), strict=True)
        write_text_durably(Path(path), csv_text([columns, *rows]))

    def to_dataframe(self) -> "DataFrame":
        """The ``columns`` as a table of pandas, with energy as its index.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise ConfigError(
                "`to_dataframe` needs pandas, which is not installed; `columns()` has the same as"
                " arrays"
            ) from error
        table = DataFrame(self.columns())
        return table.set_index(table.columns[0])


def describe_axis(energy: np.ndarray) -> str:
    """Number and range of energies, eV, shape (n_energies,)."""
    return f"{len(energy)} energies, {energy[0]:.1f} to {energy[-1]:.1f} eV"


def plain_text(text: str) -> str:
    """Text from outside in one line, with nothing that matplotlib takes for a formula."""
    return printable(text).replace("$", r"\$")


def axis_labels(unit: str | None, relative: bool) -> tuple[str, str]:
    """Labels of energy and absorption."""
    shown = UNIT_LABELS.get(unit or "", plain_text(unit or ""))
    return (
        "Energy relative to reference (eV)" if relative else "Energy (eV)",
        f"Absorption ({shown})" if shown else "Absorption",
    )


def label_axes(ax: Any, energy: str, mu: str, title: str = "") -> None:
    """Write labels of energy and absorption, and a title, into axes."""
    ax.set_xlabel(energy, fontsize=8)
    ax.set_ylabel(mu, fontsize=8)
    ax.set_title(plain_text(title), fontsize=9)
    ax.ticklabel_format(axis="x", useOffset=False)


def draw_spectrum(
    ax: Any,
    energy: np.ndarray,
    mu: np.ndarray,
    unit: str | None,
    title: str,
    relative: bool = False,
) -> None:
    """Draw one spectrum, arrays of shape (n_energies,), and label the axes."""
    ax.plot(energy, mu, linewidth=1.0)
    label_axes(ax, *axis_labels(unit, relative), title)


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Comma-separated values; numbers read back exactly, and what is not known (NaN) is empty."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerows(["" if value != value else value for value in row] for row in rows)
    return text.getvalue()

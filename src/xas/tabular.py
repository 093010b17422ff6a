"""Spectra as a table and as a figure, the same for every object that has some."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from ..runtime.atomic_files import check_writable, write_text_durably
from ..runtime.text_files import printable

if TYPE_CHECKING:
    from pandas import DataFrame

DIGITS = 9
"""Significant digits in a file; a float32 needs no more."""

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
        """Draw the spectra with pyplot; a notebook shows the figure.

        Args:
            ax: matplotlib's axes to draw into. None: those of a new figure.

        Returns:
            The axes; ``ax.figure.savefig("CuO.png")`` writes the figure.
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
        columns, text = self.columns(), io.StringIO(newline="")
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(columns)
        table = zip(*columns.values(), strict=True)
        rows.writerows(["" if v != v else f"{v:.{DIGITS}g}" for v in row] for row in table)
        write_text_durably(Path(path), text.getvalue())

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


def draw_spectrum(
    ax: Any, energy: np.ndarray, mu: np.ndarray, unit: str | None, relative: bool = False
) -> None:
    """Draw one spectrum, arrays of shape (n_energies,), and label the axes."""
    ax.plot(energy, mu, linewidth=1.0)
    energy_label, mu_label = axis_labels(unit, relative)
    ax.set_xlabel(energy_label, fontsize=8)
    ax.set_ylabel(mu_label, fontsize=8)
    ax.ticklabel_format(axis="x", useOffset=False)

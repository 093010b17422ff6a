"""Measured spectra as columns of numbers, with whatever header a beamline writes."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import COUNT, check_text, parse_number, raw_lines

logger = logging.getLogger(__name__)

COMMENT = "#%;!*"
"""Characters that begin a line of the header."""
ENERGY_LABELS = ("energy", "e", "ev", "energy(ev)", "e(ev)", "omega")
NUMBER_BEGINS = re.compile(r"[+-]?(\d|\.\d)|(nan|-?inf)$", re.IGNORECASE)
TRANSMISSION = ("i0", "itrans"), ("i0", "i1")
"""Columns whose ratio has mu as its logarithm."""
FLUORESCENCE = ("ifluor", "i0"), ("if", "i0")
"""Columns whose ratio is mu."""
MU_LABELS = ("mutrans", "mufluor", "mu", "xmu", "mut", "muf", "norm", "normalized", "absorption")
SOURCES: tuple[tuple[str, ...], ...] = (
    *((name,) for name in MU_LABELS),
    *TRANSMISSION,
    *FLUORESCENCE,
)
"""Columns that give mu, the first ones first."""
KEV = 120.0
"""Energies that are all below this are keV, or no hard X-rays."""


@dataclass(frozen=True)
class Columns:
    """A table of numbers."""

    path: Path
    """Its file."""
    header: list[str]
    """Lines of the header, without the comment character."""
    labels: list[str]
    """Names of the columns, lower case; empty: the file gives none that fit."""
    values: np.ndarray
    """Numbers, shape (n_points, n_columns)."""
    lines: list[int]
    """Line of the file of every row."""


def read_columns(path: str | Path) -> Columns:
    """Read a text file, compressed or not, of columns; see ``split_row`` for what separates them.

    The line before the table may name its columns.

    Raises:
        RecordError: no table, rows of different length, what is no number (Fortran's 1.0-101 and
            stars too), or a last line that is cut.
    """
    path = Path(path)
    header, lines, longest = list[str](), list[int](), 0
    names, rows = list[str](), list[list[float]]()
    for number, line in raw_lines(path):
        text = check_text(path, number, line).strip()
        if not text:
            continue
        if text[0] in COMMENT and not (rows and text[0] == "*"):  # a number too wide for Fortran
            header.append(text.lstrip(COMMENT).strip())
            continue
        words = split_row(text)
        if not rows and not NUMBER_BEGINS.match(words[0]):
            header.append(text)
            continue
        if not line.endswith("\n") and len(text) < longest:
            raise RecordError(
                f"{path}: line {number}: the last line has no line end and is shorter than others;"
                " the file is cut (if it is whole, add a line end)"
            )
        longest = max(longest, len(text))
        try:
            row = [parse_number(word) for word in words]
        except ValueError as error:
            raise RecordError(f"{path}: line {number}: {error}") from error
        if not rows and header:
            names = split_row(header[-1].lower())
        if rows and len(row) != len(rows[0]):
            raise RecordError(
                f"{path}: line {number}: {len(row)} columns, the rows before have {len(rows[0])}"
            )
        rows.append(row)
        lines.append(number)
    if len(rows) < 2 or len(rows[0]) < 2:
        raise RecordError(f"{path}: contains no table of two or more columns and rows of numbers")
    fits = len(names) == len(rows[0]) and names[0] in ENERGY_LABELS
    return Columns(path, header, names if fits else [], np.array(rows), lines)


def split_row(text: str) -> list[str]:
    """Words of a line; where there is a semicolon or else a comma, that separates them."""
    separator = ";" if ";" in text else "," if "," in text else None
    return [word.strip() for word in text.split(separator) if word.strip()]


def choose_mu(table: Columns, column: str | int | None = None) -> np.ndarray:
    """Mu of a table: the column asked for, a column of mu, or from two intensities.

    Args:
        table: the numbers.
        column: a name, or a number from 1. None: inferred from the names.

    Returns:
        mu, shape (n_points,).

    Raises:
        RecordError: there is no such column, none can be chosen, or an intensity is not positive.
    """
    path, labels, n_columns = table.path, table.labels, table.values.shape[1]
    if column is not None:
        name = str(column).lower()
        if name in labels:
            return table.values[:, labels.index(name)]
        if COUNT.fullmatch(name) and 2 <= int(name) <= n_columns:
            return table.values[:, int(name) - 1]
        raise RecordError(f"{path}: no column {column!r}; it has {', '.join(labels) or n_columns}")
    sources = [names for names in SOURCES if set(names) <= set(labels)]
    if not labels and n_columns == 2:
        return table.values[:, 1]
    if not sources:
        raise RecordError(
            f"{path}: which of {n_columns} columns is mu? Found {', '.join(labels) or 'no names'};"
            " give its name or number with --column"
        )
    if sources[0] in TRANSMISSION and (others := set(sources) & set(FLUORESCENCE)):
        logger.warning(
            "%s: mu is that of transmission, from %s; it also has fluorescence, %s",
            *(path, " and ".join(sources[0]), " and ".join(others.pop())),
        )
    if len(sources[0]) == 2:
        return _from_intensities(table, sources[0])
    return table.values[:, labels.index(sources[0][0])]


def _from_intensities(table: Columns, names: tuple[str, ...]) -> np.ndarray:
    """ln(i0 / itrans), or ifluor / i0."""
    first, second = (table.values[:, table.labels.index(name)] for name in names)
    bad = np.flatnonzero((first <= 0) | (second <= 0))
    if len(bad):
        raise RecordError(
            f"{table.path}: line {table.lines[bad[0]]}: {' and '.join(names)} are"
            f" {first[bad[0]]:g} and {second[bad[0]]:g} but must be positive"
        )
    return np.log(first / second) if names in TRANSMISSION else first / second


def in_order(
    path: Path, energy: np.ndarray, mu: np.ndarray, lines: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Increasing energies: downward scans are reversed, points at the same energy averaged.

    Args:
        path: file of the scan.
        energy: eV, shape (n_points,).
        mu: absorption, shape (n_points,).
        lines: line of the file of every point.

    Returns:
        Energies, eV, and mu, both of shape (n_energies,).

    Raises:
        RecordError: energies go back and forth, or can't be eV of an X-ray edge.
    """
    if energy.max() < KEV:
        raise RecordError(
            f"{path}: energies {energy.min():g} to {energy.max():g} are not eV of an X-ray edge;"
            " are they keV, or relative to an edge?"
        )
    if (np.diff(energy) <= 0).all():
        energy, mu, lines = energy[::-1], mu[::-1], lines[::-1]
    steps = np.diff(energy)
    if (steps < 0).any():
        at = int(np.argmax(steps < 0)) + 1
        raise RecordError(
            f"{path}: line {lines[at]}: energy {energy[at]:.3f} eV is below the one before,"
            f" {energy[at - 1]:.3f} eV"
        )
    distinct, first, count = np.unique(energy, return_index=True, return_counts=True)
    return distinct, np.add.reduceat(mu, first) / count

"""Measured spectra as columns of numbers, with whatever header a beamline writes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import COUNT, check_text, parse_number, raw_lines

COMMENT = "#%;!*"
"""Characters that begin a line of the header."""
ENERGY_LABELS = ("energy", "e", "ev", "energy(ev)", "e(ev)", "omega")
NUMBER_BEGINS = re.compile(r"[+-]?(\d|\.\d)|(nan|-?inf)$", re.IGNORECASE)
MU_LABELS = ("mutrans", "mufluor", "mu", "xmu", "mut", "muf", "norm", "normalized", "absorption")
"""Names of a column of mu, the first ones first."""
RATIOS = (("i0", "itrans"), ("i0", "i1"), ("ifluor", "i0"), ("if", "i0"))
"""Pairs whose ratio gives mu: its logarithm in transmission, itself in fluorescence."""


@dataclass(frozen=True)
class Columns:
    """A table of numbers."""

    path: Path
    """Its file."""
    header: list[str]
    """Lines before the numbers, without the comment character."""
    labels: list[str]
    """Names of the columns, lower case; empty: the file gives none that fit."""
    values: np.ndarray
    """Numbers, shape (n_points, n_columns)."""
    lines: list[int]
    """Line of the file of every row."""


def read_columns(path: str | Path) -> Columns:
    """Read a text file, compressed or not, of columns; see ``split_row`` for what separates them.

    A line without numbers above the table names its columns.

    Raises:
        RecordError: no table, rows of different length, what is no number (Fortran's 1.0-101 and
            stars too), or a last line that is cut.
    """
    path = Path(path)
    header, lines, longest = list[str](), list[int](), 0
    rows: list[list[float]] = []
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
            rows.append([parse_number(word) for word in words])
        except ValueError as error:
            raise RecordError(f"{path}: line {number}: {error}") from error
        lines.append(number)
        if len(rows[-1]) != len(rows[0]):
            raise RecordError(
                f"{path}: line {number}: {len(rows[-1])} columns, the rows before have"
                f" {len(rows[0])}"
            )
    if len(rows) < 2 or len(rows[0]) < 2:
        raise RecordError(f"{path}: contains no table of two or more columns and rows of numbers")
    labels = split_row(header[-1].lower()) if header else []
    fits = len(labels) == len(rows[0]) and labels[0] in ENERGY_LABELS
    return Columns(path, header, labels if fits else [], np.array(rows), lines)


def split_row(text: str) -> list[str]:
    """Words of a line; where there is a semicolon or else a comma, that separates them."""
    separator = ";" if ";" in text else "," if "," in text else None
    words = text.split(separator) if separator else text.split()
    return [word.strip() for word in words if word.strip()]


def choose_mu(table: Columns, labels: Sequence[str], column: str | int | None) -> np.ndarray:
    """Mu of a table: the column asked for, a column of mu, or from two intensities.

    Args:
        table: the numbers.
        labels: names of the columns, lower case; empty: not named.
        column: a name, or a number from 1; None: inferred.

    Returns:
        mu, shape (n_points,).

    Raises:
        RecordError: there is no such column, none can be chosen, or an intensity is not positive.
    """
    values, n_columns = table.values, table.values.shape[1]
    if column is not None:
        name = str(column).lower()
        if name in labels:
            return values[:, labels.index(name)]
        if COUNT.fullmatch(name) and 2 <= int(name) <= n_columns:
            return values[:, int(name) - 1]
        raise RecordError(
            f"{table.path}: no column {column!r}; it has {', '.join(labels) or n_columns}"
        )
    for name in MU_LABELS:
        if name in labels:
            return values[:, labels.index(name)]
    for pair in RATIOS:
        if all(name in labels for name in pair):
            return _from_intensities(table, labels, pair)
    if not labels and n_columns == 2:
        return values[:, 1]
    raise RecordError(
        f"{table.path}: which of {n_columns} columns is mu? Found {', '.join(labels) or 'no names'}"
        "; give its name or number with --column"
    )


def _from_intensities(table: Columns, labels: Sequence[str], pair: tuple[str, str]) -> np.ndarray:
    """ln(i0 / itrans), or ifluor / i0."""
    first, second = (table.values[:, labels.index(name)] for name in pair)
    bad = ~((first > 0) & (second > 0))
    if bad.any():
        at = int(np.argmax(bad))
        raise RecordError(
            f"{table.path}: line {table.lines[at]}: {pair[0]} {first[at]:g} and {pair[1]}"
            f" {second[at]:g} must be positive"
        )
    return first / second if pair[1] == "i0" else np.log(first / second)

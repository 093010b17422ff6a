"""Measured spectra as columns of numbers, with whatever header a beamline writes."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import COUNT, DECIMAL, parse_number, raw_lines

logger = logging.getLogger(__name__)

WHITE = " \t\r\n\f\v\x1a"
"""Blanks, and the end of a file of DOS."""
COMMENT = "#%;!*"
"""Characters that begin a line of the header."""
NUMBER_LIKE = re.compile(r"[-+]?(\.?\d[-+.,\dedED]*|nan|inf(inity)?|\*+)", re.IGNORECASE)
"""A number, or what programs write instead of one."""
COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
NAMES_WITHIN = 4
"""Lines above the table, the last ones, that may name its columns."""
UNIT = re.compile(r"(.*?)(?:[\s_]*[\[(]\s*([^\])]*)[\])]|/(k?ev|deg|rad|s)|[\s_]+(k?ev))?[\s*]*")
"""A name in lower case with its unit: `energy_ev`, `energy (ev)`, `energy[kev]`, `e/ev`."""
LOGARITHM = re.compile(r"-?(ln|log)\b.*")
LEGEND = re.compile(r"([PD]\d+) = \{([^}]*)\}")
"""What the names of columns stand for, as in `D1 = {I0}` of Epics."""
ENERGY = re.compile(r"e|en|hv|omega|nrj|.*energy.*", re.IGNORECASE)
ANGLE = re.compile(r"(bragg|mono)?[_ ]?angle.*|theta", re.IGNORECASE)


@dataclass(frozen=True)
class Columns:
    """A table of numbers."""

    path: Path
    header: list[str]
    """Lines of the header, without the comment character."""
    labels: list[str]
    """Names of the columns without units, lower case; empty: the file has none that fit."""
    units: list[str]
    """Their units, lower case, empty where there is none."""
    values: np.ndarray
    """Numbers, shape (n_points, n_columns)."""
    lines: list[int]
    """Line of the file of every row."""

    @property
    def names(self) -> list[str]:
        """Names of the columns, numbers from 1 of those that have none."""
        labels = self.labels or [""] * self.values.shape[1]
        return [label or str(number) for number, label in enumerate(labels, start=1)]


class _Line(NamedTuple):
    """A line that is neither empty nor a comment; ``row``: its numbers, None: not all words are."""

    number: int
    text: str
    words: list[str]
    row: list[float] | None


def read_columns(path: str | Path) -> Columns:
    """Read a text file, compressed or not, of columns; see ``_split_row`` for what separates them.

    The table is the last run of lines that are all numbers and equally long; what is above it is
    the header. Text is UTF-8, with or without byte-order mark, or else Latin-1.

    Raises:
        RecordError: no table or several; rows of different length, what is no number (Fortran's
            1.0-101 and stars too), or a last line that is cut.
    """
    path = Path(path)
    comments, lines, ended = list[tuple[int, str]](), list[_Line](), True
    for number, raw in raw_lines(path):
        text = decode(raw).strip(WHITE)
        ended = raw.endswith("\n") or not text
        # stars also are what Fortran writes for a number that is too wide
        if text and text[0] in COMMENT and not (lines and lines[-1].row and text[0] == "*"):
            comments.append((number, text.lstrip(COMMENT + " \t").strip()))
        elif text:
            words = _split_row(text)
            lines.append(_Line(number, text, words, _numbers_of(words)))
    first, end = _find_table(path, lines)
    table = lines[first:end]
    if not ended and len(lines[-1].text) < max(len(line.text) for line in table):
        table = _without_cut_end(path, table)
    above = [*comments, *((line.number, line.text) for line in lines[:first])]
    header = [text for _, text in sorted(above)]
    before = [text for number, text in sorted(above) if number < table[0].number]
    names = _find_names(before, len(table[0].words))
    labels, units = zip(*map(split_unit, names), strict=True) if names else ((), ())
    values = np.array([line.row for line in table])
    rows = [line.number for line in table]
    return Columns(path, header, list(labels), list(units), values, rows)


def decode(line: str) -> str:
    """A line of ``raw_lines`` without byte-order mark; as Latin-1 where it is not UTF-8."""
    if line.isascii():
        return line
    try:
        line.encode()
    except UnicodeEncodeError:
        line = line.encode("utf-8", "surrogateescape").decode("latin-1")
    return line.removeprefix("\ufeff")


def _split_row(text: str) -> list[str]:
    """Words of a line; where there is a semicolon or else a comma, that separates them."""
    separator = ";" if ";" in text else "," if "," in text else None
    words, spaced = text.split(), re.search(r"\s,|,\s", text)
    if separator == "," and len(words) > 1 and not spaced and any(map(COMMA.fullmatch, words)):
        separator = None  # a decimal comma, which is refused with the word
    return [word.strip() for word in text.split(separator) if word.strip()]


def _numbers_of(words: list[str]) -> list[float] | None:
    try:
        return [parse_number(word) for word in words]
    except ValueError:
        return None


def _find_table(path: Path, lines: list[_Line]) -> tuple[int, int]:
    """First line of the table and the one after its last, by their positions in ``lines``.

    Refused are none, several, and a broken row, after which a part of the table would be lost.
    """
    runs = _find_runs(lines)
    tables = [(a, b) for a, b in runs if b - a >= 2 and len(lines[a].words) >= 2]
    first, end = tables[-1] if tables else (0, 0)
    start = first if tables else next((k for k, line in enumerate(lines) if _is_like_row(line)), 0)
    width = len(lines[start].words) if lines else 0
    for line in lines[end or start :]:
        if _is_like_row(lines[start]) and (line.row is None or len(line.words) != width):
            raise RecordError(f"{path}: line {line.number}: {_why_no_row(line, width)}")
    if not tables:
        raise RecordError(f"{path}: contains no table of two or more columns and rows of numbers")
    if first and _is_damaged(lines[first - 1], width):
        line = lines[first - 1]
        raise RecordError(f"{path}: line {line.number}: {_why_no_row(line, width)}")
    for a, b in runs[: runs.index((first, end))]:
        same = len(lines[a].words) == width
        if (same and (b - a > 1 or first - b < 3)) or b - a >= end - first:
            raise RecordError(
                f"{path}: line {lines[b].number}: {_why_no_row(lines[b], width)}; {b - a} rows of"
                f" numbers are above it, another table of {end - first} rows is below"
            )
    return first, end


def _find_runs(lines: list[_Line]) -> list[tuple[int, int]]:
    """Runs of rows of equal length, each as first position and the one after its last."""
    runs, first = list[tuple[int, int]](), 0
    for k in range(1, len(lines) + 1):
        both = k < len(lines) and lines[k].row and lines[first].row
        if both and len(lines[k].words) == len(lines[first].words):
            continue
        if lines[first].row:
            runs.append((first, k))
        first = k
    return runs


def _is_like_row(line: _Line) -> bool:
    """Whether a line is a row of numbers or a broken one; a date or a title is not."""
    return all(map(NUMBER_LIKE.fullmatch, line.words))


def _is_damaged(line: _Line, width: int) -> bool:
    """Whether a line just above a table is one of its rows, damaged, and not a title."""
    if len(line.words) == 1:  # the number of points, or what Fortran wrote without a blank
        return _is_like_row(line) and line.row is None and "." in line.text
    if not re.search(r"\d|\*", line.words[0]):
        return False
    decimal = (_numbers_of([word]) and not word.lstrip("+-").isdigit() for word in line.words)
    return _is_like_row(line) or (len(line.words) == width and any(decimal))


def _why_no_row(line: _Line, width: int | None = None) -> str:
    for word in line.words:
        try:
            parse_number(word)
        except ValueError as error:
            return str(error)
    return f"{len(line.words)} columns, other rows have {width}"


def _without_cut_end(path: Path, table: list[_Line]) -> list[_Line]:
    """The rows without the last one, which has no line end and is shorter than others.

    If it is the shortest, the file is refused as cut.
    """
    last = table[-1]
    where = f"{path}: line {last.number}: the last line has no line end and is shorter than others"
    if len(table) < 3 or len(last.text) < min(len(line.text) for line in table[:-1]):
        raise RecordError(f"{where}; the file is cut (if it is whole, add a line end)")
    logger.warning("%s; it may be cut and is left out (if it is whole, add a line end)", where)
    return table[:-1]


def _find_names(header: list[str], n_columns: int) -> list[str]:
    """Names of columns: as many words as columns, of which one is an energy or an angle.

    They are in one of the last lines of the header, or in the last ``n_columns`` lines, one in
    each. None that fit: empty.
    """
    texts = [text for text in header if text.strip("-=_/# \t")]
    found = (LEGEND.match(text) for text in texts)
    legend = {match[1]: match[2] for match in found if match}
    ways = [words for text in texts[: -NAMES_WITHIN - 1 : -1] for words in _ways_to_split(text)]
    ways.append([text for text in texts[-n_columns:] if len(text) < 25 and n_columns > 2])
    fit = [[legend.get(name, name) for name in way] for way in ways if len(way) == n_columns]
    fit = [names for names in fit if any(is_axis(name) for name in names)]
    units = [names for names in fit if not any(is_axis(n) and not _is_unit(n) for n in names)]
    chosen = next((names for names in fit if names not in units), units[0] if units else [])
    return ["" if DECIMAL.fullmatch(name) else name for name in chosen]


def _ways_to_split(text: str) -> list[list[str]]:
    """Names that a line of the header may have, by what separates them."""
    wide = [text[k : k + 21].strip() for k in range(0, len(text), 21)]  # of LabVIEW at the APS
    text = re.sub(r"\s+(?=[\[(])", "", text.replace('"', ""))  # Energy (eV) is one name
    text = re.sub(r"^[A-Z](?=\s+\w+\s\s)", "", text)  # `#L energy  i0` of SPEC
    ways = [_split_row(text), [w.strip() for w in re.split(r"\s{2,}|\t", text) if w.strip()]]
    ways += [way[1:] for way in ways if way and len(way[0]) == 1]  # `#C 1_Energy 2_sec`
    return [*ways, wide]


def split_unit(name: str) -> tuple[str, str]:
    """Name of a column without its unit, and the unit, both lower case."""
    name = re.sub(r"^\d+_", "", re.sub("[\u00b5\u03bc]", "mu", name.lower().strip()))  # 1_Energy
    if _is_unit(name):
        return "energy", name.strip(" ()[]")
    match = None if LOGARITHM.fullmatch(name) else UNIT.fullmatch(name)
    if match is None or not match[1]:
        return name, ""
    return match[1].strip(), (match[2] or match[3] or match[4] or "").strip()


def _is_unit(name: str) -> bool:
    """Whether a name is a unit alone, as in a line of units below that of names."""
    return name.strip(" ()[]").lower() in ("ev", "kev")


def is_axis(name: str) -> bool:
    """Whether a column is named energy or angle."""
    label = split_unit(name)[0]
    return bool(ENERGY.fullmatch(label) or ANGLE.fullmatch(label))


def find_column(table: Columns, name: str) -> int:
    """Index of a column by its name, with or without unit, or number from 1.

    Raises:
        RecordError: there is none, or several have the name.
    """
    key, n_columns = name.lower().strip(), table.values.shape[1]
    full = [f"{a}({b})" if b else a for a, b in zip(table.labels, table.units, strict=True)]
    squeezed = re.sub(r"\s*[\[(/]?\s*(k?ev)\s*[\])]?$", r"(\1)", key.replace("_", " "))
    for names, word in ((table.labels, key), (full, key), (full, squeezed)):
        places = [k for k, label in enumerate(names) if label == word]
        if len(places) > 1:
            numbers = " or ".join(str(k + 1) for k in places)
            raise RecordError(f"{table.path}: several columns are named {name!r}; give {numbers}")
        if places:
            return places[0]
    if COUNT.fullmatch(key) and 1 <= int(key) <= n_columns:
        return int(key) - 1
    known = ", ".join(filter(None, table.labels)) or n_columns
    raise RecordError(f"{table.path}: no column {name!r}; it has {known}")

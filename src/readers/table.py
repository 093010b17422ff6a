"""Tables with one row per spectrum that names a structure file.

The first line names the columns, separated by commas, semicolons, tabs or blanks:

- `structure`: a file that ASE reads, from the table's folder; `element`: the absorbing one;
  `absorber`: its 0-based index, or `mean` for a mean over all atoms of the element;
- the spectrum: `spectrum`, a text file of columns (`energy` and mu), from the table's folder; or
  columns whose names are numbers, their energies in eV;
- where known: `material` (else the structure file's name), `edge`, `axis`, `code`, `version`.

This is also the way for codes without a reader of their own whose spectra are columns of text.
"""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..runtime.text_files import COUNT, DECIMAL, numbered_lines, parse_numbers, whole_lines
from ..structures.files import named_structures
from ..xas.channels import choose_mu
from ..xas.columns import read_columns
from ..xas.scan_energies import choose_energy
from .options import Format, ReadOptions, make_record, read_each, sites_of

KNOWN = (
    "structure", "absorber", "element", "spectrum", "material", "edge", "axis", "code", "version",
)  # fmt: skip
"""Names of columns that are no energies."""


def read_table(
    path: str | Path, options: ReadOptions | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every row of a table; see ``options.read_each`` for what is yielded.

    Raises:
        RecordError: the file is missing, not text, or its columns are not as above.
        ConfigError: edge or axis are in neither the table nor ``options``.
    """
    path, options = Path(path), options or ReadOptions()
    lines = whole_lines(path)
    _, head = next(lines, (0, ""))
    separator = separator_of(head)
    names = split(head, separator)
    check_names(path, names)
    rows = ((f"{path}: line {at}", split(line, separator)) for at, line in lines if line.strip())
    makers = (
        (source, partial(to_record, path, source, names, row, options)) for source, row in rows
    )
    yield from read_each(makers, options)


def is_table(path: Path) -> bool:
    """Whether the first line of a file names the columns ``structure`` and ``absorber``."""
    try:
        _, head = next(numbered_lines(path), (0, ""))
    except RecordError:
        return False
    return {"structure", "absorber"} <= set(split(head, separator_of(head)))


def separator_of(head: str) -> str | None:
    """What separates columns; None: blanks."""
    return next((mark for mark in ("\t", ";", ",") if mark in head), None)


def split(line: str, separator: str | None) -> list[str]:
    """Words of a line; quotes protect separators."""
    line = line.removeprefix("\ufeff")
    if separator is None:
        return line.split()
    return [word.strip() for word in next(csv.reader([line], delimiter=separator), [])]


def check_names(path: Path, names: list[str]) -> None:
    """Raise RecordError where columns are missing, repeated or unknown."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise RecordError(f"{path}: columns named twice: {', '.join(repeated)}")
    missing = [name for name in ("structure", "element", "absorber") if name not in names]
    if missing:
        raise RecordError(f"{path}: no column {', '.join(missing)}; found {', '.join(names)[:80]}")
    others = [name for name in names if name not in KNOWN]
    unknown = [name for name in others if not DECIMAL.fullmatch(name)]
    if unknown:
        raise RecordError(
            f"{path}: columns {', '.join(unknown)[:80]} are neither energies nor one of"
            f" {', '.join(KNOWN)}"
        )
    if ("spectrum" in names) == bool(others):
        raise RecordError(f"{path}: expected either a column `spectrum` or columns of energies")


def to_record(
    path: Path, source: str, names: list[str], words: list[str], options: ReadOptions
) -> Record:
    """The record of one row; XanesError where a value is wrong or missing."""
    if len(words) != len(names):
        raise RecordError(f"{source}: {len(words)} columns, expected {len(names)}")
    row = dict(zip(names, words, strict=True))
    structures = named_structures(path.parent / row["structure"])
    if len(structures) != 1:
        raise RecordError(
            f"{source}: {row['structure']} contains {len(structures)} structures, not 1"
        )
    ((name, atoms),) = structures
    element, absorber = row["element"], row["absorber"]
    if element not in atomic_numbers:
        raise RecordError(f"{source}: `element` is {element!r}, expected a symbol such as Cu")
    sites = sites_of(atoms, element, source)
    if absorber != "mean" and not (COUNT.fullmatch(absorber) and int(absorber) < len(atoms)):
        raise RecordError(
            f"{source}: `absorber` is {absorber!r}, expected `mean` or an index within 0 to"
            f" {len(atoms) - 1}"
        )
    energy, mu = spectrum_of(path, row, source)
    return make_record(
        source,
        options,
        material=row.get("material") or name,
        atoms=atoms,
        site=sites[0] if absorber == "mean" else int(absorber),
        element=element,
        mu=mu,
        energy=energy,
        **{name: row.get(name) for name in ("edge", "axis", "code", "version")},
        mean_over=tuple(sites) if absorber == "mean" else None,
    )


def spectrum_of(path: Path, row: dict[str, str], source: str) -> tuple[np.ndarray, np.ndarray]:
    """Energies, eV, and mu of a row, both (n_energies,), or RecordError."""
    if "spectrum" in row:
        table = read_columns(path.parent / row["spectrum"])
        energy, _ = choose_energy(table)
        return energy, choose_mu(table, energy)[0]
    names = [name for name in row if name not in KNOWN]
    pairs = [parse_numbers(f"{source}: at {name} eV", [name, row[name]]) for name in names]
    energy, mu = np.array(pairs).T
    return energy, mu


FORMAT = Format(
    title="tables of structure files",
    read=read_table,
    matches=is_table,
    suffixes=(".csv", ".tsv"),
    own_suffixes=False,  # the spectra that a table names may end so too
)

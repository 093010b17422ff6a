"""Tables with a row a spectrum that names a structure file.

The first line names the columns, separated by commas, semicolons, tabs or blanks:

- `structure`: a file that ASE reads, from the table's folder; `element`: the absorbing one;
  `absorber`: its 0-based index, or `mean` for a mean over all atoms of the element;
- the spectrum: `spectrum`, a text file of columns (`energy` and mu), from the table's folder; or
  columns whose names are numbers, their energies in eV;
- where known: `material` (else the structure file's name), `edge`, `axis`, `code`, `version`.

This is also the way for codes without a reader of their own whose spectra are columns of text.
"""

import csv
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..runtime.text_files import numbered_lines, whole_lines
from ..structures.files import named_structures
from ..structures.graph import check_atoms
from ..structures.names import LARGEST_Z
from ..xas.columns import choose_mu, read_columns
from .options import Format, Given, axis_of, check_material, edge_of, energies_of, record_or_reason

KNOWN = (
    "structure", "absorber", "element", "spectrum", "material", "edge", "axis", "code", "version",
)  # fmt: skip
"""Names of columns that are no energies."""
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def read_table(
    path: str | Path, given: Given | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Yield a record for each row of a table, or why there is none.

    Raises:
        RecordError: the file is missing, not text, or its columns are not as above.
        ConfigError: see ``options.py``.
    """
    path, given = Path(path), given or Given()
    lines = whole_lines(path)
    _, head = next(lines, (0, ""))
    separator = separator_of(head)
    names = split(head, separator)
    check_names(path, names)
    for at, line in lines:
        if not line.strip():
            continue
        where = f"{path}: line {at}"
        words = split(line, separator)
        if len(words) != len(names):
            yield Rejected(where, f"{len(words)} columns, expected {len(names)}")
            continue
        row = dict(zip(names, words, strict=True))
        yield record_or_reason(partial(to_record, path, row, given, where), given, where)


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
    energies = [name for name in names if re.fullmatch(NUMBER, name)]
    unknown = [name for name in names if name not in KNOWN and name not in energies]
    if unknown:
        raise RecordError(
            f"{path}: columns {', '.join(unknown)[:80]} are neither energies nor one of"
            f" {', '.join(KNOWN)}"
        )
    if ("spectrum" in names) == bool(energies):
        raise RecordError(f"{path}: wanted a column `spectrum` or columns of energies, one of both")


def to_record(path: Path, row: dict[str, str], given: Given, where: str) -> Record:
    """The record of one row; XanesError where a value is wrong or missing."""
    structures = named_structures(path.parent / row["structure"])
    if len(structures) != 1:
        raise RecordError(
            f"{where}: {row['structure']} contains {len(structures)} structures, not 1"
        )
    ((name, atoms),) = structures
    check_atoms(atoms, LARGEST_Z)
    site, mean_over = absorbers(row, atoms, where)
    energy, mu = spectrum_of(path, row, given, where)
    material = check_material(row.get("material") or name, where)
    return Record(
        id=f"{material}_mean" if mean_over else f"{material}_{site:03d}",
        material=material,
        atoms=atoms,
        site=site,
        element=atoms[site].symbol,
        edge=edge_of(row.get("edge") or None, given, where),
        energy=energy,
        mu=mu,
        target=given.target or "as_given",
        code=row.get("code") or "not stated",
        version=row.get("version", ""),
        source=where,
        axis=axis_of(row.get("axis") or None, given, where),
        mean_over=mean_over,
    )


def absorbers(row: dict[str, str], atoms: Atoms, where: str) -> tuple[int, tuple[int, ...] | None]:
    """The absorber, and the atoms of a mean, or RecordError."""
    word, element = row["absorber"], row["element"]
    if element not in atomic_numbers:
        raise RecordError(f"{where}: `element` is {element!r}, expected a symbol such as Cu")
    if word == "mean":
        found = tuple(int(k) for k in np.flatnonzero(atoms.numbers == atomic_numbers[element]))
        if not found:
            raise RecordError(f"{where}: no {element} in {atoms.get_chemical_formula()}")
        return found[0], found
    if not re.fullmatch(r"\d{1,8}", word, flags=re.ASCII) or int(word) >= len(atoms):
        raise RecordError(
            f"{where}: `absorber` is {word!r}, expected `mean` or an index within 0 .."
            f" {len(atoms) - 1}"
        )
    if atoms[int(word)].symbol != element:
        raise RecordError(f"{where}: atom {word} is {atoms[int(word)].symbol}, not {element}")
    return int(word), None


def spectrum_of(
    path: Path, row: dict[str, str], given: Given, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Energies, eV, and mu of a row, both (n_energies,), or RecordError."""
    if "spectrum" in row:
        table = read_columns(path.parent / row["spectrum"])
        energy, mu = table.values[:, 0], choose_mu(table, table.labels, None)
    else:
        pairs = [(name, word) for name, word in row.items() if name not in KNOWN]
        for name, word in pairs:
            if not re.fullmatch(NUMBER, word):
                raise RecordError(f"{where}: {word[:20]!r} at {name} eV is no number")
        energy, mu = np.array([[float(name), float(word)] for name, word in pairs]).T
    return energies_of(energy, len(mu), given, where), mu


FORMAT = Format(
    title="table of structure files",
    read=read_table,
    matches=is_table,
    suffixes=(".csv", ".tsv"),
    own_suffixes=False,  # the spectra that a table names may end so too
)

"""A measured spectrum from a file, whose format is inferred from its content."""

import re
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from ..runtime.atomic_files import file_digest
from .athena import read_athena
from .channels import spectrum_of
from .columns import read_columns
from .spectrum import Spectrum
from .xdi import is_xdi, read_xdi


def read_measured(
    path: str | Path,
    column: str | int | None = None,
    energy_column: str | int | None = None,
    near: float | None = None,
) -> Spectrum:
    """Read XDI, columns of text, or one group of an Athena project.

    Args:
        path: file, or `project.prj:group`.
        column: mu: name or number, from 1, of a column, or a formula, see ``channels.mu_of``. None:
            inferred, see ``channels.choose_mu``. Of a project: its group, if the path names none.
        energy_column: name or number, from 1. None: see ``scan_energies.choose_energy``.
        near: energy of the edge that is expected, eV, where the file does not name it.

    Raises:
        RecordError: the file is missing, damaged, or its energies or mu can't be found.
        ConfigError: an Athena project of which no group is named.
    """
    path, group = split_group(path)
    if path.suffix == ".prj":
        return read_athena(path, group or (None if column is None else str(column)))
    if is_xdi(path):
        return read_xdi(path, column, energy_column)
    table = read_columns(path)
    spectrum = spectrum_of(table, column, energy_column, near)
    return replace(spectrum, header={"comments": "\n".join(table.header)} if table.header else {})


def one_column(column: str | None, formula: str | None) -> str | None:
    """Mu by `--column` or by `--mu`; ConfigError if both are given."""
    if None not in (column, formula):
        raise ConfigError("`--column` and `--mu` both say what mu is; give one of them")
    return formula if column is None else column


def split_group(path: str | Path) -> tuple[Path, str | None]:
    """File of a measured spectrum, and the group of an Athena project where one is named."""
    file, _, group = str(path).partition(".prj:")
    return Path(f"{file}.prj" if group else file), group or None


def measured_digest(path: str | Path) -> str:
    """Checksum of the file of a measured spectrum."""
    return file_digest(split_group(path)[0])


def with_edge(spectrum: Spectrum, element: str | None, edge: str | None) -> Spectrum:
    """The spectrum with an element and edge, None: unspecified.

    Raises:
        ConfigError: the file names others.
    """
    for name, expected in (("element", element), ("edge", edge)):
        stated = getattr(spectrum, name)
        if None not in (stated, expected) and _letters(stated) != _letters(str(expected)):
            raise ConfigError(f"{spectrum.source}: its {name} is {stated}, expected {expected}")
    return replace(spectrum, element=element or spectrum.element, edge=edge or spectrum.edge)


def _letters(word: str) -> str:
    return re.sub(r"\W", "", word).lower()

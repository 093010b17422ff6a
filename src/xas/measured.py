"""A measured spectrum from a file, whose format is inferred from its content."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.atomic_files import file_digest
from .columns import choose_mu, in_order, read_columns
from .spectrum import Spectrum
from .xdi import is_xdi, read_xdi


def read_measured(path: str | Path, column: str | int | None = None) -> Spectrum:
    """Read XDI, columns of text (energy first), or one group of an Athena project.

    Args:
        path: file, or `project.prj:group`.
        column: name or number, from 1, of the column of mu. None: inferred.

    Raises:
        RecordError: the file is missing, damaged, or its energies or mu can't be found.
        ConfigError: an Athena project, but larch is not installed or no group is named.
    """
    path, group = split_group(path)
    if path.suffix == ".prj":
        return read_athena(path, group)
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    if is_xdi(path):
        return read_xdi(path, column)
    table = read_columns(path)
    energy, mu = in_order(path, table.values[:, 0], choose_mu(table, column), table.lines)
    header = {"comments": "\n".join(table.header)} if table.header else {}
    return Spectrum(energy, mu, source=str(path), header=header)


def split_group(path: str | Path) -> tuple[Path, str | None]:
    """File of a measured spectrum, and the group of an Athena project where one is named."""
    file, _, group = str(path).partition(".prj:")
    return Path(f"{file}.prj" if group else file), group or None


def measured_digest(path: str | Path) -> str:
    """Checksum of the file of a measured spectrum."""
    return file_digest(split_group(path)[0])


def read_athena(path: str | Path, group: str | None = None) -> Spectrum:
    """Read one group of an Athena project, by larch.

    Args:
        path: project file.
        group: label of the group. None: the only one.

    Raises:
        RecordError: no such file, no such group, or the file can't be read.
        ConfigError: larch is not installed, or there are several groups and none is named.
    """
    path = Path(path)
    try:
        from larch.io import read_athena as read
    except ImportError as error:
        raise ConfigError(
            f"{path}: Athena projects are read by larch; pip install 'e3gnn-xanes[athena]'"
        ) from error
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    try:
        project = read(str(path))
    except (ValueError, OSError, IndexError, KeyError, AttributeError, UnicodeError) as error:
        raise RecordError(f"{path}: larch can't read it ({error})") from error
    members = {name: getattr(project, name) for name in project._athena_groups or {}}
    groups = {str(getattr(member, "label", name)): member for name, member in members.items()}
    if group is None and len(groups) != 1:
        raise ConfigError(
            f"{path}: contains {len(groups)} groups, {', '.join(groups)}; name one, {path}:NAME"
        )
    label = next(iter(groups)) if group is None else group
    if label not in groups:
        raise RecordError(f"{path}: no group {label!r}, it has {', '.join(groups)}")
    energy, mu = (np.asarray(getattr(groups[label], name)) for name in ("energy", "mu"))
    lines = list(range(1, len(energy) + 1))
    return Spectrum(*in_order(path, energy, mu, lines), source=f"{path}:{label}")


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

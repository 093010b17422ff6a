"""A measured spectrum from a file, whose format is inferred from its content."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.atomic_files import file_digest
from .columns import choose_mu, read_columns
from .spectrum import Spectrum
from .xdi import in_order, is_xdi, read_xdi

KEV = 120.0
"""Energies that are all below this are keV, or no hard X-rays."""


def read_measured(path: str | Path, column: str | int | None = None) -> Spectrum:
    """Read XDI, columns of text, or one group of an Athena project (`project.prj:group`).

    Args:
        path: file.
        column: name or number, from 1, of the column of mu; None: inferred.

    Returns:
        The spectrum.

    Raises:
        RecordError: the file is missing, damaged, or its energies or mu can't be found.
        ConfigError: an Athena project, but larch is not installed or no group is named.
    """
    path, group = split_group(path)
    if path.suffix == ".prj":
        return read_athena(path, group)
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    return read_xdi(path, column) if is_xdi(path) else read_text(path, column)


def split_group(path: str | Path) -> tuple[Path, str | None]:
    """File of a measured spectrum, and the group of an Athena project where one is named."""
    file, _, group = str(path).partition(".prj:")
    return Path(f"{file}.prj" if group else file), group or None


def measured_digest(path: str | Path) -> str:
    """Checksum of the file of a measured spectrum."""
    return file_digest(split_group(path)[0])


def read_text(path: Path, column: str | int | None = None) -> Spectrum:
    """Read columns of text, energy first, eV.

    Raises:
        RecordError: see ``read_columns`` and ``choose_mu``; or the energies are not eV.
    """
    table = read_columns(path)
    mu = choose_mu(table, table.labels, column)
    energy, mu = in_order(path, table.values[:, 0], mu, table.lines)
    if energy[-1] < KEV:
        raise RecordError(
            f"{path}: energies {energy[0]:g} .. {energy[-1]:g} are not eV of an X-ray edge; are"
            " they keV, or relative to an edge?"
        )
    header = {"comments": "\n".join(table.header)} if table.header else {}
    return Spectrum(energy, mu, source=str(path), header=header)


def read_athena(path: str | Path, group: str | None = None) -> Spectrum:
    """Read one group of an Athena project, by larch.

    Args:
        path: project file.
        group: label of the group; None: the only one there is.

    Raises:
        RecordError: no such file, no such group, or the file can't be read.
        ConfigError: larch is not installed, or several groups and none named.
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
    groups = {}
    for name in project._athena_groups or {}:
        found = getattr(project, name)
        groups[str(getattr(found, "label", name))] = found
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
    """The spectrum with the element and edge that it is taken for.

    Raises:
        ConfigError: the file says otherwise.
    """
    for name, wanted in (("element", element), ("edge", edge)):
        found = getattr(spectrum, name)
        if wanted is not None and found is not None and _plain(found) != _plain(wanted):
            raise ConfigError(f"{spectrum.source}: its {name} is {found}, expected {wanted}")
    return replace(spectrum, element=element or spectrum.element, edge=edge or spectrum.edge)


def _plain(word: str) -> str:
    return re.sub(r"\W", "", word).lower()

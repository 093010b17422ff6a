"""XDI, the XAFS Data Interchange format, version 1.0.

Definition: Ravel, Hester, Sole, Newville, J. Synchrotron Rad. 19, 869 (2012), and the specification
of the XraySpectroscopy/XAS-Data-Interchange repository.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.atomic_files import write_durably
from ..runtime.provenance import package_version
from .channels import spectrum_of
from .columns import Columns, read_columns, split_unit
from .edges import FAR, Edge, find_edge
from .normalization import find_e0
from .scan_energies import ENERGY_UNITS
from .spectrum import Spectrum

logger = logging.getLogger(__name__)

CALCULATED_WITHIN = 20.0
"""A calculated spectrum may begin this far above the tabulated edge, as FEFF's edges do, eV."""
FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_]+):\s*(.*)")


def is_xdi(path: Path) -> bool:
    """Whether a file says that it is XDI, in its first line.

    Raises:
        RecordError: there is no such file.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    with path.open("rb") as file:
        return re.match(rb"#\s*XDI/\d", file.read(64)) is not None


def read_xdi(
    path: str | Path, column: str | int | None = None, energy_column: str | int | None = None
) -> Spectrum:
    """Read a measured spectrum with the header's fields; comments are the field ``comments``.

    Args:
        path: XDI file.
        column: see ``channels.mu_of``. None: what the names suggest, see ``channels.choose_mu``.
        energy_column: name or number, from 1. None: energy or angle.

    Raises:
        RecordError: the file is no XDI file, has no energy or mu, or its energies do not contain
            the edge that it names.
    """
    table, header = read_xdi_table(path)
    element, edge = header.get("Element.symbol"), header.get("Element.edge")
    try:
        stated = find_edge(str(element).capitalize(), str(edge).upper())
    except ConfigError:  # not named, or not tabulated
        stated = None
    spectrum = spectrum_of(table, column, energy_column, stated and stated.energy)
    spectrum = replace(spectrum, element=element, edge=edge, header=header)
    if stated is not None:
        _check_edge(spectrum, stated)
    return spectrum


def read_xdi_table(path: str | Path) -> tuple[Columns, dict[str, str]]:
    """Columns of an XDI file, named by its header, and the header's fields.

    Raises:
        RecordError: the file is no XDI file or has no Column.1.
    """
    path = Path(path)
    if not is_xdi(path):
        raise RecordError(f"{path}: does not begin with '# XDI/'")
    table = read_columns(path)
    header = _fields(table.header[1:])
    if not header.get("Column.1"):
        raise RecordError(f"{path}: the header has no Column.1, which names energy or angle")
    numbers = range(1, table.values.shape[1] + 1)
    columns = [(header.get(f"Column.{k}") or f"column{k}").lower().split() for k in numbers]
    parts = [split_unit(words[0]) for words in columns]
    units = [unit or " ".join(words[1:2]) for (_, unit), words in zip(parts, columns, strict=True)]
    table = replace(table, labels=[name for name, _ in parts], units=units)
    for name, unit in zip(table.labels, units, strict=True):
        if name == "energy" and unit not in ENERGY_UNITS:
            raise RecordError(f"{path}: unit of energy is {unit!r}, expected eV or keV")
    return table, header


def _check_edge(spectrum: Spectrum, edge: Edge) -> None:
    """Refuse a spectrum whose energies lack the edge that its header names.

    A rise elsewhere is only warned of: other elements of a sample have edges, too.
    """
    stated = f"the header says {edge.element} {edge.name}, at {edge.energy:g} eV, but"
    low, high = spectrum.energy[0], spectrum.energy[-1]
    if not low - CALCULATED_WITHIN < edge.energy < high + CALCULATED_WITHIN:
        raise RecordError(f"{spectrum.source}: {stated} its energies are {low:g} to {high:g} eV")
    try:
        rise = find_e0(spectrum)
    except RecordError:
        return  # said where an edge is needed
    if abs(rise - edge.energy) > FAR:
        logger.warning("%s: %s it rises most at %g eV", spectrum.source, stated, rise)


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    comments: list[str] | None = None
    for line in lines:
        if line and set(line) == {"-"}:
            break
        if line.startswith("///"):
            comments = []
        elif comments is not None:
            comments.append(line)
        elif match := FIELD.fullmatch(line):
            fields[match[1]] = match[2].strip()
    return {**fields, "comments": "\n".join(comments)} if comments else fields


def write_xdi(spectrum: Spectrum, path: str | Path) -> None:
    """Write a spectrum with its header; energies and mu are read back exactly.

    Raises:
        CheckpointError: it can't be written.
    """
    name = "norm" if spectrum.unit == "dimensionless" else "mu"
    fields = {k: v for k, v in spectrum.header.items() if not k.startswith("Column.")}
    comments = fields.pop("comments", "").splitlines()
    stated = {"Element.symbol": spectrum.element, "Element.edge": spectrum.edge}
    columns = {"energy eV": spectrum.energy, name: spectrum.mu}
    known = {key: value for key, value in stated.items() if value is not None}
    text = xdi_text(columns, fields | known, comments)
    write_durably(Path(path), lambda beside: beside.write_text(text), read_xdi)


def xdi_text(
    columns: Mapping[str, np.ndarray], fields: Mapping[str, str | None], comments: Sequence[str]
) -> str:
    """Text of an XDI file.

    Args:
        columns: by name, followed by a blank and the unit if there is one, each of shape
            (n_energies,); the first are the energies, eV.
        fields: of the header, `Family.key` to value; None: not written.
        comments: lines after the fields.
    """
    stated = {f"Column.{k}": name for k, name in enumerate(columns, start=1)}
    stated |= {
        key: " ".join(value.splitlines()) for key, value in fields.items() if value is not None
    }
    lines = [f"XDI/1.0 e3gnn-xanes/{package_version('e3gnn-xanes')}"]
    lines += [f"{key}: {value}" for key, value in stated.items()]
    comments = [" ".join(line.splitlines()) for line in comments]
    lines += ["///", *comments, "-" * 20, " ".join(name.split()[0] for name in columns)]
    rows = np.stack(list(columns.values()), axis=1).tolist()
    return "".join(f"# {line}\n" for line in lines) + "".join(
        " ".join(map(repr, row)) + "\n" for row in rows
    )

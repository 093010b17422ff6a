"""XDI, the XAFS Data Interchange format, version 1.0.

Definition: Ravel, Hester, Sole, Newville, J. Synchrotron Rad. 19, 869 (2012), and the specification
of the XraySpectroscopy/XAS-Data-Interchange repository.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.atomic_files import write_durably
from ..runtime.provenance import package_version
from .columns import choose_mu, in_order, read_columns
from .edges import FAR, find_edge
from .normalization import find_e0
from .spectrum import Spectrum

logger = logging.getLogger(__name__)

HC = 12398.419843
"""h c, eV Angstrom (CODATA 2018)."""
FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_]+):\s*(.*)")
ENERGY_UNITS = {"": 1.0, "ev": 1.0, "kev": 1000.0}


def is_xdi(path: Path) -> bool:
    """Whether a file says that it is XDI, in its first line."""
    with path.open("rb") as file:
        return re.match(rb"#\s*XDI/\d", file.read(64)) is not None


def read_xdi(path: str | Path, column: str | int | None = None) -> Spectrum:
    """Read a measured spectrum.

    Args:
        path: XDI file.
        column: see ``choose_mu``. None: mutrans, mufluor, or from i0 and itrans or ifluor.

    Returns:
        The spectrum with the header's fields; user comments are the field ``comments``.

    Raises:
        RecordError: the file is no XDI file, has no energy or mu, or its energies do not contain
            the edge that it names.
    """
    path = Path(path)
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    if not is_xdi(path):
        raise RecordError(f"{path}: does not begin with '# XDI/'")
    table = read_columns(path)
    header = _fields(table.header[1:])
    if not header.get("Column.1"):
        raise RecordError(f"{path}: the header has no Column.1, which names energy or angle")
    numbers = range(1, table.values.shape[1] + 1)
    columns = [(header.get(f"Column.{k}") or f"column{k}").lower().split() for k in numbers]
    table = replace(table, labels=[words[0] for words in columns])
    units = [" ".join(words[1:2]) for words in columns]
    energy = _photon_energy(path, table.labels, units, header, table.values)
    energy, mu = in_order(path, energy, choose_mu(table, column), table.lines)
    element, edge = header.get("Element.symbol"), header.get("Element.edge")
    spectrum = Spectrum(energy, mu, element=element, edge=edge, source=str(path), header=header)
    _check_edge(spectrum)
    return spectrum


def _check_edge(spectrum: Spectrum) -> None:
    """Compare a spectrum with the edge that its header names.

    A rise elsewhere is only warned of: other elements of a sample have edges, too.

    Raises:
        RecordError: the tabulated edge is outside its energies.
    """
    try:
        edge = find_edge(str(spectrum.element).capitalize(), str(spectrum.edge).upper())
    except ConfigError:
        return  # not named, or not tabulated
    stated = f"the header says {edge.element} {edge.name}, at {edge.energy:g} eV, but"
    low, high = spectrum.energy[0], spectrum.energy[-1]
    if not low < edge.energy < high:
        raise RecordError(f"{spectrum.source}: {stated} its energies are {low:g} to {high:g} eV")
    try:
        rise = find_e0(spectrum)
    except RecordError:
        return  # said where an edge is needed
    if abs(rise - edge.energy) > FAR:
        logger.warning("%s: %s it rises most at %g eV", spectrum.source, stated, rise)


def _fields(lines: list[str]) -> dict[str, str]:
    """Fields of the header by `Family.key`, in the file's order; comments after `///`."""
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


def _photon_energy(
    path: Path, labels: list[str], units: list[str], header: Mapping[str, str], values: np.ndarray
) -> np.ndarray:
    """Energies, eV, from keV or the monochromator's angle where the file has those.

    Raises:
        RecordError: neither energy nor angle, an unknown unit, or no d_spacing.
    """
    if "energy" in labels:
        k = labels.index("energy")
        if units[k] not in ENERGY_UNITS:
            raise RecordError(f"{path}: unit of energy is {units[k]!r}, expected eV or keV")
        return values[:, k] * ENERGY_UNITS[units[k]]
    if "angle" not in labels:
        raise RecordError(f"{path}: no column is named energy or angle, found {', '.join(labels)}")
    k = labels.index("angle")
    if units[k] and not units[k].startswith(("deg", "rad")):
        raise RecordError(f"{path}: unit of angle is {units[k]!r}, expected degrees or radians")
    angle = values[:, k] if units[k].startswith("rad") else np.radians(values[:, k])
    try:
        spacing = float(header["Mono.d_spacing"].split()[0])
    except (KeyError, ValueError, IndexError) as error:
        raise RecordError(f"{path}: angles, but no number Mono.d_spacing") from error
    if not (0 < spacing < np.inf and ((angle > 0) & (angle < np.pi)).all()):
        raise RecordError(f"{path}: angles or Mono.d_spacing {spacing:g} are out of range")
    return HC / (2.0 * spacing * np.sin(angle))  # Bragg's law


def write_xdi(spectrum: Spectrum, path: str | Path) -> None:
    """Write a spectrum with its header; energies and mu are read back exactly.

    Raises:
        CheckpointError: it can't be written.
    """
    name = "norm" if spectrum.unit == "dimensionless" else "mu"
    fields = {k: v for k, v in spectrum.header.items() if not k.startswith("Column.")}
    comments = fields.pop("comments", "").splitlines()
    stated = {"Element.symbol": spectrum.element, "Element.edge": spectrum.edge}
    fields |= {key: value for key, value in stated.items() if value is not None}
    fields = {"Column.1": "energy eV", "Column.2": name, **fields}
    lines = [f"XDI/1.0 e3gnn-xanes/{package_version('e3gnn-xanes')}"]
    lines += [f"{key}: {' '.join(value.splitlines())}" for key, value in fields.items()]
    lines += ["///", *comments, "-" * 20, f"energy {name}"]
    rows = np.stack([spectrum.energy, spectrum.mu], axis=1).tolist()
    text = "".join(f"# {line}\n" for line in lines) + "".join(f"{e!r} {mu!r}\n" for e, mu in rows)
    write_durably(Path(path), lambda beside: beside.write_text(text), read_xdi)

"""XDI, the XAFS Data Interchange format, version 1.0.

Definition: Ravel, Hester, Sole, Newville, J. Synchrotron Rad. 19, 869 (2012), and the specification
of the XraySpectroscopy/XAS-Data-Interchange repository.
"""

import logging
import re
from pathlib import Path

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.atomic_files import write_durably
from ..runtime.provenance import package_version
from .columns import Columns, choose_mu, read_columns
from .edges import FAR, find_edge
from .normalization import find_e0
from .spectrum import Spectrum

logger = logging.getLogger(__name__)

HC = 12398.419843
"""h c, eV Angstrom (CODATA 2018)."""
FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_]+):\s*(.*)")


def is_xdi(path: Path) -> bool:
    """Whether a file says that it is XDI, in its first line."""
    with path.open("rb") as file:
        return re.match(rb"#\s*XDI/\d", file.read(64)) is not None


def read_xdi(path: str | Path, column: str | int | None = None) -> Spectrum:
    """Read a measured spectrum.

    Args:
        path: XDI file.
        column: see ``choose_mu``; None: mutrans, mufluor, .., or from i0 and itrans or ifluor.

    Returns:
        The spectrum with the header's fields; user comments are the field ``comments``.

    Raises:
        RecordError: the file is no XDI file, or energy or mu can't be had from it.
    """
    path = Path(path)
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    if not is_xdi(path):
        raise RecordError(f"{path}: does not begin with '# XDI/'")
    table = read_columns(path)
    header = read_fields(table)
    labels = column_labels(path, header, table.values.shape[1])
    energy = photon_energy(path, labels, header, table.values)
    mu = choose_mu(table, [label.split()[0] for label in labels], column)
    energy, mu = in_order(path, energy, mu, table.lines)
    found = Spectrum(
        energy,
        mu,
        element=header.get("Element.symbol"),
        edge=header.get("Element.edge"),
        source=str(path),
        header=header,
    )
    _check_edge(found)
    return found


def _check_edge(spectrum: Spectrum) -> None:
    """Compare a spectrum with the edge that its header names.

    A rise elsewhere is only said: other elements of a sample have edges of their own.

    Raises:
        RecordError: the tabulated edge is outside its energies.
    """
    try:
        edge = find_edge(str(spectrum.element).capitalize(), str(spectrum.edge).upper())
        if not spectrum.energy[0] < edge.energy < spectrum.energy[-1]:
            raise RecordError(
                f"{spectrum.source}: the header says {edge.element} {edge.name}, at"
                f" {edge.energy:g} eV, but its energies are {spectrum.energy[0]:g} .."
                f" {spectrum.energy[-1]:g} eV"
            )
    except ConfigError:
        return  # not named, or not tabulated
    try:
        rise = find_e0(spectrum)
    except RecordError:
        return  # said where an edge is needed
    if abs(rise - edge.energy) > FAR:
        logger.warning(
            "%s: the header says %s %s, at %g eV, but it rises most at %g eV",
            *(spectrum.source, edge.element, edge.name, edge.energy, rise),
        )


def read_fields(table: Columns) -> dict[str, str]:
    """Fields of the header by `Family.key`, in the file's order; comments after `///`."""
    fields: dict[str, str] = {}
    comments: list[str] = []
    in_comments = False
    for line in table.header[1:]:
        match = FIELD.fullmatch(line)
        if line.startswith("///"):
            in_comments = True
        elif set(line) <= set("-"):
            break
        elif in_comments:
            comments.append(line)
        elif match is not None:
            fields[match[1]] = match[2].strip()
    if comments:
        fields["comments"] = "\n".join(comments)
    return fields


def column_labels(path: Path, header: dict[str, str], n_columns: int) -> list[str]:
    """`Column.N` of every column, lower case, with its unit.

    Raises:
        RecordError: a column has no name.
    """
    labels = [header.get(f"Column.{k + 1}", "").lower() for k in range(n_columns)]
    if not labels[0]:
        raise RecordError(f"{path}: the header has no Column.1, which names energy or angle")
    return [label or f"column{k + 1}" for k, label in enumerate(labels)]


def photon_energy(
    path: Path, labels: list[str], header: dict[str, str], values: np.ndarray
) -> np.ndarray:
    """Energies in eV, from keV or the monochromator's angle where the file has those.

    Raises:
        RecordError: neither energy nor angle, an unknown unit, or no d_spacing.
    """
    for k, label in enumerate(labels):
        name, unit = label.split()[0], (label.split() + ["", ""])[1]
        if name == "energy":
            if unit not in ("", "ev", "kev"):
                raise RecordError(f"{path}: unit of energy is {unit!r}, expected eV or keV")
            return values[:, k] * (1000.0 if unit == "kev" else 1.0)
    for k, label in enumerate(labels):
        name, unit = label.split()[0], (label.split() + ["", ""])[1]
        if name == "angle":
            radians = values[:, k] * (1.0 if unit.startswith("rad") else np.pi / 180.0)
            try:
                spacing = float(header["Mono.d_spacing"].split()[0])
            except (KeyError, ValueError, IndexError) as error:
                raise RecordError(f"{path}: angles, but no number Mono.d_spacing") from error
            if spacing <= 0 or not ((radians > 0) & (radians < np.pi)).all():
                raise RecordError(f"{path}: angles or Mono.d_spacing {spacing:g} are out of range")
            return HC / (2.0 * spacing * np.sin(radians))
    raise RecordError(f"{path}: no column is named energy or angle, found {', '.join(labels)}")


def in_order(
    path: Path, energy: np.ndarray, mu: np.ndarray, lines: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Energies upwards, each once: scans downwards are turned, points twice at one energy averaged.

    Raises:
        RecordError: energies go back and forth.
    """
    steps = np.diff(energy)
    if (steps <= 0).all():
        energy, mu, steps = energy[::-1], mu[::-1], -steps[::-1]
        lines = lines[::-1]
    if (steps < 0).any():
        at = int(np.argmax(steps < 0)) + 1
        raise RecordError(
            f"{path}: line {lines[at]}: energy {energy[at]:.3f} eV is below the one before,"
            f" {energy[at - 1]:.3f} eV"
        )
    distinct, first, count = np.unique(energy, return_index=True, return_counts=True)
    return distinct, np.add.reduceat(mu, first) / count


def write_xdi(spectrum: Spectrum, path: str | Path) -> None:
    """Write a spectrum with its header; what is read again is the same.

    Args:
        spectrum: what to write.
        path: file to write.

    Raises:
        CheckpointError: it can't be written.
    """
    name = "norm" if spectrum.unit == "dimensionless" else "mu"
    own = {"Column.1": "energy eV", "Column.2": name}
    if spectrum.element is not None:
        own["Element.symbol"] = spectrum.element
    if spectrum.edge is not None:
        own["Element.edge"] = spectrum.edge
    kept = {k: v for k, v in spectrum.header.items() if not k.startswith("Column.")}
    comments = kept.pop("comments", "")
    lines = [f"# XDI/1.0 e3gnn-xanes/{package_version('e3gnn-xanes')}"]
    lines += [f"# {key}: {value.replace(chr(10), ' ')}" for key, value in {**own, **kept}.items()]
    lines += ["# ///", *(f"# {line}" for line in comments.splitlines())]
    lines += ["#" + "-" * 20, f"# energy {name}"]
    rows = zip(spectrum.energy, spectrum.mu, strict=True)
    lines += [f"{energy!r} {mu!r}" for energy, mu in ((float(e), float(m)) for e, m in rows)]
    text = "\n".join(lines) + "\n"
    write_durably(Path(path), lambda beside: beside.write_text(text), read_xdi)

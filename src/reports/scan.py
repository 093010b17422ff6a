"""What `info` prints of measured files: scans and Athena projects."""

from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, RecordError
from ..xas.athena import read_project
from ..xas.columns import Columns, read_columns
from ..xas.edges import edges_near
from ..xas.measured import read_measured, split_group
from ..xas.noise import edge_signal
from ..xas.normalization import find_e0, normalize
from ..xas.spectrum import Spectrum
from ..xas.xdi import is_xdi, read_xdi_table

LOOKS_LIKE = 30.0
"""Tabulated edges this close to e0 are named, eV; oxidation moves an edge by up to 15 eV."""


def is_scan(path: Path) -> bool:
    """Whether a file is a project of Athena or XDI; other scans are any text of numbers."""
    return split_group(path)[0].suffix == ".prj" or is_xdi(path)


def describe_scan(path: Path, column: str | None = None, energy_column: str | None = None) -> str:
    """Columns, energies, edge and noise of a measured file; of a project its groups.

    See ``read_measured`` for the arguments; where mu can't be found, the reason is a line.

    Raises:
        RecordError: the file can't be read.
    """
    file, group = split_group(path)
    if file.suffix == ".prj":
        if group is None and len(read_project(file)) > 1:
            return describe_project(file)
        return "\n".join(["Athena project", *describe_spectrum(read_measured(path))])
    table = read_xdi_table(file)[0] if is_xdi(file) else read_columns(file)
    lines = [f"{'XDI' if is_xdi(file) else 'columns of text'}: {len(table.lines)} rows"]
    lines.append(f"columns: {', '.join(titles(table))}")
    try:
        spectrum = read_measured(path, column, energy_column)
    except RecordError as error:
        return "\n".join([*lines, str(error).removeprefix(f"{path}: ")])
    return "\n".join([*lines, *describe_spectrum(spectrum)])


def titles(table: Columns) -> list[str]:
    """Numbers, names and units of a table's columns."""
    if not table.labels:
        return [f"{table.values.shape[1]} without names"]
    names = zip(table.labels, table.units, strict=True)
    return [f"{k} {a}{f' ({b})' if b else ''}".strip() for k, (a, b) in enumerate(names, start=1)]


def describe_spectrum(spectrum: Spectrum) -> list[str]:
    """Energies, edge and noise of a measured spectrum."""
    energy = spectrum.energy
    span = f"energies: {len(energy)}, {energy[0]:.3f} to {energy[-1]:.3f} eV"
    lines = [spectrum.made_from, span]
    try:
        e0 = find_e0(spectrum)
    except RecordError as error:
        return [*lines, str(error).removeprefix(f"{spectrum.source}: ")]
    near = edges_near(e0, LOOKS_LIKE)
    listed = ", ".join(f"{e.element} {e.name} ({e.energy:.1f} eV)" for e in near)
    stated = f"{spectrum.element or '?'} {spectrum.edge or '?'}"
    known = "" if spectrum.element is None else f"; the header says {stated}"
    lines.append(f"e0: {e0:.2f} eV, near {listed or 'no tabulated edge'}{known}")
    signal = edge_signal(spectrum, e0)
    try:
        normalized = normalize(replace(spectrum, e0=e0))
    except (RecordError, ConfigError) as error:
        return [*lines, f"not normalized: {str(error).removeprefix(f'{spectrum.source}: ')}"]
    noise, step = signal.noise, normalized.edge_step
    lines.append(f"edge step: {step:.4g}")
    return [*lines, f"noise of a point: {noise:.2g}, {noise / step:.1e} of the edge step"]


def describe_project(path: Path) -> str:
    """Groups of an Athena project, one per line."""
    groups = read_project(path)
    lines = [f"Athena project: {len(groups)} groups; describe one with {path}:LABEL"]
    for group in groups:
        text = f"{group.label}: {group.kind}, {len(group.x)} points"
        shift = group.values.get("bkg_eshift")
        lines.append(f"{text}, shifted by {shift} eV" if shift not in (None, "", 0, "0") else text)
    return "\n".join(lines)

"""Which reader a path is for, by its content."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..dataset.record import UNITS, PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError
from .extxyz import is_extxyz, read_extxyz
from .fdmnes import find_fdmnes, read_fdmnes
from .feff import find_runs, read_feff
from .materials_project import is_materials_project, read_materials_project
from .npz import is_npz, read_npz
from .options import Given
from .plausibility import near_edge
from .table import is_table, read_table

PACKED = ("", ".gz", ".xz", ".bz2")
"""Endings of compressed text."""
NAMES = {
    "feff": "FEFF runs",
    "fdmnes": "FDMNES runs",
    "extxyz": "extended xyz",
    "materials_project": "XAS objects of the Materials Project",
    "npz": "NumPy archive",
    "table": "table of structure files",
}
"""Formats, and what to call them."""


@dataclass(frozen=True)
class FileFormat:
    """A format of single files."""

    suffixes: tuple[str, ...]
    """Endings of the files of a folder that are looked at."""
    matches: Callable[[Path], bool]
    """Whether a file's content is of the format."""
    read: Callable[[Path, Given], Iterator[Record | Rejected | PassedOver]]
    """Its reader."""


FILES = {
    "extxyz": FileFormat(
        tuple(f"{end}{pack}" for end in (".xyz", ".extxyz") for pack in PACKED),
        is_extxyz,
        read_extxyz,
    ),
    "materials_project": FileFormat(
        tuple(f".json{pack}" for pack in PACKED), is_materials_project, read_materials_project
    ),
    "npz": FileFormat((".npz",), is_npz, read_npz),
    "table": FileFormat((".csv", ".tsv"), is_table, read_table),
}
"""Formats of single files."""
RUNS: dict[str, Callable[[Path], Iterator[object]]] = {"feff": find_runs, "fdmnes": find_fdmnes}
"""Formats of folders: what finds their calculations."""


@dataclass(frozen=True)
class Source:
    """Something to read."""

    path: Path
    """Folder or file."""
    format: str
    """A key of ``NAMES``."""
    among: bool = False
    """Whether it is a file of a folder, where one that can't be read does not stop the others."""


def find_sources(path: str | Path, format: str | None = None) -> list[Source]:
    """Find out what a path holds.

    Args:
        path: folder of calculations, or a file.
        format: a key of ``NAMES``; None: found out by the content.

    Returns:
        What to read, in sorted order.

    Raises:
        RecordError: it is not there.
        ConfigError: it is of no known format, or of several.
    """
    path = Path(path)
    if format is not None and format not in NAMES:
        raise ConfigError(f"`format` is {format!r}, expected one of {', '.join(NAMES)}")
    if not path.exists():
        raise RecordError(f"{path}: no such {'folder' if not path.suffix else 'file or folder'}")
    if path.is_file():
        return [Source(path, file_format(path, format))]
    found = {name: look(path, name, format) for name in NAMES if format in (None, name)}
    there = [name for name, sources in found.items() if sources]
    if len(there) > 1:
        raise ConfigError(
            f"{path}: holds {' and '.join(NAMES[name] for name in there)}; give --format"
            f" {' or '.join(there)}"
        )
    if there:
        return found[there[0]]
    if format is None:
        raise ConfigError(f"{path}: holds nothing of a known format, {_known()}")
    if format in FILES:
        raise ConfigError(f"{path}: no file ends with {', '.join(FILES[format].suffixes)}")
    return [Source(path, format)]


def file_format(path: Path, format: str | None) -> str:
    """Format of a file.

    Raises:
        ConfigError: it is of no known one, or the one given is of folders.
    """
    if format in RUNS:
        raise ConfigError(f"{path}: a file, but {NAMES[format]} are folders; give the folder")
    if format is not None:
        return format
    found = next((name for name, kind in FILES.items() if kind.matches(path)), None)
    if found is None:
        raise ConfigError(f"{path}: of no known format, expected {_known()}")
    return found


def look(folder: Path, name: str, given: str | None = None) -> list[Source]:
    """What a folder holds of a format; one run is enough to know.

    With one file of the format, or where it is given, all with its ending are read, so that a
    damaged one is told. But what a table names may end as a table does.
    """
    if name in RUNS:
        return [Source(folder, name) for _ in islice(RUNS[name](folder), 1)]
    kind = FILES[name]
    files = sorted(path for path in _files(folder) if path.name.endswith(kind.suffixes))
    matching = [path for path in files if kind.matches(path)]
    every = name != "table" and (matching or given)
    return [Source(path, name, among=True) for path in (files if every else matching)]


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder."""
    for where, _, names in os.walk(folder):
        yield from (Path(where, name) for name in names)


def _known() -> str:
    """Names of the formats."""
    return ", ".join(f"{name} ({words})" for name, words in NAMES.items())


def read_source(
    source: Source, given: Given, target: str | None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read a source with the reader of its format.

    Args:
        source: what to read.
        given: what the user says of it.
        target: kind of spectrum wanted; None: FEFF's is absolute, others as given.

    Yields:
        Records, rejections, and what was of another element or edge.

    Raises:
        ConfigError: an option does not go with the format, or a format or target is unknown.
    """
    for name, value, known in (
        ("format", source.format, tuple(NAMES)),
        ("target", target, (None, *UNITS)),
    ):
        if value not in known:
            listed = ", ".join(word for word in known if word)
            raise ConfigError(f"`{name}` is {value!r}, expected one of {listed}")
    for found in _read(source, given, target):
        yield near_edge(found) if isinstance(found, Record) else found


def _read(
    source: Source, given: Given, target: str | None
) -> Iterator[Record | Rejected | PassedOver]:
    """What the reader of the format finds."""
    if source.format == "materials_project" and given.energy is not None:
        raise ConfigError(f"`--energy` does not go with {source.path}: the objects state it")
    if source.format in FILES:
        try:
            yield from FILES[source.format].read(source.path, given)
        except RecordError as error:
            if not source.among:
                raise
            yield Rejected(str(source.path), str(error).removeprefix(f"{source.path}: "))
        return
    code = NAMES[source.format].split()[0]
    for option, value in (("energy", given.energy), ("axis", given.axis)):
        if value is not None:
            raise ConfigError(f"`--{option}` does not go with {source.path}: {code} states it")
    if target == "as_given":
        raise ConfigError(f"`--target as_given` does not go with {source.path}: {code} has units")
    if source.format == "fdmnes":
        if target == "normalized":
            raise ConfigError(
                f"`--target normalized` does not go with {source.path}: FDMNES gives cross-sections"
            )
        yield from read_fdmnes(source.path, given.element, given.edge)
        return
    yield from read_feff(source.path, given.element, given.edge, target or "absolute")


def count_runs(source: Source) -> int | None:
    """Calculations in a source; None: not known before it is read."""
    find = RUNS.get(source.format)
    return None if find is None else sum(1 for _ in find(source.path))

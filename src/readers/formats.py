"""The reader of a path, inferred from its content."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError
from .options import Format, Given
from .plausibility import near_edge

FORMATS: dict[str, Format] = {
    name: import_module(f".{name}", __package__).FORMAT
    for name in ("feff", "fdmnes", "extxyz", "materials_project", "npz", "table")
}
"""What each module of a format says of it."""
NAMES = {name: format.title for name, format in FORMATS.items()}
"""Formats, and what to call them."""


@dataclass(frozen=True)
class Source:
    """Something to read."""

    path: Path
    """Folder or file."""
    format: str
    """A key of ``FORMATS``."""
    among: bool = False
    """Whether it is a file of a folder, where one that can't be read does not stop the others."""


def find_sources(path: str | Path, format: str | None = None) -> list[Source]:
    """Find out what a path contains.

    Args:
        path: folder of calculations, or a file.
        format: a key of ``FORMATS``; None: inferred from the content.

    Returns:
        What to read, in sorted order.

    Raises:
        RecordError: there is no such path.
        ConfigError: it is of no known format, or of several.
    """
    path = Path(path)
    _check_format(format, None)
    if not path.exists():
        raise RecordError(f"{path}: no such {'folder' if not path.suffix else 'file or folder'}")
    if path.is_file():
        return [Source(path, _format_of_file(path, format))]
    looked = [name for name in FORMATS if format in (None, name)]
    found = {name: sources for name in looked if (sources := _look(path, name, format))}
    if len(found) > 1:
        raise ConfigError(
            f"{path}: contains {' and '.join(NAMES[name] for name in found)}; give --format"
            f" {' or '.join(found)}"
        )
    if found:
        return next(iter(found.values()))
    if format is None:
        raise ConfigError(f"{path}: contains nothing of a known format, {_known()}")
    if FORMATS[format].matches is not None:
        raise ConfigError(f"{path}: no file ends with {', '.join(FORMATS[format].suffixes)}")
    return [Source(path, format)]


def _check_format(format: str | None, *also: None) -> None:
    if format not in (*FORMATS, *also):
        raise ConfigError(f"`format` is {format!r}, expected one of {', '.join(FORMATS)}")


def _format_of_file(path: Path, format: str | None) -> str:
    if format is not None:
        if FORMATS[format].matches is None:
            raise ConfigError(f"{path}: a file, but {NAMES[format]} are folders; give the folder")
        return format
    for name, kind in FORMATS.items():
        if kind.matches is not None and kind.matches(path):
            return name
    raise ConfigError(f"{path}: of no known format, expected {_known()}")


def _look(folder: Path, name: str, format: str | None) -> list[Source]:
    """What a folder contains of a format; one run is enough to know.

    With one file of the format, or where the user names it, all with its ending are read, so that a
    damaged one is reported.
    """
    kind = FORMATS[name]
    if kind.matches is None:
        return [Source(folder, name) for _ in islice(kind.find_runs(folder), 1)]
    below = (Path(where, file) for where, _, files in os.walk(folder) for file in files)
    files = sorted(path for path in below if path.name.endswith(kind.suffixes))
    matching = [path for path in files if kind.matches(path)]
    every = kind.own_suffixes and (matching or format)
    return [Source(path, name, among=True) for path in (files if every else matching)]


def _known() -> str:
    return ", ".join(f"{name} ({title})" for name, title in NAMES.items())


def read_source(source: Source, given: Given) -> Iterator[Record | Rejected | PassedOver]:
    """Read a source with the reader of its format.

    Args:
        source: what to read.
        given: what the user says of it.

    Yields:
        Records, rejections, and what was of another element or edge.

    Raises:
        ConfigError: an option does not go with the format, or a format is unknown.
    """
    _check_format(source.format)
    kind = FORMATS[source.format]
    for option, reason in kind.refuses.items():
        name, _, value = option.partition(" ")
        if getattr(given, name) is not None and value in ("", getattr(given, name)):
            raise ConfigError(f"`--{option}` does not go with {source.path}: {reason}")
    try:
        for found in kind.read(source.path, given):
            yield near_edge(found) if isinstance(found, Record) else found
    except RecordError as error:
        if not source.among:
            raise
        yield Rejected(str(source.path), str(error).removeprefix(f"{source.path}: "))


def count_runs(source: Source) -> int | None:
    """Calculations in a source; None: not known before it is read."""
    kind = FORMATS[source.format]
    return None if kind.matches is not None else sum(1 for _ in kind.find_runs(source.path))

"""The reader of a path, inferred from its content."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError
from .options import Format, ReadOptions

FORMATS: dict[str, Format] = {
    name: import_module(f".{name}", __package__).FORMAT
    for name in ("feff", "fdmnes", "extxyz", "materials_project", "npz", "table")
}
"""Description of each format by its name, which is that of its module."""
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
    """Whether it is one file of a folder, where one that can't be read does not stop the others."""


def find_sources(path: str | Path, format: str | None = None) -> list[Source]:
    """Find what there is to read.

    With one file of a format in a folder, or where the user names the format, all files with its
    endings are read, so that a damaged one is reported.

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
    kinds = FORMATS if format is None else {format: _lookup(format)}
    if not path.exists():
        raise RecordError(f"{path}: no such file or folder")
    if path.is_file():
        return [Source(path, _format_of_file(path, format))]
    files = sorted(Path(where, name) for where, _, names in os.walk(path) for name in names)
    sources: dict[str, list[Source]] = {}
    for name, kind in kinds.items():
        if kind.matches is None:  # one run is enough to know
            sources[name] = [Source(path, name) for _ in islice(kind.find_runs(path), 1)]
            continue
        candidates = [file for file in files if file.name.endswith(kind.suffixes)]
        matching = [file for file in candidates if kind.matches(file)]
        chosen = candidates if kind.own_suffixes and (matching or format) else matching
        sources[name] = [Source(file, name, among=True) for file in chosen]
    several = [name for name in sources if sources[name]]
    if len(several) > 1:
        raise ConfigError(
            f"{path}: contains {' and '.join(NAMES[name] for name in several)}; give --format"
            f" {' or '.join(several)}"
        )
    if several:
        return sources[several[0]]
    if format is None:
        raise ConfigError(f"{path}: contains nothing of a known format, {_known()}")
    if FORMATS[format].matches is not None:
        raise ConfigError(f"{path}: no file ends with {', '.join(FORMATS[format].suffixes)}")
    return [Source(path, format)]


def _lookup(format: str) -> Format:
    if format not in FORMATS:
        raise ConfigError(f"`format` is {format!r}, expected one of {', '.join(FORMATS)}")
    return FORMATS[format]


def _format_of_file(path: Path, format: str | None) -> str:
    if format is not None:
        if FORMATS[format].matches is None:
            raise ConfigError(f"{path}: a file, but {NAMES[format]} are folders; give the folder")
        return format
    for name, kind in FORMATS.items():
        if kind.matches is not None and kind.matches(path):
            return name
    raise ConfigError(f"{path}: unknown format, expected {_known()}")


def _known() -> str:
    return ", ".join(f"{name} ({title})" for name, title in NAMES.items())


def read_source(source: Source, options: ReadOptions) -> Iterator[Record | Rejected | PassedOver]:
    """Read a source with the reader of its format.

    Args:
        source: what to read.
        options: what the user says about it.

    Yields:
        Records, rejections, and what is of another element or edge.

    Raises:
        ConfigError: an option does not apply to the format or is missing, or the format is unknown.
        RecordError: the source can't be read, unless it is one file of a folder.
    """
    kind = _lookup(source.format)
    for name in kind.refuses:
        if getattr(options, name) is not None:
            raise ConfigError(f"`--{name}` does not go with {source.path}: {kind.title} state it")
    if options.target not in (None, *kind.targets):
        raise ConfigError(
            f"`--target {options.target}` does not go with {source.path}: {kind.title} give"
            f" {' or '.join(kind.targets)} spectra"
        )
    try:
        yield from kind.read(source.path, options)
    except RecordError as error:
        if not source.among:
            raise
        yield Rejected(str(source.path), str(error).removeprefix(f"{source.path}: "))


def count_runs(source: Source) -> int | None:
    """Number of calculations in a source; None: not known before it is read."""
    kind = FORMATS[source.format]
    return None if kind.matches is not None else sum(1 for _ in kind.find_runs(source.path))

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

    Raises:
        RecordError: there is no such path.
        ConfigError: it is of no known format, or of several.
    """
    path = Path(path)
    if format not in (None, *FORMATS):
        raise ConfigError(f"`format` is {format!r}, expected one of {', '.join(FORMATS)}")
    if not path.exists():
        raise RecordError(f"{path}: no such file or folder")
    files = sorted(Path(where, name) for where, _, names in os.walk(path) for name in names)
    formats = {name: _look(path, files, name, format) for name in FORMATS}
    several = [name for name, sources in formats.items() if sources]
    if len(several) == 1:
        return formats[several[0]]
    if several:
        titles = " and ".join(NAMES[name] for name in several)
        raise ConfigError(f"{path}: contains {titles}; give --format {' or '.join(several)}")
    if format is None:
        known = ", ".join(f"{name} ({title})" for name, title in NAMES.items())
        raise ConfigError(f"{path}: contains nothing of a known format, {known}")
    if FORMATS[format].matches is not None:
        raise ConfigError(f"{path}: no file ends with {', '.join(FORMATS[format].suffixes)}")
    if path.is_file():
        raise ConfigError(f"{path}: a file, but {NAMES[format]} are folders; give the folder")
    return [Source(path, format)]


def _look(path: Path, files: list[Path], name: str, format: str | None) -> list[Source]:
    """Sources of a format in a folder with these files, or in a file; ``format`` is the user's."""
    kind = FORMATS[name]
    if format not in (None, name):
        return []
    if kind.matches is None:  # one run is enough to know
        runs = kind.find_runs(path) if path.is_dir() else iter(())
        return [Source(path, name) for _ in islice(runs, 1)]
    if path.is_file():
        return [Source(path, name)] if format or kind.matches(path) else []
    candidates = [file for file in files if file.name.endswith(kind.suffixes)]
    matching = [file for file in candidates if kind.matches(file)]
    chosen = candidates if kind.own_suffixes and (matching or format) else matching
    return [Source(file, name, among=True) for file in chosen]


def read_source(source: Source, options: ReadOptions) -> Iterator[Record | Rejected | PassedOver]:
    """Read a source with the reader of its format; see ``options.read_each`` for what is yielded.

    Raises:
        ConfigError: an option does not apply to the format or is missing.
        RecordError: the source can't be read, unless it is one file of a folder.
    """
    if source.format not in FORMATS:
        raise ConfigError(f"`format` is {source.format!r}, expected one of {', '.join(FORMATS)}")
    kind = FORMATS[source.format]
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

"""Which reader a path is for, by its content."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError, RecordError
from ..record import Record, Rejected
from .extxyz import Given, read_extxyz
from .extxyz_frames import parse_comment
from .feff import find_runs, read_feff
from .text_file import numbered_lines

SUFFIXES = (".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz", ".xyz.xz", ".extxyz.xz", ".extxyz.bz2")
"""Endings of the files of a folder that are looked at."""
NAMES = {"feff": "FEFF runs", "extxyz": "extended xyz"}
"""Formats, and what to call them."""


@dataclass(frozen=True)
class Source:
    """Something to read."""

    path: Path
    """Folder or file."""
    format: str
    """A key of ``NAMES``."""


def find_sources(path: Path, format: str | None = None) -> list[Source]:
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
    if not path.exists():
        raise RecordError(f"{path}: no such {'folder' if not path.suffix else 'file or folder'}")
    if path.is_file():
        if format == "feff":
            raise ConfigError(f"{path}: a file, but FEFF runs are folders; give the folder")
        if format is None and not is_extxyz(path):
            raise ConfigError(f"{path}: of no known format, expected {_known()}")
        return [Source(path, "extxyz")]
    runs = format != "extxyz" and next(find_runs(path), None) is not None
    files = [] if format == "feff" else sorted(_candidates(path))
    files = [file for file in files if format == "extxyz" or is_extxyz(file)]
    if runs and files:
        raise ConfigError(
            f"{path}: holds FEFF runs and extended xyz files ({files[0].name}, ..); give"
            " `--format feff` or `--format extxyz`"
        )
    if not files and format == "extxyz":
        raise ConfigError(f"{path}: no file ends with {', '.join(SUFFIXES)}")
    if not files and not runs and format is None:
        raise ConfigError(f"{path}: holds nothing of a known format, {_known()}")
    return [Source(file, "extxyz") for file in files] or [Source(path, "feff")]


def _known() -> str:
    """Names of the formats."""
    return ", ".join(f"{name} ({words})" for name, words in NAMES.items())


def _candidates(folder: Path) -> Iterator[Path]:
    """Files below a folder that could be extended xyz."""
    for where, _, names in os.walk(folder):
        yield from (Path(where, name) for name in names if name.endswith(SUFFIXES))


def is_extxyz(path: Path) -> bool:
    """Whether a file starts as an extended xyz with spectra does.

    The first line is a number, the second has a value named ``mu``.
    """
    try:
        lines = numbered_lines(path)
        (_, count), (at, comment) = next(lines), next(lines)
        return count.strip().isdigit() and "mu" in parse_comment(comment, f"{path}: line {at}")
    except (RecordError, StopIteration):
        return False


def read_source(source: Source, given: Given, target: str | None) -> Iterator[Record | Rejected]:
    """Read a source with the reader of its format.

    Args:
        source: what to read.
        given: what the user says of it.
        target: kind of spectrum wanted; None: FEFF's is absolute, others as given.

    Yields:
        Records and rejections.

    Raises:
        ConfigError: an option does not go with the format.
    """
    if source.format == "extxyz":
        yield from read_extxyz(source.path, given)
        return
    for option, value in (("energy", given.energy), ("axis", given.axis)):
        if value is not None:
            raise ConfigError(f"`--{option}` does not go with {source.path}: FEFF states energies")
    if target == "as_given":
        raise ConfigError(f"`--target as_given` does not go with {source.path}: FEFF states units")
    yield from read_feff(source.path, given.element, given.edge, target or "absolute")


def count_runs(source: Source) -> int | None:
    """Calculations in a source; None: not known before it is read."""
    return sum(1 for _ in find_runs(source.path)) if source.format == "feff" else None

"""Which reader a path is for, by its content."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ...errors import ConfigError, RecordError
from ..record import PassedOver, Record, Rejected
from .extxyz import Given, read_extxyz
from .extxyz_frames import parse_comment
from .fdmnes import find_fdmnes, read_fdmnes
from .feff import find_runs, read_feff
from .text_file import numbered_lines

SUFFIXES = (".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz", ".xyz.xz", ".extxyz.xz", ".extxyz.bz2")
"""Endings of the files of a folder that are looked at."""
NAMES = {"feff": "FEFF runs", "fdmnes": "FDMNES runs", "extxyz": "extended xyz"}
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
        if format in ("feff", "fdmnes"):
            raise ConfigError(f"{path}: a file, but {NAMES[format]} are folders; give the folder")
        if format is None and not is_extxyz(path):
            raise ConfigError(f"{path}: of no known format, expected {_known()}")
        return [Source(path, "extxyz")]
    found = {name: list(look(path)) for name, look in LOOK.items() if format in (None, name)}
    there = [name for name, files in found.items() if files]
    if len(there) > 1:
        raise ConfigError(
            f"{path}: holds {' and '.join(NAMES[name] for name in there)}; give --format"
            f" {' or '.join(there)}"
        )
    if not there and format == "extxyz":
        raise ConfigError(f"{path}: no file ends with {', '.join(SUFFIXES)}")
    if not there and format is None:
        raise ConfigError(f"{path}: holds nothing of a known format, {_known()}")
    if there == ["extxyz"]:
        return [Source(file, "extxyz") for file in found["extxyz"]]
    return [Source(path, there[0] if there else str(format))]


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


def _extxyz_files(folder: Path) -> Iterator[Path]:
    """Extended xyz files with spectra below a folder, in sorted order."""
    return (file for file in sorted(_candidates(folder)) if is_extxyz(file))


LOOK: dict[str, Callable[[Path], Iterator[Path]]] = {
    "feff": lambda folder: (run.folder for run in islice(find_runs(folder), 1)),
    "fdmnes": lambda folder: islice(find_fdmnes(folder), 1),
    "extxyz": _extxyz_files,
}
"""What to look for in a folder; one run is enough to know."""


def read_source(
    source: Source, given: Given, target: str | None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read a source with the reader of its format.

    Args:
        source: what to read.
        given: what the user says of it.
        target: kind of spectrum wanted; None: FEFF's is absolute, others as given.

    Yields:
        Records, rejections, and what is of another element or edge.

    Raises:
        ConfigError: an option does not go with the format.
    """
    if source.format == "extxyz":
        yield from read_extxyz(source.path, given)
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
    finders = {"feff": find_runs, "fdmnes": find_fdmnes}
    find = finders.get(source.format)
    return None if find is None else sum(1 for _ in find(source.path))

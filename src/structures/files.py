"""Structure files through ASE, with errors that name the file."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from ase import Atoms
from ase.io import read

from ..errors import StructureError
from ..runtime import compressed_files as expanded
from .file_checks import check_file, check_promises

READ_ERRORS = (Exception,)
"""ASE's many readers raise whatever they meet, and classes of their own without a common base."""


def read_structures(path: str | Path, format: str | None = None) -> list[Atoms]:
    """Read every structure of a file that ASE knows.

    Args:
        path: CIF, POSCAR, xyz, extended xyz, ..
        format: ASE's name of the format; None: found out by name and content.

    Returns:
        The structures.

    Raises:
        StructureError: missing, not readable, empty, or compressed and too large.
    """
    path = Path(path)
    check_size(path)
    # what follows an @ in a name would be an index, and another file be read
    how: dict[str, Any] = {"format": format, "do_not_split_by_at_sign": True}
    try:
        # what is not finite is refused where it is used; a broken loop of a CIF is refused here
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("error", message="Wrong number")
            frames = cast(list[Atoms], read(plain_path(path), index=":", **how))
    except READ_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StructureError(f"{path}: not a structure that ASE reads ({reason})") from error
    if not frames:
        raise StructureError(f"{path}: holds no structure")
    check_file(path, format, frames)
    return frames


def check_size(path: Path) -> None:
    """Refuse a compressed file that is too large when unpacked; ASE would hold all of it.

    Raises:
        StructureError: that, or missing, or damaged; see also ``check_promises``.
    """
    if not path.is_file():
        raise StructureError(f"{path}: no such file")
    try:
        too_large = expanded.expands_beyond(path, expanded.LARGEST_EXPANDED)
    except expanded.DAMAGED as error:
        raise StructureError(f"{path}: damaged or cut ({error})") from error
    if too_large:
        raise StructureError(
            f"{path}: more than {expanded.LARGEST_EXPANDED} bytes when unpacked; if it is meant to"
            " be so large, unpack it first"
        )
    check_promises(path)


def plain_path(path: Path) -> str:
    """A path that ASE takes for a file: not for standard input or a server's address."""
    return str(path.absolute())


def named_structures(path: str | Path) -> list[tuple[str, Atoms]]:
    """Structures of a file with a name each.

    The name is the file's, or the folder's of a POSCAR, and numbered where there are several.

    Raises:
        StructureError: see ``read_structures``.
    """
    path = Path(path)
    frames, stem = read_structures(path), _stem(path)
    if len(frames) == 1:
        return [(stem, frames[0])]
    return [(f"{stem}-{number}", frame) for number, frame in enumerate(frames)]


def each_structure(paths: Sequence[Path]) -> Iterator[tuple[Path, str, Atoms | StructureError]]:
    """Read files one after the other; one that can't be read does not stop the others.

    Args:
        paths: files that ASE reads.

    Yields:
        File, name of the structure, and the structure, or why the file can't be read. Names that
        several files would give are numbered by the place of the structure.
    """
    stems, given = Counter(_stem(path) for path in paths), set[str]()
    number = 0
    for path in paths:
        found: list[tuple[str, Atoms | StructureError]]
        try:
            found = list(named_structures(path))
        except StructureError as error:
            found = [(_stem(path), error)]
        for name, atoms in found:
            unique = f"{name}-{number}" if stems[_stem(path)] > 1 else name
            while unique in given:  # a file may be called as the frame of another one is
                unique += f"-{number}"
            given.add(unique)
            yield path, unique, atoms
            number += 1


def _stem(path: Path) -> str:
    """Name of a file's structure: the file's without its ending, or the folder's of a POSCAR."""
    is_poscar = path.name in ("POSCAR", "CONTCAR")
    return path.resolve().parent.name if is_poscar else path.stem

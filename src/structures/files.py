"""Structure files through ASE, with errors that name the file.

CIF and POSCAR have readers of their own, ``cif`` and ``poscar``. Refused although ASE accepts it
silently: frames of xyz after an empty line.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import iread
from ase.io.formats import UnknownFileTypeError, filetype

from ..errors import StructureError
from ..runtime import text_files
from ..runtime.atomic_files import first_line


def read_structures(path: str | Path, format: str | None = None) -> list[Atoms]:
    """Read every structure of a file; see ``stream_structures``.

    Raises:
        StructureError: also if there is none.
    """
    path = Path(path)
    with np.errstate(all="ignore"):  # what is not finite is refused where it is used
        frames = list(stream_structures(path, format))
    if not frames:
        raise StructureError(f"{path}: contains no structure")
    return frames


def stream_structures(path: Path, format: str | None = None) -> Iterator[Atoms]:
    """Yield the structures of a file one by one, such as frames of a trajectory.

    Args:
        path: CIF, POSCAR, xyz, extended xyz, or what else ASE reads.
        format: ASE's name of the format; None: inferred from name and content.

    Raises:
        StructureError: missing, compressed and too large, incomplete, or a structure that ASE can't
            read; its number, from 0, is named if it is not the first.
    """
    if not path.is_file():
        raise StructureError(f"{path}: no such file")
    try:
        too_large = text_files.expands_too_far(path)
    except text_files.DAMAGED as error:
        raise StructureError(f"{path}: damaged or cut ({error})") from error
    if too_large:  # ASE would keep all of it in memory
        raise StructureError(
            f"{path}: more than {text_files.LARGEST_EXPANDED} bytes when unpacked; if it has to be"
            " so large, unpack it first"
        )
    kind = format
    with suppress(UnknownFileTypeError, OSError):
        kind = format or str(filetype(str(path.absolute())))
    if kind in ("xyz", "extxyz"):
        _check_frames(path)
    number = 0
    try:
        if kind == "cif":
            from .cif import read_cif

            yield from read_cif(path)
        elif kind == "vasp":
            from .poscar import read_poscar

            yield read_poscar(path)
        else:
            with text_files.unpacked(path) as plain:
                # text after an @ would be an index; an absolute path is no server's address
                where = str(plain.absolute())
                for atoms in iread(where, ":", format, do_not_split_by_at_sign=True):
                    yield atoms
                    number += 1
    except StructureError:
        raise
    except Exception as error:  # ASE's readers raise classes without a common base
        raise StructureError(
            f"{path}: {f'frame {number}: ' * bool(number)}not a structure that ASE reads"
            f" ({first_line(error)})"
        ) from error


def _check_frames(path: Path) -> None:
    """Refuse a cut frame of xyz, and frames after an empty line, where ASE stops silently."""
    with text_files.open_expanded(path) as file:
        lines = enumerate(file, start=1)
        for number, line in lines:
            if text_files.COUNT.fullmatch(line.strip()):
                n_lines = sum(1 for _ in islice(lines, int(line) + 1))  # comment and atoms
                if n_lines <= int(line):
                    raise StructureError(
                        f"{path}: line {number}: {int(line)} atoms and a comment need"
                        f" {int(line) + 1} lines, but {n_lines} follow"
                    )
            elif not line.strip() and any(rest.strip() for _, rest in lines):
                raise StructureError(
                    f"{path}: line {number}: text after the blank line that ends the last frame"
                )


def named_structures(path: str | Path) -> list[tuple[str, Atoms]]:
    """Structures of a file with a name each; see ``read_structures``.

    The name is the file's, or the folder's of a POSCAR, and numbered where there are several.
    """
    path = Path(path)
    frames, stem = read_structures(path), _stem(path)
    if len(frames) == 1:
        return [(stem, frames[0])]
    return [(f"{stem}-{number}", frame) for number, frame in enumerate(frames)]


def each_structure(paths: Sequence[Path]) -> Iterator[tuple[Path, str, Atoms | StructureError]]:
    """Read files one after the other; one that can't be read does not stop the others.

    Yields:
        File, name of the structure, and the structure or why the file can't be read. Where names
        coincide, the number of the structure is appended.
    """
    stems, used = Counter(_stem(path) for path in paths), set[str]()
    number = 0
    for path in paths:
        named: list[tuple[str, Atoms | StructureError]]
        try:
            named = list(named_structures(path))
        except StructureError as error:
            named = [(_stem(path), error)]
        for name, atoms in named:
            unique = f"{name}-{number}" if stems[_stem(path)] > 1 else name
            while unique in used:  # a file may have the name of another one's frame
                unique += f"-{number}"
            used.add(unique)
            yield path, unique, atoms
            number += 1


def _stem(path: Path) -> str:
    is_poscar = path.name in ("POSCAR", "CONTCAR")
    return path.resolve().parent.name if is_poscar else path.stem

"""Folders of FEFF calculations: where runs are, what their names say, where the crystal is."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError
from ..structures.names import NOT_FIRST

SITE_FOLDER = re.compile(r"^(\d+)_([A-Z][a-z]?)$")
AXIS_FOLDER = re.compile(r"^[xyz]$")
"""Folders of a site's spectra for three polarizations, in the site's."""


@dataclass(frozen=True)
class Run:
    """A folder with a calculation, and what its name says."""

    folder: Path
    material: str
    site: int | None
    """Site in the crystal, where the folder's name gives it."""
    label: str | None
    """The same as the name writes it, leading zeros included."""
    element: str | None
    """Absorbing element, where the folder's name gives it."""
    places: tuple[Path, ...]
    """Folders in which a crystal would stand."""


def find_runs(root: Path) -> Iterator[Run]:
    """Yield the runs below a folder in sorted order.

    Raises:
        RecordError: ``root`` is not a folder.
    """
    if not root.is_dir():
        raise RecordError(f"{root}: no such folder")
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder = Path(where)
        full = Path(os.path.abspath(folder))  # a root such as `.` does not show its name
        axis = full.name if AXIS_FOLDER.match(full.name) else ""
        if axis and SITE_FOLDER.match(full.parent.name):
            full = full.parent
        elif any(map(AXIS_FOLDER.match, folders)) and SITE_FOLDER.match(full.name):
            continue  # the spectra are in the folders below
        named = SITE_FOLDER.match(full.name)
        in_layout = named and full.parent.name == "FEFF-XANES"
        if not in_layout and not {"xmu.dat", "feff.inp"} & set(files):
            continue
        if named:
            home = full.parent.parent if in_layout else full.parent
            label, element = named.groups()
            site = int(label)
            label += f"-{axis}" if axis else ""
            yield Run(folder, _label(home.name), site, label, element, (folder, home))
        elif not has_crystal(full) and has_crystal(full.parent):
            # `<material>/POSCAR` with runs of any name below it: one material
            yield Run(folder, _label(full.parent.name), None, None, None, (full.parent,))
        else:
            relative = folder.relative_to(root).as_posix()
            material = full.name if relative == "." else relative
            yield Run(folder, _label(material), None, None, None, (folder,))


def _label(name: str) -> str:
    """Material's name without what an id in a list of ids can't hold."""
    return re.sub(r"[/\\\s]+", "-", name).lstrip(NOT_FIRST)


def crystal_files(folder: Path) -> list[Path]:
    """Files in a folder that could be its crystal: POSCAR, else every CIF."""
    poscar = folder / "POSCAR"
    return [poscar] if poscar.is_file() else sorted(folder.glob("*.cif"))


def has_crystal(folder: Path) -> bool:
    """Whether a folder has a file that could be its crystal."""
    return bool(crystal_files(folder))


def find_crystal(places: tuple[Path, ...]) -> Path | None:
    """Crystal file in the first folder that has one: POSCAR, else the only CIF.

    Raises:
        RecordError: a folder has several CIF files and no POSCAR.
    """
    for folder in places:
        found = crystal_files(folder)
        if len(found) > 1:
            raise RecordError(f"{folder}: {len(found)} CIF files and no POSCAR, expected one")
        if found:
            return found[0]
    return None

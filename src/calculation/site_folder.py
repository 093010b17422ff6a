"""Folders of calculations: one per site in Lightshow's layout, complete or absent.

Layout::

    <root>/<material>/POSCAR
    <root>/<material>/FEFF-XANES/<site>_<element>/feff.inp, xmu.dat
    <root>/<material>/FEFF-XANES/<site>_<element>/x/feff.inp, xmu.dat     of polarized spectra
    <root>/.running/     work under way
    <root>/.failed/      input and output of the sites without a spectrum
    <root>/failed.csv    these sites, and why
"""

import hashlib
import io
import shutil
from pathlib import Path

from ase import Atoms
from ase.io import write

from ..errors import ConfigError
from .plan import Site

RUNNING, FAILED = ".running", ".failed"
REQUEST = "* Request "
"""Beginning of the comment with a checksum of the input that was asked for."""


def request_of(wanted: str) -> str:
    """Comment with the checksum of an input; comments and titles do not count."""
    lines = [line for line in wanted.splitlines() if not line.startswith(("*", "TITLE"))]
    return REQUEST + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def with_request(text: str, wanted: str) -> str:
    """An input with the checksum of the one that was asked for, which a second try changes."""
    return f"{request_of(wanted)}\n{text}"


def site_folder(root: Path, site: Site) -> Path:
    """Folder of a site's calculation."""
    return root / site.material / "FEFF-XANES" / f"{site.site:03d}_{site.element}"


def running_folder(root: Path, site: Site) -> Path:
    """Folder of a site's calculation while it is under way."""
    return root / RUNNING / f"{site.id}_{site.element}"


def failed_folder(root: Path, site: Site) -> Path:
    """Folder of input and output of a site that failed."""
    return root / FAILED / f"{site.id}_{site.element}"


def is_done(folder: Path, wanted: str) -> bool:
    """Whether a site is calculated with the input asked for, the first where there are several.

    Raises:
        ConfigError: there is a calculation with another input.
    """
    inputs = sorted(folder.rglob("feff.inp"))
    if not inputs or not any(folder.rglob("xmu.dat")):  # written for somebody to run
        return False
    if request_of(wanted) not in inputs[0].read_text(errors="replace"):
        raise ConfigError(
            f"{folder}: calculated with another input than is asked for now; name another folder"
            " with --output, or remove this one"
        )
    return True


def write_structure(root: Path, site: Site) -> None:
    """Write a material's POSCAR, unless it is there; clusters and slabs have none.

    Raises:
        ConfigError: another structure of that name is there.
    """
    if not all(site.atoms.pbc):
        return
    path = root / site.material / "POSCAR"
    text = io.StringIO()
    bare = Atoms(site.atoms.numbers, site.atoms.positions, cell=site.atoms.cell, pbc=site.atoms.pbc)
    write(text, bare, format="vasp", direct=True)
    if path.is_file():
        if path.read_text() != text.getvalue():
            raise ConfigError(
                f"{path}: another structure of this name is there; name another folder"
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".POSCAR.{site.site}.part")
    beside.write_text(text.getvalue())
    beside.replace(path)


def install(work: Path, folder: Path) -> None:
    """Put a finished folder in its place in one step."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():  # inputs without a spectrum
        shutil.rmtree(folder)
    work.replace(folder)

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
from collections.abc import Mapping
from pathlib import Path

from ase import Atoms
from ase.io import write

from ..errors import ConfigError
from .plan import Site

RUNNING, FAILED = ".running", ".failed"


def checksum(text: str) -> str:
    """Comment with the checksum of an input; its own comments and titles do not count."""
    lines = [line for line in text.splitlines() if not line.startswith(("*", "TITLE"))]
    return "* Request " + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def site_folder(root: Path, site: Site) -> Path:
    """Folder of a site's calculation."""
    return root / site.material / "FEFF-XANES" / f"{site.site:03d}_{site.element}"


def is_done(folder: Path, inputs: Mapping[str, str]) -> bool:
    """Whether all spectra of a site have been calculated; see ``Request.inputs``.

    Raises:
        ConfigError: its folder has a calculation with other inputs.
    """
    if not any(folder.rglob("xmu.dat")):  # inputs alone may have been written
        return False
    for axis, text in inputs.items():
        path = folder / axis / "feff.inp"
        if not path.is_file() or text.splitlines()[0] not in path.read_text(errors="replace"):
            raise ConfigError(
                f"{folder}: calculated from another structure or with other settings than requested"
                " now; name another folder with --output, or remove this one"
            )
    return True


def write_structure(root: Path, site: Site) -> None:
    """Write a material's POSCAR, unless it exists; clusters and slabs have none.

    Raises:
        ConfigError: it contains another structure.
    """
    atoms, text = site.atoms, io.StringIO()
    if not all(atoms.pbc):
        return
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    write(text, bare, format="vasp", direct=True)
    path = root / site.material / "POSCAR"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".POSCAR.{site.site}.part")  # other sites may be writing it too
        part.write_text(text.getvalue())
        part.replace(path)
    elif path.read_text() != text.getvalue():
        raise ConfigError(
            f"{path}: already contains another structure; name another folder with --output"
        )

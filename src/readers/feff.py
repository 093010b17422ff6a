"""FEFF calculations of versions 7 to 10: a folder of runs to records.

A run is a folder with ``xmu.dat`` or ``feff.inp``, or one named `<site>_<element>` as in
Lightshow's layout, `<material>/FEFF-XANES/<site>_<element>/xmu.dat` with `<material>/POSCAR` above
it and the 0-based site. The structure is the crystal that the CIF card of ``feff.inp`` names, else
the one beside the run, else the cluster of ``feff.inp``. Formats: FEFF user's guide; Rehr et al.,
Phys. Chem. Chem. Phys. 12, 5503 (2010).
"""

import contextlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ase.data import chemical_symbols

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError
from ..structures.names import to_name
from .feff_input import FeffInput, read_feff_input
from .feff_structure import choose_structure, crystal_files
from .feff_xmu import Xmu, header_absorber, read_xmu
from .options import Format, ReadOptions, read_each
from .plausibility import BOHR, check_cross_section

SITE_FOLDER = re.compile(r"^(\d+)_([A-Z][a-z]?)$")
AXIS_FOLDER = re.compile(r"^[xyz]$")
"""Folders of a site's spectra for three polarizations, in the site's."""


@dataclass(frozen=True)
class Run:
    """A folder with a calculation, and what its name says."""

    folder: Path
    material: str
    places: tuple[Path, ...]
    """Folders in which its crystal may be."""
    site: int | None = None
    """Site in the crystal; this and the following where the folder's name gives it."""
    label: str | None = None
    """The same as the name writes it, leading zeros included."""
    element: str | None = None
    """Absorbing element."""
    suffix: str = ""
    """End of the record's id: the edge where the material has runs of several."""


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
            digits, element = named.groups()
            label = f"{digits}-{axis}" if axis else digits
            yield Run(folder, to_name(home.name), (folder, home), int(digits), label, element)
        elif not crystal_files(full) and crystal_files(full.parent):
            # `<material>/POSCAR` with runs of any name below it: one material
            yield Run(folder, to_name(full.parent.name), (full.parent,))
        else:
            relative = folder.relative_to(root).as_posix()
            yield Run(folder, to_name(full.name if relative == "." else relative), (folder,))


def read_feff(
    root: str | Path,
    element: str | None = None,
    edge: str | None = None,
    target: str = "absolute",
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every run below a folder; see ``options.read_each`` for what is yielded.

    Args:
        root: folder of calculations.
        element: absorbing element, its symbol; None: all.
        edge: edge, such as K; None: all.
        target: "absolute", the cross-section mu xsedge / a0^2 in 1e-3 a0^2, or "normalized", mu as
            FEFF gives it, divided by the cross-section ``xsedge`` above the edge.

    Raises:
        RecordError: ``root`` is not a folder, or ``edge`` is none.
        ConfigError: another target, or ``element`` is no symbol.
    """
    if target not in FORMAT.targets:
        raise ConfigError(f"`target` is {target!r}, expected {' or '.join(FORMAT.targets)}")
    options = ReadOptions(element, edge, target=target)
    runs = _name_edges(list(find_runs(Path(root))))
    yield from read_each(
        ((str(run.folder), partial(read_run, run, options)) for run in runs), options
    )


def _name_edges(runs: list[Run]) -> Iterator[Run]:
    """Runs, with the edge in the ids of a material's element that has runs at several edges."""
    count = Counter(run.material for run in runs)
    kinds = [_kind(run.folder) if count[run.material] > 1 else (None, None) for run in runs]
    edges = defaultdict[tuple[str, str | None], set[str | None]](set)
    for run, (element, edge) in zip(runs, kinds, strict=True):
        edges[run.material, element].add(edge)
    for run, (element, edge) in zip(runs, kinds, strict=True):
        several = len(edges[run.material, element]) > 1
        yield replace(run, suffix=f"-{edge}") if several else run


def _kind(folder: Path) -> tuple[str | None, str | None]:
    """Element and edge of a run by its spectrum, else by its input, as far as they can be read."""
    with contextlib.suppress(OSError, RecordError):
        return header_absorber(folder)
    with contextlib.suppress(OSError, RecordError):
        inp = read_feff_input(folder / "feff.inp")
        return inp.element, inp.edge or "K"  # FEFF's default
    return None, None


def read_run(run: Run, options: ReadOptions) -> Record | None:
    """Read one run; None: its name or its input are of another element or edge.

    Raises:
        RecordError: it did not finish, or its files contradict each other.
    """
    path = run.folder / "feff.inp"
    inp = read_feff_input(path) if path.is_file() else FeffInput()
    # a run that did not finish is reported only where its spectrum is to be read
    if not (options.select(run.element, inp.edge) and options.select(inp.element, None)):
        return None
    xmu = read_xmu(run.folder, inp if path.is_file() else None)
    _check_agreement(run, xmu, inp)
    check_cross_section(f"{run.folder}/xmu.dat: xsedge", xmu.z, xmu.edge, xmu.cross_section)
    if options.target == "normalized" and xmu.xsedge == 1.0:
        raise RecordError(
            f"{run.folder}: mu is a cross-section (card ABSOLUTE) and can't be normalized as FEFF"
            " does; read it with the target absolute"
        )
    atoms, site = choose_structure(run.folder, run.places, run.site, inp, chemical_symbols[xmu.z])
    return Record(
        id=f"{run.material}_{run.label or f'{site:03d}'}{run.suffix}",
        material=run.material,
        atoms=atoms,
        site=site,
        element=chemical_symbols[xmu.z],
        edge=xmu.edge,
        energy=xmu.energy,
        mu=xmu.mu * (1.0 if options.target == "normalized" else xmu.xsedge / BOHR**2 * 1e3),
        target=options.target or "absolute",
        code="FEFF",
        version=xmu.version,
        source=str(run.folder),
        fermi_level=xmu.fermi_level,
        polarization=inp.polarization,
        preset=inp.preset,
        cards=inp.cards,
        interstitial=xmu.interstitial,
        kf=xmu.kf,
        radii=xmu.radii,
    )


def _check_agreement(run: Run, xmu: Xmu, inp: FeffInput) -> None:
    """Refuse a spectrum whose element or edge differs from the folder's name or the input."""
    element = chemical_symbols[xmu.z]
    for what, value, expected in (
        ("the folder's name", run.element, element),
        ("feff.inp", inp.element, element),
        ("feff.inp", inp.edge, xmu.edge),
    ):
        if value not in (None, expected):
            raise RecordError(
                f"{run.folder}: {what} says {value}, but xmu.dat is of {element} {xmu.edge}"
            )


FORMAT = Format(
    title="FEFF runs",
    read=lambda path, options: read_feff(
        path, options.element, options.edge, options.target or "absolute"
    ),
    find_runs=find_runs,
    refuses=("energy", "axis"),
    targets=("absolute", "normalized"),
)

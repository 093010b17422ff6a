"""FEFF 8, 9 and 10 calculations: a folder of runs to records.

A run is a folder with ``xmu.dat`` or ``feff.inp``, or one named `<site>_<element>` as in
Lightshow's layout, `<material>/FEFF-XANES/<site>_<element>/xmu.dat` with `<material>/POSCAR` above
it and the 0-based site. The structure is the crystal beside the run where there is one, else the
cluster of ``feff.inp``. Formats: FEFF user's guide; Rehr et al., Phys. Chem. Chem. Phys. 12, 5503
(2010).
"""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError, StructureError
from ..structures.files import read_structures
from ..structures.graph import check_atoms, neighbors
from ..structures.names import to_name
from .feff_input import FeffInput, read_feff_input
from .feff_xmu import Xmu, read_xmu
from .options import Format, ReadOptions, read_each
from .plausibility import BOHR, check_cross_section

SITE_FOLDER = re.compile(r"^(\d+)_([A-Z][a-z]?)$")
AXIS_FOLDER = re.compile(r"^[xyz]$")
"""Folders of a site's spectra for three polarizations, in the site's."""
COMPARED_WITHIN = 4.0
"""Neighbors of cluster and crystal are compared up to this distance, Angstrom."""
TOLERANCE = 0.01
"""Largest difference of their distances, Angstrom."""


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
        elif not _crystals(full) and _crystals(full.parent):
            # `<material>/POSCAR` with runs of any name below it: one material
            yield Run(folder, to_name(full.parent.name), (full.parent,))
        else:
            relative = folder.relative_to(root).as_posix()
            yield Run(folder, to_name(full.name if relative == "." else relative), (folder,))


def _crystals(folder: Path) -> list[Path]:
    """Files in a folder that could be its crystal: POSCAR, else every CIF."""
    poscar = folder / "POSCAR"
    return [poscar] if poscar.is_file() else sorted(folder.glob("*.cif"))


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
    runs = find_runs(Path(root))
    yield from read_each(
        ((str(run.folder), partial(read_run, run, options)) for run in runs), options
    )


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
    check_cross_section(f"{run.folder}/xmu.dat: xsedge", xmu.z, xmu.edge, xmu.xsedge)
    atoms, site = _choose_structure(run, inp, chemical_symbols[xmu.z])
    return Record(
        id=f"{run.material}_{run.label or f'{site:03d}'}",
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


def _choose_structure(run: Run, inp: FeffInput, element: str) -> tuple[Atoms, int]:
    """Crystal or cluster of a run, and the absorber's index in it.

    Raises:
        RecordError: there is none, or cluster and crystal do not describe the same site.
    """
    paths = next((files for place in run.places if (files := _crystals(place))), [])
    if len(paths) > 1:
        raise RecordError(f"{paths[0].parent}: {len(paths)} CIF files and no POSCAR, expected one")
    if inp.cluster is not None:
        check_atoms(inp.cluster)
    if not paths:
        if inp.cluster is None:
            raise RecordError(f"{run.folder}: no POSCAR, no CIF and no feff.inp with an ATOMS list")
        return inp.cluster, inp.absorber
    crystal = _read_crystal(paths[0], paths[0].stat().st_mtime_ns)
    sites = np.flatnonzero(crystal.numbers == atomic_numbers[element]).tolist()
    if run.site is not None:
        if run.site not in sites:
            symbol = crystal[run.site].symbol if run.site < len(crystal) else "no atom"
            raise RecordError(
                f"{run.folder}: site {run.site} of {paths[0]} is {symbol}, expected {element}"
            )
        sites = [run.site]
    if inp.cluster is None:
        if len(sites) != 1:
            raise RecordError(f"{run.folder}: {len(sites)} {element} sites could be the absorber")
        return crystal.copy(), sites[0]
    ((cluster_vectors, cluster_numbers),) = _surroundings(inp.cluster, [inp.absorber])
    for site, (vectors, numbers) in zip(sites, _surroundings(crystal, sites), strict=True):
        if _same_shells(vectors, numbers, cluster_vectors, cluster_numbers):
            if inp.polarization and not _same_axes(vectors, cluster_vectors):
                return inp.cluster, inp.absorber
            return crystal.copy(), site
    raise RecordError(
        f"{run.folder}: the absorber's neighbors in feff.inp within {COMPARED_WITHIN} Angstrom"
        f" are not those of {'site ' + str(run.site) if run.site is not None else 'any site'}"
        f" in {paths[0]}"
    )


@functools.lru_cache(maxsize=4)
def _read_crystal(path: Path, _changed: int) -> Atoms:
    """Read a crystal, once for all sites of a material; ``_changed`` is the time of its file."""
    crystal = read_structures(path, format="cif" if path.suffix == ".cif" else "vasp")[0]
    try:
        check_atoms(crystal)
    except StructureError as error:
        raise StructureError(f"{path}: {error}") from error
    return crystal


def _surroundings(atoms: Atoms, sites: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each site the vectors to its neighbors, Angstrom (n, 3), and their elements (n,)."""
    (source, target), shift = neighbors(atoms, COMPARED_WITHIN)
    vectors = atoms.positions[source] - atoms.positions[target] - shift
    for site in sites:
        mine = target == site
        yield vectors[mine], atoms.numbers[source[mine]]


def _same_shells(
    vectors: np.ndarray, numbers: np.ndarray, others: np.ndarray, other_numbers: np.ndarray
) -> bool:
    """Whether two sites have neighbors at the same distances, those at the rim aside."""
    rim = COMPARED_WITHIN - TOLERANCE
    for z in {*numbers.tolist(), *other_numbers.tolist()}:
        a = np.sort(np.linalg.norm(vectors[numbers == z], axis=1))
        b = np.sort(np.linalg.norm(others[other_numbers == z], axis=1))
        count = max((a < rim).sum(), (b < rim).sum())
        if min(len(a), len(b)) < count or (np.abs(a[:count] - b[:count]) > TOLERANCE).any():
            return False
    return True


def _same_axes(vectors: np.ndarray, others: np.ndarray) -> bool:
    """Whether each vector within the rim is among the others, so that the axes are the same."""
    inside = vectors[np.linalg.norm(vectors, axis=1) < COMPARED_WITHIN - TOLERANCE]
    apart = np.linalg.norm(inside[:, None] - others, axis=2)
    return bool((apart.min(axis=1, initial=np.inf) < TOLERANCE).all())


FORMAT = Format(
    title="FEFF runs",
    read=lambda path, options: read_feff(
        path, options.element, options.edge, options.target or "absolute"
    ),
    find_runs=find_runs,
    refuses=("energy", "axis"),
    targets=("absolute", "normalized"),
)

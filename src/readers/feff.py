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
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from ..dataset.record import PassedOver, Record, Rejected, if_wanted
from ..errors import ConfigError, RecordError, StructureError, XanesError
from ..structures.files import read_structures
from ..structures.graph import check_atoms, check_distances, neighbors
from ..structures.names import LARGEST_Z, NOT_FIRST, check_wanted
from .feff_input import FeffInput, read_feff_input
from .feff_xmu import Xmu, read_xmu
from .options import Format
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
    """Site in the crystal, where the folder's name gives it."""
    label: str | None = None
    """The same as the name writes it, leading zeros included."""
    element: str | None = None
    """Absorbing element, where the folder's name gives it."""


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
            places = (folder, home)
            yield Run(folder, _name(home.name), places, int(digits), label, element)
        elif not _crystals(full) and _crystals(full.parent):
            # `<material>/POSCAR` with runs of any name below it: one material
            yield Run(folder, _name(full.parent.name), (full.parent,))
        else:
            relative = folder.relative_to(root).as_posix()
            yield Run(folder, _name(full.name if relative == "." else relative), (folder,))


def _name(material: str) -> str:
    """Material's name without what an id in a list of ids can't contain."""
    return re.sub(r"[/\\\s]+", "-", material).lstrip(NOT_FIRST)


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
    """Read every run below a folder.

    Args:
        root: folder of calculations.
        element: absorbing element wanted, its symbol; None: all.
        edge: edge wanted, such as K; None: all.
        target: "absolute", the cross-section mu xsedge / a0^2 in 1e-3 a0^2, or "normalized", mu as
            FEFF gives it, divided by the cross-section ``xsedge`` above the edge.

    Yields:
        A record for each finished run, a ``Rejected`` with the reason for each other one, or a
        ``PassedOver`` where the run is of another element or edge.

    Raises:
        RecordError: ``root`` is not a folder.
        ConfigError: another target, or ``element`` is no symbol.
    """
    if target not in ("absolute", "normalized"):
        raise ConfigError(f"`target` is {target!r}, expected absolute or normalized")
    check_wanted(element, edge)
    for run in find_runs(Path(root)):
        try:
            path = run.folder / "feff.inp"
            asked = read_feff_input(path) if path.is_file() else None
            # a run that did not finish is reported only where it is missed
            if not _concerns(run, asked or FeffInput(), element, edge):
                yield PassedOver(str(run.folder))
                continue
            record = read_run(run, asked, target)
        except (XanesError, OSError) as error:
            yield Rejected(str(run.folder), str(error).removeprefix(f"{run.folder}/"))
            continue
        yield if_wanted(record, element, edge)


def _concerns(run: Run, asked: FeffInput, element: str | None, edge: str | None) -> bool:
    """Whether a run may be for the element and edge wanted, by its name and its input."""
    symbol = chemical_symbols[asked.absorber_z] if asked.absorber_z is not None else None
    elements = {run.element, symbol} - {None}
    return (element is None or not elements or element in elements) and (
        edge is None or asked.edge in (None, edge)
    )


def read_run(run: Run, asked: FeffInput | None, target: str) -> Record:
    """Read one run; RecordError where it did not finish, or its files contradict each other."""
    xmu = read_xmu(run.folder, asked)
    asked = asked or FeffInput()
    element = _check_element(run, xmu, asked)
    check_cross_section(f"{run.folder}/xmu.dat: xsedge", xmu.z, xmu.edge, xmu.xsedge)
    atoms, site = _choose_structure(run, asked, element)
    scale = xmu.xsedge / BOHR**2 * 1e3 if target == "absolute" else 1.0
    return Record(
        id=f"{run.material}_{run.label or f'{site:03d}'}",
        material=run.material,
        atoms=atoms,
        site=site,
        element=element,
        edge=xmu.edge,
        energy=xmu.energy,
        mu=xmu.mu * scale,
        target=target,
        code="FEFF",
        version=xmu.version,
        source=str(run.folder),
        fermi_level=xmu.fermi_level,
        polarization=asked.polarization,
        preset=asked.preset,
        cards=asked.cards,
        interstitial=xmu.interstitial,
        kf=xmu.kf,
        radii=xmu.radii,
    )


def _check_element(run: Run, xmu: Xmu, asked: FeffInput) -> str:
    """Absorbing element, on which folder name, spectrum and input must agree, as on the edge."""
    element = chemical_symbols[xmu.z]
    for says, differs in (
        (f"the folder's name says {run.element}", run.element not in (None, element)),
        (f"feff.inp has Z = {asked.absorber_z}", asked.absorber_z not in (None, xmu.z)),
        (f"feff.inp asks for the {asked.edge} edge", asked.edge not in (None, xmu.edge)),
    ):
        if differs:
            raise RecordError(
                f"{run.folder}: {says} but xmu.dat was calculated for {element} {xmu.edge}"
                f" (Z = {xmu.z})"
            )
    return element


def _choose_structure(run: Run, asked: FeffInput, element: str) -> tuple[Atoms, int]:
    """Crystal or cluster of a run, and the absorber's index in it.

    RecordError where there is none, or where cluster and crystal do not describe the same site.
    """
    cluster = asked.cluster
    paths = next((files for place in run.places if (files := _crystals(place))), [])
    if len(paths) > 1:
        raise RecordError(f"{paths[0].parent}: {len(paths)} CIF files and no POSCAR, expected one")
    if not paths:
        if cluster is None:
            raise RecordError(f"{run.folder}: no POSCAR, no CIF and no feff.inp with an ATOMS list")
        return cluster, asked.absorber
    crystal = _read_crystal(paths[0], paths[0].stat().st_mtime_ns)
    sites = [i for i, z in enumerate(crystal.numbers) if z == atomic_numbers[element]]
    if run.site is not None:
        if run.site not in sites:
            found = crystal[run.site].symbol if run.site < len(crystal) else "no atom"
            raise RecordError(
                f"{run.folder}: site {run.site} of {paths[0]} is {found}, expected {element}"
            )
        sites = [run.site]
    if cluster is None:
        if len(sites) != 1:
            raise RecordError(f"{run.folder}: {len(sites)} {element} sites could be the absorber")
        return crystal.copy(), sites[0]
    for site in sites:
        if _same_shell(crystal, site, cluster, asked.absorber):
            if asked.polarization and not _same_axes(crystal, site, cluster, asked.absorber):
                return cluster, asked.absorber
            return crystal.copy(), site
    raise RecordError(
        f"{run.folder}: the absorber's neighbors in feff.inp within {COMPARED_WITHIN} Angstrom"
        f" are not those of {'site ' + str(run.site) if run.site is not None else 'any site'}"
        f" in {paths[0]}"
    )


@functools.lru_cache(maxsize=4)
def _read_crystal(path: Path, _changed: int) -> Atoms:
    """Read a crystal, once for all sites of a material; ``_changed`` is the time of its file.

    Checked here because a database does not keep the occupancies that ASE reads from a CIF.
    """
    crystal = read_structures(path, format="cif" if path.suffix == ".cif" else "vasp")[0]
    try:
        check_atoms(crystal, LARGEST_Z)
        check_distances(crystal)
    except StructureError as error:
        raise StructureError(f"{path}: {error}") from error
    return crystal


def _around(atoms: Atoms, site: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors to an atom's neighbors, and their atomic numbers."""
    edge_index, shift = neighbors(atoms, COMPARED_WITHIN)
    mine = edge_index[1] == site
    source = edge_index[0][mine]
    return atoms.positions[source] - atoms.positions[site] - shift[mine], atoms.numbers[source]


def _same_shell(crystal: Atoms, site: int, cluster: Atoms, absorber: int) -> bool:
    """Whether two atoms have the same neighbors, those at the rim aside."""
    rim = COMPARED_WITHIN - TOLERANCE
    shells = []
    for vectors, numbers in (_around(crystal, site), _around(cluster, absorber)):
        distances = np.linalg.norm(vectors, axis=1)
        shells.append({z: np.sort(distances[numbers == z]) for z in set(numbers.tolist())})
    for z in shells[0].keys() | shells[1].keys():
        a, b = (shell.get(z, np.zeros(0)) for shell in shells)
        count = max((a < rim).sum(), (b < rim).sum())
        if min(len(a), len(b)) < count or (np.abs(a[:count] - b[:count]) > TOLERANCE).any():
            return False
    return True


def _same_axes(crystal: Atoms, site: int, cluster: Atoms, absorber: int) -> bool:
    """Whether a cluster has the orientation of the crystal."""
    vectors, _ = _around(crystal, site)
    inside = vectors[np.linalg.norm(vectors, axis=1) < COMPARED_WITHIN - TOLERANCE]
    places = cluster.positions - cluster.positions[absorber]
    return bool(all(np.linalg.norm(places - vector, axis=1).min() < TOLERANCE for vector in inside))


FORMAT = Format(
    title="FEFF runs",
    read=lambda path, given: read_feff(path, given.element, given.edge, given.target or "absolute"),
    find_runs=find_runs,
    refuses={
        "energy": "FEFF states it",
        "axis": "FEFF states it",
        "target as_given": "FEFF has units",
    },
)

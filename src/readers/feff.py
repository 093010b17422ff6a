"""FEFF 8 and 9 calculations: a folder of runs to records.

A run is a folder with ``xmu.dat`` or ``feff.inp``, or one named `<site>_<element>` as in
Lightshow's layout, `<material>/FEFF-XANES/<site>_<element>/xmu.dat` with `<material>/POSCAR` above
it and the 0-based site. The structure is the crystal beside the run where there is one, else the
cluster of ``feff.inp``. Formats: FEFF user's guide; Rehr et al., Phys. Chem. Chem. Phys. 12, 5503
(2010).
"""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from ..dataset.record import PassedOver, Record, Rejected, if_wanted
from ..errors import ConfigError, RecordError, StructureError, XanesError
from ..structures.files import read_structures
from ..structures.graph import check_atoms, check_distances, neighbors
from ..structures.names import check_wanted
from .feff_folder import Run, find_crystal, find_runs
from .feff_input import FeffInput, read_feff_input
from .feff_xmu import Xmu, read_xmu
from .plausibility import check_cross_section

BOHR = 0.529177210903
"""Bohr radius a0, Angstrom (CODATA 2018)."""
COMPARED_WITHIN = 4.0
"""Neighbours of cluster and crystal are compared up to this distance, Angstrom."""
TOLERANCE = 0.01
"""Largest difference of their distances, Angstrom."""


def read_crystal(path: Path) -> Atoms:
    """Read a crystal file, once for all sites of a material unless it changes.

    Checked here because a database does not keep the occupancies that ASE reads from a CIF.

    Raises:
        StructureError: ASE can't read it, or it is disordered or otherwise of no use.
    """
    return _read_crystal(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _read_crystal(path: Path, _changed: int) -> Atoms:
    """``read_crystal`` of a version of the file."""
    crystal = read_structures(path, format="cif" if path.suffix == ".cif" else "vasp")[0]
    try:
        check_atoms(crystal, max_z=len(chemical_symbols) - 1)
        check_distances(crystal)
    except StructureError as error:
        raise StructureError(f"{path}: {error}") from error
    return crystal


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
            given = read_feff_input(path) if path.is_file() else None
            if not concerns(run, given, element, edge):
                yield PassedOver(str(run.folder))
                continue
            record = read_run(run, given, target)
        except (XanesError, OSError) as error:
            yield Rejected(str(run.folder), str(error).removeprefix(f"{run.folder}/"))
            continue
        yield if_wanted(record, element, edge)


def concerns(run: Run, given: FeffInput | None, element: str | None, edge: str | None) -> bool:
    """Whether a run may be for the element and edge wanted, by its name and its input.

    So that one that did not finish is reported only where it is missed.
    """
    given = given or FeffInput()
    asked = chemical_symbols[given.absorber_z] if given.absorber_z is not None else None
    elements = {run.element, asked} - {None}
    return (element is None or not elements or element in elements) and (
        edge is None or given.edge in (None, edge)
    )


def read_run(run: Run, given: FeffInput | None, target: str) -> Record:
    """Read one run.

    Args:
        run: its folder and what is around it.
        given: its input, where there is one.
        target: see ``read_feff``.

    Returns:
        The record.

    Raises:
        RecordError: the run did not finish, or its files contradict each other.
    """
    xmu = read_xmu(run.folder, given)
    element = check_element(run, xmu, given)
    check_cross_section(f"{run.folder}/xmu.dat: xsedge", xmu.z, xmu.edge, xmu.xsedge)
    atoms, site = choose_structure(run, given, element)
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
        polarization=given.polarization if given is not None else None,
        preset=given.preset if given is not None else "",
        cards=given.cards if given is not None else "",
        interstitial=xmu.interstitial,
        kf=xmu.kf,
        radii=xmu.radii,
    )


def check_element(run: Run, xmu: Xmu, given: FeffInput | None) -> str:
    """Absorbing element, on which folder name, spectrum and input must agree.

    Raises:
        RecordError: they do not.
    """
    element = chemical_symbols[xmu.z]
    if run.element not in (None, element):
        raise RecordError(
            f"{run.folder}: the folder's name says {run.element} but xmu.dat was calculated for"
            f" {element} (Z = {xmu.z})"
        )
    if given is not None and given.absorber_z not in (None, xmu.z):
        raise RecordError(
            f"{run.folder}: feff.inp has Z = {given.absorber_z} for the absorber but xmu.dat was"
            f" calculated for {element} (Z = {xmu.z})"
        )
    if given is not None and given.edge not in (None, xmu.edge):
        raise RecordError(
            f"{run.folder}: feff.inp asks for the {given.edge} edge but xmu.dat holds {xmu.edge}"
        )
    return element


def choose_structure(run: Run, given: FeffInput | None, element: str) -> tuple[Atoms, int]:
    """Crystal or cluster of a run, and the absorber's index in it.

    Raises:
        RecordError: there is none, or cluster and crystal do not describe the same site.
    """
    cluster = given.cluster if given is not None else None
    path = find_crystal(run.places)
    if path is None:
        if given is None or cluster is None:
            raise RecordError(f"{run.folder}: no POSCAR, no CIF and no feff.inp with an ATOMS list")
        return cluster, given.absorber
    crystal = read_crystal(path)
    sites = [i for i, z in enumerate(crystal.numbers) if z == atomic_numbers[element]]
    if run.site is not None:
        if run.site not in sites:
            found = crystal[run.site].symbol if run.site < len(crystal) else "no atom"
            raise RecordError(
                f"{run.folder}: site {run.site} of {path} is {found}, expected {element}"
            )
        sites = [run.site]
    if given is None or cluster is None:
        if len(sites) != 1:
            raise RecordError(f"{run.folder}: {len(sites)} {element} sites could be the absorber")
        return crystal.copy(), sites[0]
    wanted = shell(cluster, given.absorber)
    for site in sites:
        if same_shell(shell(crystal, site), wanted):
            turned = not same_axes(crystal, site, cluster, given.absorber)
            if given.polarization is not None and turned:
                return cluster, given.absorber
            return crystal.copy(), site
    raise RecordError(
        f"{run.folder}: the absorber's neighbours in feff.inp within {COMPARED_WITHIN} Angstrom"
        f" are not those of {'site ' + str(run.site) if run.site is not None else 'any site'}"
        f" in {path}"
    )


def shell(atoms: Atoms, site: int) -> list[tuple[float, int]]:
    """Distances and atomic numbers of an atom's neighbours, sorted."""
    edge_index, shift = neighbors(atoms, COMPARED_WITHIN)
    mine = edge_index[1] == site
    source = edge_index[0][mine]
    vectors = atoms.positions[site] - atoms.positions[source] + shift[mine]
    distances = np.linalg.norm(vectors, axis=1)
    return sorted(zip(distances.tolist(), atoms.numbers[source].tolist(), strict=True))


def same_axes(crystal: Atoms, site: int, cluster: Atoms, absorber: int) -> bool:
    """Whether a cluster has the orientation of the crystal."""
    edge_index, shift = neighbors(crystal, COMPARED_WITHIN)
    mine = edge_index[1] == site
    vectors = crystal.positions[edge_index[0][mine]] - crystal.positions[site] - shift[mine]
    inside = vectors[np.linalg.norm(vectors, axis=1) < COMPARED_WITHIN - TOLERANCE]
    places = cluster.positions - cluster.positions[absorber]
    return bool(all(np.linalg.norm(places - vector, axis=1).min() < TOLERANCE for vector in inside))


def same_shell(first: list[tuple[float, int]], second: list[tuple[float, int]]) -> bool:
    """Whether two shells agree, atoms at their rim aside."""
    rim = COMPARED_WITHIN - TOLERANCE
    for z in {z for _, z in first + second}:
        a = np.array([d for d, other in first if other == z])
        b = np.array([d for d, other in second if other == z])
        count = max((a < rim).sum(), (b < rim).sum())
        if len(a) < count or len(b) < count:
            return False
        if count and np.abs(a[:count] - b[:count]).max() > TOLERANCE:
            return False
    return True

"""Structure of a FEFF run, and the absorber in it."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ..errors import RecordError, StructureError
from ..structures.cif_block import column_of, number_of, read_blocks
from ..structures.files import read_structures
from ..structures.graph import check_atoms, neighbors
from .feff_input import FeffInput

COMPARED_WITHIN = 4.0
"""Neighbors of cluster and crystal are compared up to this distance, Angstrom."""
TOLERANCE = 0.01
"""Largest difference of their distances, Angstrom."""
SAME_PLACE = 0.1
"""An atom of a crystal is that which its CIF lists within this distance, Angstrom."""


def crystal_files(folder: Path) -> list[Path]:
    """Files in a folder that could be its crystal: POSCAR, else every CIF."""
    poscar = folder / "POSCAR"
    return [poscar] if poscar.is_file() else sorted(folder.glob("*.cif"))


def choose_structure(
    folder: Path, places: tuple[Path, ...], named: int | None, inp: FeffInput, element: str
) -> tuple[Atoms, int]:
    """Crystal or cluster of a run, and the absorber's index in it.

    Args:
        folder: the run.
        places: folders in which its crystal may be.
        named: site in the crystal that the folder's name gives.
        inp: the run's input.
        element: symbol of the absorber.

    Raises:
        RecordError: there is none, or cluster and crystal do not describe the same site.
    """
    if inp.cif and (folder / inp.cif).is_file():
        return _choose_target(folder, named, inp, element)
    paths = next((files for place in places if (files := crystal_files(place))), [])
    if len(paths) > 1:
        raise RecordError(f"{paths[0].parent}: {len(paths)} CIF files and no POSCAR, expected one")
    if inp.cluster is not None:
        check_atoms(inp.cluster)
    if not paths:
        if inp.cluster is None:
            raise RecordError(f"{folder}: no POSCAR, no CIF and {_why_no_cluster(inp)}")
        return inp.cluster, inp.absorber
    crystal = _read_crystal(paths[0], paths[0].stat().st_mtime_ns)
    sites = np.flatnonzero(crystal.numbers == atomic_numbers[element]).tolist()
    if named is not None:
        if named not in sites:
            symbol = crystal[named].symbol if named < len(crystal) else "no atom"
            raise RecordError(
                f"{folder}: site {named} of {paths[0]} is {symbol}, expected {element}"
            )
        sites = [named]
    if inp.cluster is None:
        if len(sites) != 1:
            raise RecordError(f"{folder}: {len(sites)} {element} sites could be the absorber")
        return crystal.copy(), sites[0]
    site, same_axes = _matching_site(crystal, sites, inp.cluster, inp.absorber)
    if site is None:
        raise RecordError(
            f"{folder}: the absorber's neighbors in feff.inp within {COMPARED_WITHIN} Angstrom are"
            f" not those of {'any site' if named is None else f'site {named}'} in {paths[0]}"
        )
    if inp.polarization and not same_axes:
        return inp.cluster, inp.absorber
    return crystal.copy(), site


def _why_no_cluster(inp: FeffInput) -> str:
    if inp.unit_cell:
        return "feff.inp describes a unit cell (card RECIPROCAL), which is not read"
    return f"no {inp.cif}, which feff.inp names" if inp.cif else "no feff.inp with an ATOMS list"


def _matching_site(
    crystal: Atoms, sites: list[int], cluster: Atoms, absorber: int
) -> tuple[int | None, bool]:
    """First site whose neighbors are the cluster's, and whether their axes are the same."""
    ((cluster_vectors, cluster_numbers),) = _surroundings(cluster, [absorber])
    for site, (vectors, numbers) in zip(sites, _surroundings(crystal, sites), strict=True):
        if _same_shells(vectors, numbers, cluster_vectors, cluster_numbers):
            return site, _same_axes(vectors, cluster_vectors)
    return None, False


def _choose_target(
    folder: Path, named: int | None, inp: FeffInput, element: str
) -> tuple[Atoms, int]:
    """Crystal of the CIF card and its atom that the TARGET card counts in the file's list.

    FEFF counts the positions that the file lists, before symmetry (``src/RDINP/importcif.f90``).
    """
    path = folder / inp.cif
    crystal = _read_crystal(path, path.stat().st_mtime_ns)
    if inp.polarization:  # FEFF puts c along z and b in the yz plane
        raise RecordError(f"{folder}: the card POLARIZATION is not read with the card CIF")
    places = _listed_positions(path)
    if not 0 < inp.target <= len(places):
        raise RecordError(
            f"{folder / 'feff.inp'}: TARGET {inp.target}, but {path} lists {len(places)} atoms"
        )
    apart = crystal.get_scaled_positions() - places[inp.target - 1]
    distance = np.linalg.norm((apart - apart.round()) @ crystal.cell.array, axis=1)
    site = int(distance.argmin())
    if not distance[site] < SAME_PLACE or crystal[site].symbol != element:
        raise RecordError(
            f"{folder}: TARGET {inp.target} of {path} is {crystal[site].symbol}, expected {element}"
        )
    if named not in (None, site):
        raise RecordError(
            f"{folder}: the folder's name says site {named}, but TARGET {inp.target} of"
            f" {path} is site {site}"
        )
    return crystal.copy(), site


def _listed_positions(path: Path) -> np.ndarray:
    """Fractional coordinates that a CIF lists, in its order, shape (n, 3); NaN: no number."""
    for _, block in read_blocks(path):
        columns = [column_of(block, f"_atom_site_fract_{axis}") for axis in "xyz"]
        if all(columns):
            return np.array([[number_of(text) for text in column] for column in columns]).T
    raise RecordError(f"{path}: lists no fractional coordinates of atoms")


@functools.lru_cache(maxsize=4)
def _read_crystal(path: Path, _changed: int) -> Atoms:
    """Read a crystal, once for all sites of a material; ``_changed`` is the time of its file."""
    crystal = read_structures(path, format="vasp" if path.name == "POSCAR" else "cif")[0]
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

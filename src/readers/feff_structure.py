"""Structure of a FEFF run, and the absorber in it."""

import functools
from pathlib import Path

import numpy as np
from ase import Atoms

from ..errors import RecordError, StructureError
from ..structures.files import read_structures
from ..structures.graph import check_atoms, neighbors
from .feff_input import FeffInput
from .listed_sites import listed_sites

COMPARED_WITHIN = 4.0
"""Neighbors of cluster and crystal are compared up to this distance, Angstrom."""
TOLERANCE = 0.01
"""Largest difference of their distances, Angstrom."""
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Neighbors of a structure's atoms: the atoms' indices, the vectors to their neighbors, Angstrom,
and the neighbors' elements; shapes (n_edges,), (n_edges, 3), (n_edges,)."""
Shell = tuple[np.ndarray, np.ndarray]
"""Vectors to the neighbors of one atom, (n, 3), and their elements, (n,)."""


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
    crystal, pairs = _read_crystal(paths[0])
    sites = np.flatnonzero(crystal.symbols == element).tolist()
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
        return crystal, sites[0]
    around = _shell(_pairs(inp.cluster), inp.absorber)
    site = next((site for site in sites if _same_distances(_shell(pairs, site), around)), None)
    if site is None:
        raise RecordError(
            f"{folder}: the absorber's neighbors in feff.inp within {COMPARED_WITHIN} Angstrom are"
            f" not those of {'any site' if named is None else f'site {named}'} in {paths[0]}"
        )
    if inp.polarization and not _same_axes(_shell(pairs, site)[0], around[0]):
        return inp.cluster, inp.absorber
    return crystal, site


def _why_no_cluster(inp: FeffInput) -> str:
    if inp.unit_cell:
        return "feff.inp describes a unit cell (card RECIPROCAL), which is not read"
    return f"no {inp.cif}, which feff.inp names" if inp.cif else "no feff.inp with an ATOMS list"


def _choose_target(
    folder: Path, named: int | None, inp: FeffInput, element: str
) -> tuple[Atoms, int]:
    """Crystal of the CIF card and its atom that the TARGET card counts in the file's list.

    FEFF counts the positions that the file lists, before symmetry (``src/RDINP/importcif.f90``).
    """
    path = folder / inp.cif
    crystal, _ = _read_crystal(path)
    if inp.polarization:  # FEFF puts c along z and b in the yz plane
        raise RecordError(f"{folder}: the card POLARIZATION is not read with the card CIF")
    sites = listed_sites(path, crystal)
    if not 0 < inp.target <= len(sites):
        raise RecordError(
            f"{folder / 'feff.inp'}: TARGET {inp.target}, but {path} lists {len(sites)} atoms"
        )
    site = sites[inp.target - 1]
    symbol = "no atom" if site is None else crystal[site].symbol
    if site is None or symbol != element:
        raise RecordError(
            f"{folder}: TARGET {inp.target} of {path} is {symbol}, expected {element}"
        )
    if named not in (None, site):
        raise RecordError(
            f"{folder}: the folder's name says site {named}, but TARGET {inp.target} of"
            f" {path} is site {site}"
        )
    return crystal, site


def _read_crystal(path: Path) -> tuple[Atoms, Pairs]:
    """A crystal and its pairs of neighbors, worked out once for all sites of a material."""
    crystal, pairs = _read_version(path, path.stat().st_mtime_ns)
    return crystal.copy(), pairs


@functools.lru_cache(maxsize=4)
def _read_version(path: Path, _changed: int) -> tuple[Atoms, Pairs]:
    """The file as it was at a time."""
    crystal = read_structures(path, format="vasp" if path.name == "POSCAR" else "cif")[0]
    try:
        check_atoms(crystal)
        return crystal, _pairs(crystal)
    except StructureError as error:
        raise StructureError(f"{path}: {error}") from error


def _pairs(atoms: Atoms) -> Pairs:
    (source, target), shift = neighbors(atoms, COMPARED_WITHIN)
    vectors = atoms.positions[source] - atoms.positions[target] - shift
    return target, vectors, atoms.numbers[source]


def _shell(pairs: Pairs, site: int) -> Shell:
    target, vectors, numbers = pairs
    return vectors[target == site], numbers[target == site]


def _same_distances(one: Shell, other: Shell) -> bool:
    """Whether two sites have neighbors at the same distances, those at the rim aside."""
    rim = COMPARED_WITHIN - TOLERANCE
    for z in {*one[1].tolist(), *other[1].tolist()}:
        a, b = (np.sort(np.linalg.norm(v[numbers == z], axis=1)) for v, numbers in (one, other))
        count = max((a < rim).sum(), (b < rim).sum())
        if min(len(a), len(b)) < count or (np.abs(a[:count] - b[:count]) > TOLERANCE).any():
            return False
    return True


def _same_axes(vectors: np.ndarray, others: np.ndarray) -> bool:
    """Whether each vector within the rim is among the others, so that the axes are the same."""
    inside = vectors[np.linalg.norm(vectors, axis=1) < COMPARED_WITHIN - TOLERANCE]
    apart = np.linalg.norm(inside[:, None] - others, axis=2)
    return bool((apart.min(axis=1, initial=np.inf) < TOLERANCE).all())

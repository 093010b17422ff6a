"""Planning calculations: structures, the sites chosen in them, and displaced copies."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms

from ..dataset.record import structure_digest
from ..errors import ConfigError, RecordError, StructureError, XanesError, check_not_negative
from ..readers.extxyz import split_frames
from ..runtime.text_files import is_sqlite
from ..structures.absorbers import equivalent_sites
from ..structures.database import read_rows, row_ids
from ..structures.files import each_structure
from ..structures.graph import check_atoms
from ..structures.names import check_element, check_index, check_name
from .settings import choose_edge

FRAMES = re.compile(r"\.(ext)?xyz(\.(gz|xz|bz2))?$", re.IGNORECASE)


@dataclass(frozen=True)
class Structure:
    """A structure with what its file says of its absorbers."""

    name: str
    """Material, as its folder is called."""
    atoms: Atoms
    element: str | None = None
    """Absorbing element; None: the file does not say."""
    sites: tuple[int, ...] | None = None
    """Absorbers, 0-based; None: the file does not say."""


@dataclass(frozen=True)
class Site:
    """A site to calculate."""

    material: str
    atoms: Atoms
    site: int
    """0-based index of the absorber."""
    edge: str

    @property
    def element(self) -> str:
        """Symbol of the absorber."""
        return str(self.atoms[self.site].symbol)

    @property
    def id(self) -> str:
        """Id of the record that the calculation becomes."""
        return f"{self.material}_{self.site:03d}"

    @property
    def name(self) -> str:
        """Name of the folder while it is calculated, and if that fails."""
        return f"{self.id}_{self.element}"


@dataclass(frozen=True)
class Copies:
    """Displaced and strained copies of each structure."""

    number: int = 0
    """Copies of each structure, in addition to itself."""
    displace: float = 0.0
    """Standard deviation of each coordinate of each atom, Angstrom."""
    strain: float = 0.0
    """Standard deviation of each component of the symmetric strain tensor."""
    seed: int = 0
    """Another seed gives other copies."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of its range, or copies that would all be the same."""
        check_not_negative("copies", self.number)
        for name, largest in (("displace", 0.5), ("strain", 0.2)):
            value = getattr(self, name)
            check_not_negative(name, value)
            if value > largest:  # would make another substance
                raise ConfigError(f"`{name}` is {value} but must be at most {largest}")
            if value and not self.number:
                raise ConfigError(f"`{name}` needs `copies`, the number of copies of a structure")
        if self.number and not (self.displace or self.strain):
            raise ConfigError("`copies` needs `displace`, `strain` or both, else all are the same")

    def of(self, structure: Structure) -> Iterator[Structure]:
        """Yield the copies of a structure.

        `mp-1+d0.05s0.02-1` is the first copy of mp-1, displaced by 0.05 Angstrom and strained by
        0.02. A split keeps it in the part of mp-1.
        """
        kind = f"d{self.displace:g}" * bool(self.displace) + f"s{self.strain:g}" * bool(self.strain)
        for number in range(1, self.number + 1):
            name = f"{structure.name}+{kind}-{number}"
            seed = [self.seed, *name.encode()]
            atoms = distorted(structure.atoms, self.displace, self.strain, seed)
            yield Structure(name, atoms, structure.element, structure.sites)


def distorted(atoms: Atoms, displace: float, strain: float, seed: Sequence[int]) -> Atoms:
    """Copy of a structure, strained and its atoms displaced at random; see ``Copies``.

    With the symmetric strain tensor e, vectors v of the cell and of the atoms become (1 + e) v.
    """
    rng = np.random.default_rng(list(seed))
    upper = np.triu(rng.normal(0.0, 1.0, (3, 3)))
    tensor = strain * (upper + np.triu(upper, 1).T)
    copy = atoms.copy()
    copy.set_cell(np.asarray(atoms.cell.array) @ (np.eye(3) + tensor), scale_atoms=False)
    copy.positions = atoms.positions @ (np.eye(3) + tensor)
    copy.positions += displace * rng.normal(0.0, 1.0, copy.positions.shape)
    return copy


class Plan(NamedTuple):
    """Sites to calculate; structures that can't be, and why."""

    sites: list[Site]
    refused: list[str]


def make_plan(
    structures: Iterable[Structure | StructureError],
    element: str | None,
    edge: str | None,
    sites: Sequence[int] | None = None,
    copies: Copies | None = None,
) -> Plan:
    """Choose the sites of structures, each once, in their order.

    Args:
        structures: what ``find_structures`` yields.
        element: symbol of the absorber. None: the structures' own.
        edge: K, L1, L2 or L3. None: the element's customary one.
        sites: 0-based indices. None: the structure's own; else every atom of the element, one of
            each kind of equivalent ones where spglib is installed.
        copies: displaced copies of each structure, the same sites of each.

    Raises:
        ConfigError: no element or edge of that name.
    """
    if element is not None:
        choose_edge(element, edge)
    planned: dict[str, Site] = {}  # by id: files may contain the same structure
    refused = []
    for structure in structures:
        if isinstance(structure, StructureError):
            refused.append(str(structure))
            continue
        try:
            chosen = sites_of(structure, element, sites)
        except StructureError as error:
            refused.append(f"{structure.name}: {error}")
            continue
        symbols = structure.atoms.get_chemical_symbols()
        for each in (structure, *(copies or Copies()).of(structure)):
            for index in chosen:
                site = Site(each.name, each.atoms, index, choose_edge(symbols[index], edge))
                planned.setdefault(site.id, site)
    return Plan(list(planned.values()), refused)


def sites_of(structure: Structure, element: str | None, sites: Sequence[int] | None) -> list[int]:
    """Sites of one structure, see ``make_plan``; StructureError if there are none."""
    atoms, chosen = structure.atoms, structure.sites if sites is None else sites
    check_atoms(atoms)
    symbols = atoms.get_chemical_symbols()
    if structure.element not in (None, element or structure.element):
        raise StructureError(f"its absorber is {structure.element}, but {element} is requested")
    element = element or structure.element
    if chosen is not None:
        for site in chosen:
            check_index(site, "site", len(atoms))
            if element not in (None, symbols[site]):
                raise StructureError(f"site {site} is {symbols[site]}, not {element}")
        return sorted(set(chosen))
    if element is None:
        raise StructureError("the absorber is unspecified; give --element or --site")
    chosen = [index for index, symbol in enumerate(symbols) if symbol == element]
    if not chosen:
        raise StructureError(f"{atoms.get_chemical_formula()} contains no {element}")
    groups = equivalent_sites(atoms, chosen)
    return chosen if groups is None else [group[0] for group in groups]


def find_structures(paths: Sequence[Path]) -> Iterator[Structure | StructureError]:
    """Yield the structures of files, with names that differ, or why one can't be read.

    The values ``material``, ``element``, ``sites`` and ``absorber`` of frames of extended xyz and
    of rows of a database are honored.
    """
    digests: dict[str, str] = {}
    for path in paths:
        try:
            for name, atoms, values in _read(path):
                structure = _structure(path, name, atoms, values)
                if isinstance(structure, Structure):
                    digest, name, number = structure_digest(structure.atoms), structure.name, 1
                    while digests.setdefault(name, digest) != digest:  # another structure's name
                        number += 1
                        name = f"{structure.name}-{number}"
                    structure = replace(structure, name=name)
                yield structure
        except XanesError as error:
            yield StructureError(str(error))


def _read(path: Path) -> Iterator[tuple[str, Atoms | StructureError, dict[str, Any]]]:
    """Name, structure or error, and values of each frame or row of a file."""
    if is_sqlite(path):
        for row, atoms, values in read_rows(path, row_ids(path)):
            yield f"{path.stem}-{row}", atoms, values
    elif FRAMES.search(path.name):
        frames, stem = list(split_frames(path)), FRAMES.sub("", path.name)
        for number, (_, read) in enumerate(frames):
            name = stem if len(frames) == 1 else f"{stem}-{number}"
            try:
                frame = read()
            except RecordError as error:
                yield name, StructureError(str(error)), {}
            else:
                yield name, frame.atoms, frame.info
    else:
        for _, name, atoms in each_structure([path]):
            yield name, atoms, {}


def _structure(
    path: Path, name: str, atoms: Atoms | StructureError, values: dict[str, Any]
) -> Structure | StructureError:
    """A structure with the material, element and sites of its values."""
    if isinstance(atoms, StructureError):
        return atoms
    name, element = str(values.get("material", name)), values.get("element")
    sites = values.get("sites", values.get("absorber"))
    try:
        return Structure(
            check_name(name, "`material`", str(path)),
            atoms,
            None if element is None else check_element(str(element)),
            None if sites is None else tuple(map(int, str(sites).replace(",", " ").split())),
        )
    except XanesError as error:
        return StructureError(f"{path}: {name}: {error}")
    except ValueError:
        return StructureError(f"{path}: {name}: `sites` is {sites!r}, expected 0-based indices")

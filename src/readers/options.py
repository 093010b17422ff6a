"""What all readers share: a format's description, the user's options, the loop over records."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..dataset.record import AXES, UNITS, PassedOver, Record, Rejected
from ..errors import ConfigError, RecordError, XanesError
from ..structures.names import check_edge, check_name, check_wanted
from ..xas.energies import even_energies
from .plausibility import check_record

PACKED = ("", ".gz", ".xz", ".bz2")
"""Endings of text files, compressed or not."""


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about the files; a file that contradicts it is an error."""

    element: str | None = None
    """Absorbing element, its symbol; others are skipped. None: all."""
    edge: str | None = None
    """Edge; others are skipped, and it is that of files that name none. None: all."""
    energy: tuple[float, float, float] | None = None
    """First and last energy and step, eV, of spectra without energies."""
    axis: str | None = None
    """What energies count from, one of ``AXES``, of files that do not say so."""
    target: str | None = None
    """Kind of ``mu``, a key of ``UNITS``. None: absolute for FEFF and FDMNES, else as_given."""

    def __post_init__(self) -> None:
        """Raise ConfigError or RecordError for values that no file can have."""
        check_wanted(self.element, self.edge)
        if self.energy is not None:
            if len(self.energy) != 3:
                raise ConfigError(f"`energy` is {self.energy}, expected first, last and step, eV")
            even_energies(*self.energy)
        for name, known in (("axis", AXES), ("target", tuple(UNITS))):
            if getattr(self, name) not in (None, *known):
                raise ConfigError(
                    f"`{name}` is {getattr(self, name)!r}, expected one of {', '.join(known)}"
                )

    def select(self, element: str | None, edge: str | None) -> bool:
        """Whether to read a calculation of an element and edge; None: not known."""
        pairs = ((self.element, element), (self.edge, edge))
        return all(None in pair or pair[0] == pair[1] for pair in pairs)


@dataclass(frozen=True)
class Format:
    """A format of calculations; the module that reads it ends with one, called ``FORMAT``."""

    title: str
    """What to call its files."""
    read: Callable[[Path, ReadOptions], Iterator[Record | Rejected | PassedOver]]
    """Reads a file, or all calculations in a folder."""
    matches: Callable[[Path], bool] | None = None
    """Whether a file's content is of the format. None: a calculation is a folder."""
    suffixes: tuple[str, ...] = ()
    """Endings of the files in a folder that are looked at."""
    own_suffixes: bool = True
    """Whether all files with these endings are of the format where one of them is."""
    find_runs: Callable[[Path], Iterator[object]] = lambda _: iter(())
    """Finds the calculations in a folder."""
    refuses: tuple[str, ...] = ()
    """Options that do not apply because the files state them."""
    targets: tuple[str, ...] = tuple(UNITS)
    """Values of the option ``target`` that apply."""


def read_each(
    calculations: Iterable[tuple[str, Callable[[], Record | None]]], options: ReadOptions
) -> Iterator[Record | Rejected | PassedOver]:
    """Read calculations one by one; one that is not usable does not stop the others.

    Args:
        calculations: path of each, and a function that makes its record, or None where it is of
            another element or edge.
        options: what to read.

    Yields:
        A checked record, or the reason why there is none, for each calculation of the element and
        edge; a ``PassedOver`` for each other one.

    Raises:
        ConfigError: the first calculation lacks something that an option can give.
    """
    understood = False
    for source, make in calculations:
        try:
            record = make()
            understood = True
            if record is None or not options.select(record.element, record.edge):
                yield PassedOver(source)
                continue
            check_record(record)
        except (XanesError, OSError) as error:
            if isinstance(error, ConfigError) and not understood:
                raise
            reason = str(error)
            if reason.startswith(source):
                reason = reason.removeprefix(source).lstrip("/: ")
            yield Rejected(source, reason)
        else:
            yield record


def make_record(
    source: str,
    options: ReadOptions,
    *,
    material: str,
    site: int,
    mu: np.ndarray,
    energy: np.ndarray | None,
    label: str | None = None,
    **fields: Any,
) -> Record:
    """Make a record of a file's values; what the file does not say (None) the options must.

    The arguments are fields of ``Record``, and ``label``, the site's name in the id; None: its
    index. ``mu`` and ``energy``, eV, have the shape (n_energies,).

    Raises:
        ConfigError: edge, energies or axis are missing, or the options contradict the file.
        RecordError: values are not usable.
    """
    stated = {name: value for name, value in fields.items() if value not in (None, "")}
    fields = {"target": options.target or "as_given", "code": "not stated", "version": ""}
    fields |= {"edge": options.edge, "axis": options.axis, **stated}
    label = "mean" if "mean_over" in fields else label or f"{site:03d}"
    if not re.fullmatch(r"[^\s/#]+", check_name(material, "`material`", source)):
        raise RecordError(f"{source}: `material` is {material!r}, with a blank or a hash")
    if not re.fullmatch(r"[^\s/\\_]+", label) or not label.isprintable():
        raise RecordError(f"{source}: `site` is {label!r}, expected a word without `_`")
    energy = _energies(source, energy, len(mu), options)
    if fields["edge"] is None:
        raise ConfigError(f"{source} names no edge; give it, such as `--edge K`")
    check_edge(fields["edge"], f"{source}: `edge`")
    if fields["axis"] is None:
        raise ConfigError(
            f"{source} does not say what its energies count from; give `--axis absolute`, or"
            " `--axis relative` for energies relative to an unspecified edge energy"
        )
    for name in ("axis", "target"):
        value, option = fields[name], getattr(options, name)
        if option not in (None, "as_given", value):
            raise ConfigError(f"{source}: `{name}` is {value!r}, but `--{name}` is {option}")
    identity: dict[str, Any] = {"id": f"{material}_{label}", "material": material, "site": site}
    return Record(**identity, energy=energy, mu=mu, source=source, **fields)


def sites_of(atoms: Atoms, element: str, where: str) -> list[int]:
    """Indices of an element's atoms, at least one, or RecordError."""
    sites: list[int] = np.flatnonzero(atoms.symbols == element).tolist()
    if not sites:
        raise RecordError(f"{where}: no {element} in {atoms.get_chemical_formula()}")
    return sites


def unit_vector(where: str, vector: list[float]) -> tuple[float, float, float]:
    """A direction, three numbers, with unit length; RecordError where it has no length."""
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        raise RecordError(f"{where} has no direction: {vector}")
    x, y, z = vector
    return x / length, y / length, z / length


def _energies(
    source: str, energy: np.ndarray | None, count: int, options: ReadOptions
) -> np.ndarray:
    """Energies of ``count`` values of mu, eV: the file's, else those of the option."""
    if energy is not None:
        if options.energy is not None:
            raise ConfigError(f"{source} contains energies; omit `--energy`")
        if len(energy) != count:
            raise RecordError(f"{source}: {len(energy)} values of `energy`, {count} of `mu`")
        return energy
    if options.energy is None:
        raise ConfigError(
            f"{source} has {count} values of `mu` but no energies; give `--energy START STOP STEP`"
        )
    energy = even_energies(*options.energy)
    if len(energy) != count:
        raise ConfigError(
            f"`--energy` gives {len(energy)} energies, but {source} has {count} values of `mu`"
        )
    return energy

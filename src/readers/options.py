"""A reader's format, the user's options for its files, and which of the two takes precedence."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..dataset.record import AXES, UNITS, PassedOver, Record, Rejected, if_wanted
from ..errors import ConfigError, RecordError, XanesError
from ..structures.names import check_edge, check_name, check_wanted
from ..xas.energies import even_energies


@dataclass(frozen=True)
class Given:
    """What the user says of files; a file's own word that differs is an error."""

    element: str | None = None
    """Absorbing element wanted, its symbol. None: all."""
    edge: str | None = None
    """Edge. None: the sources name theirs."""
    energy: tuple[float, float, float] | None = None
    """First and last energy and step, eV, of spectra without energies."""
    axis: str | None = None
    """What energies count from, one of ``AXES``. None: the sources say so."""
    target: str | None = None
    """Kind of ``mu``, a key of ``UNITS``. None: absolute of FEFF and FDMNES, else as_given."""

    def __post_init__(self) -> None:
        """Raise ConfigError or RecordError for what no file could say."""
        check_wanted(self.element, self.edge)
        if self.energy is not None and len(self.energy) != 3:
            raise ConfigError(f"`energy` is {self.energy}, expected first, last and step, eV")
        if self.energy is not None:
            even_energies(*self.energy)
        for name, known in (("axis", (None, *AXES)), ("target", (None, *UNITS))):
            if getattr(self, name) not in known:
                listed = ", ".join(word for word in known if word)
                raise ConfigError(f"`{name}` is {getattr(self, name)!r}, expected one of {listed}")


@dataclass(frozen=True)
class Format:
    """A format of calculations; the module that reads it ends with one, called ``FORMAT``."""

    title: str
    """What to call its files."""
    read: Callable[[Path, Given], Iterator[Record | Rejected | PassedOver]]
    """Reads a file, or all calculations of a folder."""
    matches: Callable[[Path], bool] | None = None
    """Whether a file's content is of the format. None: a calculation is a folder."""
    suffixes: tuple[str, ...] = ()
    """Endings of the files of a folder that are looked at."""
    own_suffixes: bool = True
    """Whether a file with such an ending, beside one that matches, is of the format too."""
    find_runs: Callable[[Path], Iterator[object]] = lambda _: iter(())
    """Finds the calculations below a folder."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Options, with their value where only that is meant, that do not go with it, and why."""


def record_or_reason(
    make: Callable[[], Record], given: Given, where: str
) -> Record | Rejected | PassedOver:
    """The record that a reader makes, or why there is none.

    Raises:
        ConfigError: something must be given that is not.
    """
    try:
        record = make()
    except ConfigError:
        raise
    except XanesError as error:
        return Rejected(where, str(error).removeprefix(f"{where}: "))
    return if_wanted(record, given.element, given.edge)


PACKED = ("", ".gz", ".xz", ".bz2")
"""Endings of compressed text."""


def edge_of(own: str | None, given: Given, where: str) -> str:
    """Edge of a spectrum: what the source says (None: nothing), else the user.

    Raises:
        ConfigError: neither says it.
        RecordError: it is none.
    """
    edge = given.edge if own is None else own
    if edge is None:
        raise ConfigError(f"{where} names no edge; give it, such as `--edge K`")
    return check_edge(edge, f"{where}: `edge`")


def energies_of(own: np.ndarray | None, count: int, given: Given, where: str) -> np.ndarray:
    """Energies of ``count`` values of mu, eV, shape (count,): the source's, else the user's.

    Raises:
        ConfigError: neither gives energies, both do, or the user's are not as many as ``mu``.
        RecordError: the source's are not as many as ``mu``.
    """
    if own is not None:
        if given.energy is not None:
            raise ConfigError(f"{where} has energies of its own; leave `--energy` out")
        if len(own) != count:
            raise RecordError(f"{where}: {len(own)} values of `energy`, {count} of `mu`")
        return own
    if given.energy is None:
        raise ConfigError(
            f"{where} has {count} values of `mu` but no energies; give `--energy START STOP STEP`"
        )
    energy = even_energies(*given.energy)
    if len(energy) != count:
        raise ConfigError(
            f"`--energy` {' '.join(f'{value:g}' for value in given.energy)} is {len(energy)}"
            f" energies, but {where} has {count} values of `mu`"
        )
    return energy


def axis_of(own: str | None, given: Given, where: str) -> str:
    """What energies count from: the source's word, else the user's.

    Raises:
        ConfigError: neither says it, it is not one of ``AXES``, or they differ.
    """
    axis = given.axis if own is None else own
    if axis is None:
        raise ConfigError(
            f"{where} does not say what its energies count from; give `--axis absolute`, or"
            " `--axis relative` for energies relative to an edge that is not stated"
        )
    if axis not in AXES or given.axis not in (None, axis):
        raise ConfigError(f"{where}: `axis` is {axis!r}, wanted {given.axis or list(AXES)}")
    return axis


def check_material(material: str, where: str) -> str:
    """The name of a material, fit for an id.

    Raises:
        RecordError: it contains blanks, a hash, or what ``check_name`` refuses.
    """
    if not re.fullmatch(r"[^\s/#]+", material):
        raise RecordError(f"{where}: `material` is {material!r}, which an id can't hold")
    return check_name(material, "`material`", where)


def check_site(label: str, where: str) -> str:
    """The label of a site, fit for an id.

    Raises:
        RecordError: it contains a blank, a slash or the character that ends a material's name.
    """
    if not re.fullmatch(r"[^\s/\\_]+", label) or not label.isprintable():
        raise RecordError(f"{where}: `site` is {label!r}, expected a word without `_`")
    return label

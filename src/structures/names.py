"""Names from outside, made safe for lists of ids, tables, terminals and paths."""

import re
from collections import Counter
from collections.abc import Iterable
from math import gcd
from typing import Any

from ase import Atoms
from ase.data import chemical_symbols

from ..errors import ConfigError, RecordError, StructureError, is_kind

EDGE = re.compile(r"K|[LMN]\d?|L23|M45")
"""Names of edges; two digits: both together, as FDMNES calculates them."""
LARGEST_Z = len(chemical_symbols) - 1
"""Highest atomic number in calculations; a network has its own limit, ``max_z``."""
NOT_FIRST = "=+-@"
"""A spreadsheet takes what begins like this for a formula, and a command for an option."""
NOBLE_GASES = (2, 10, 18, 36, 54, 86, 118)
"""Atomic numbers at which the periods end."""


def check_name(name: str, what: str, where: str) -> str:
    """Return the name of a material or record, which could be a file's.

    Raises:
        RecordError: it contains a slash or what can't be printed, consists of dots, or begins like
            a formula.
    """
    check_printable(name, what, where)
    if set(name) & set("/\\") or not name.strip(".") or name[0] in NOT_FIRST:
        raise RecordError(
            f"{where}: {what} is {name[:40]!r}, but must contain no slash and not begin with one of"
            f" {' '.join(NOT_FIRST)}"
        )
    return name


def to_name(text: str) -> str:
    """Turn the name of a folder or file into one for a list of ids, where # begins a comment."""
    return re.sub(r"[\s/\\#]+", "-", text).lstrip(NOT_FIRST)


def check_printable(text: str, what: str, where: str) -> str:
    """Return text without control characters and line ends, else raise RecordError."""
    if not text.isprintable():
        raise RecordError(
            f"{where}: {what} is {text[:40]!r}, with characters that can't be printed"
        )
    return text


def check_edge(edge: str, what: str) -> str:
    """Return the name of an edge; RecordError if it is none."""
    if not (isinstance(edge, str) and EDGE.fullmatch(edge)):
        raise RecordError(f"{what} is {edge!r}, expected K, L3, ..")
    return edge


def check_wanted(element: str | None, edge: str | None) -> None:
    """Check an element and an edge to select, see below; None: all."""
    if element is not None:
        check_element(element)
    if edge is not None:
        check_edge(edge, "`edge`")


def check_element(element: str) -> str:
    """Return the symbol of an element; ConfigError if it is none."""
    if element not in chemical_symbols[1:]:
        raise ConfigError(f"`element` is {element!r}, expected a symbol such as Cu")
    return element


def check_index(index: Any, what: str, n_atoms: int) -> None:
    """Raise StructureError for an index of no atom: outside, or 0.5, "0", or True of a mask."""
    if not is_kind(index, int):
        raise StructureError(f"{what} {index!r} is not a whole number; atoms count from 0")
    if not 0 <= index < n_atoms:
        raise StructureError(f"{what} {index} is not within 0 to {n_atoms - 1}")


COPY = re.compile(r"\+(d[\d.]+)?(s[\d.]+)?-\d+$", flags=re.ASCII)
"""End of the names of displaced and strained copies of a material; see ``calculation.plan``."""


def material_of(record_id: str) -> str:
    """Material part of a record id, `<material>_<site>`; that of the original for a copy."""
    return COPY.sub("", record_id.rpartition("_")[0] or record_id)


def _order_in_formula(z: int) -> tuple[float, int]:
    """Sort key of an element in a formula: by group, and upwards within it.

    IUPAC, Nomenclature of Inorganic Chemistry (2005), table VI: noble gases first, hydrogen between
    the groups of nitrogen and oxygen.
    """
    if z == 1:
        return 15.5, 0
    last = next((end for end in NOBLE_GASES if end >= z), z)
    first = max((end for end in NOBLE_GASES if end < z), default=0)
    group = z - first if z - first <= 2 else max(3, 18 - last + z)
    return 0 if z == last else group, -z


def formula_of(atoms: Atoms) -> str:
    """Chemical formula, cations first: TiO2, La2CuO4; that of the whole if it is not periodic."""
    return formula(atoms.numbers, reduced=bool(atoms.pbc.any()))


def formula(numbers: Iterable[int], reduced: bool = True) -> str:
    """Chemical formula of atomic numbers, ``reduced`` to the smallest whole counts."""
    counts = Counter(int(z) for z in numbers if 0 < z <= LARGEST_Z)
    unit = (gcd(*counts.values()) or 1) if reduced else 1
    elements = sorted(counts, key=_order_in_formula)
    parts = [(chemical_symbols[z], counts[z] // unit) for z in elements]
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in parts)


def title_of(name: str, formula: str | None) -> str:
    """What to call a structure in a figure: its formula, then its name unless that contains it."""
    if not formula or formula in name:
        return name
    return f"{formula} ({name})"

"""Elements from the symbols and labels of structure files."""

import re
from collections.abc import Set

from ase.data import atomic_numbers

from ..errors import StructureError

FULL_WITHIN = 1e-3
"""Largest difference to 1 of a full occupancy."""
ALIASES = {"D": "H", "Hw": "H", "HW": "H"}
ALIASES |= dict.fromkeys(("Wat", "WAT", "Ow", "OW", "OH", "O-H", "OH2", "H2O"), "O")
"""Deuterium, and groups that some databases write for one atom; the formula has their hydrogen."""
GROUPS = ("CH", "CN", "CO", "HF", "HO", "NH", "NO", "OH", "PO")
"""Symbols in capitals that are groups of atoms rather than one element."""
CHARGE = r"(?:\d+(?:\.\d+)?[+-]|[+-]+\d*(?:\.\d+)?|\d+|[IVX]+)"
ONE_ELEMENT = re.compile(rf"([A-Za-z]{{1,2}})(?:{CHARGE}|\({CHARGE}\))?")
MIXED = re.compile(r".*[A-Z].*(?:\d*\.\d|[/,+&]).*[A-Z]|.*\d*\.\d.*[A-Z]|[A-Z][a-z][A-Z][a-z]")
"""A label of several elements: Cu0.6Zn0.4, Cu/Zn, CuZn; not CuM1 or OSi1."""


def element_of(letters: str) -> str | None:
    """Symbol of an element from letters in any case, deuterium as H; None: it is none."""
    symbol = letters.capitalize()
    symbol = ALIASES.get(symbol, symbol)
    return symbol if symbol in atomic_numbers and symbol != "X" else None


def species_of(symbol: str, known: Set[str] = frozenset()) -> dict[str, float]:
    """Fraction of a site by element, 1 for a plain symbol.

    Args:
        symbol: such as ``Cu``, ``Cu2+``, ``D``, ``0.75Si + 0.25Al`` or ``Cu0.6Zn0.4``.
        known: elements of the formula; without them ``CO`` is not Co.

    Raises:
        StructureError: it names no element, or several without their fractions.
    """
    text = re.sub(r"(\.\d+)\(\d+\)", r"\1", ALIASES.get(symbol, symbol))  # no uncertainties
    match = ONE_ELEMENT.fullmatch(text)
    element = element_of(match[1]) if match else None
    if match and element and (match[1] not in GROUPS or element in known):
        return {element: 1.0}
    words = [element_of(word) for word in re.findall(r"[A-Z][a-z]?", text)]
    elements = [word for word in words if word]
    if not elements or len(elements) < len(words):
        raise StructureError(f"{symbol!r} is not an element")
    without_charges = re.sub(r"(?<=[A-Za-z])\d*[+-](?!\d*\.\d)", "", text)
    numbers = [float(number) for number in re.findall(r"\d+\.?\d*|\.\d+", without_charges)]
    if len(set(elements)) == 1 and not numbers:
        return {elements[0]: 1.0}
    if len(numbers) != len(elements):
        raise StructureError(
            f"{symbol!r} names {' and '.join(elements)}, so the site is disordered or a group of"
            " atoms; make an ordered cell first"
        )
    shares = dict.fromkeys(elements, 0.0)
    for name, number in zip(elements, numbers, strict=True):
        shares[name] += number
    return shares


def species_of_label(label: str, known: Set[str]) -> dict[str, float]:
    """``species_of`` for a site's label, such as ``Cu1``, ``CuA`` or ``CU1``, without a symbol.

    Args:
        label: the site's label.
        known: elements of the formula, which decide whether ``CU1`` is Cu or C; may be empty.

    Raises:
        StructureError: no element, or more than one reading.
    """
    letters = re.match(r"H2O$|O-H|[A-Za-z]+", label)
    if letters is None or letters[0].startswith("Va"):  # a vacancy
        raise StructureError(f"label {label!r} names no element")
    if letters[0] in ALIASES:
        return {ALIASES[letters[0]]: 1.0}
    if letters[0].startswith("Wat"):  # WatA, WatOW
        return {"O": 1.0}
    if MIXED.match(label):
        return species_of(label)
    readings = [element_of(label[:length]) for length in (2, 1) if len(letters[0]) >= length]
    elements = list(dict.fromkeys(reading for reading in readings if reading))
    likely = [element for element in elements if element in known] or elements
    if not likely:
        raise StructureError(f"label {label!r} names no element")
    if len(likely) > 1 and not label[1].islower():
        raise StructureError(
            f"label {label!r} could be {' or '.join(likely)}; add _atom_site_type_symbol"
        )
    return {likely[0]: 1.0}

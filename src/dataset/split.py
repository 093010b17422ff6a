"""Splits by material: from files of ids, or by hash."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..errors import DatabaseError, check_kinds
from ..structures.names import material_of


def read_ids(path: str | Path) -> list[str]:
    """Read ids, one per line; blank lines and lines that start with # are skipped.

    Raises:
        DatabaseError: the file is missing, contains no ids or other text, or an id twice.
    """
    path = Path(path)
    if not path.is_file():
        raise DatabaseError(f"{path}: no such file")
    ids: dict[str, int] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatabaseError(f"{path}: not a text file of ids ({error.reason})") from error
    for number, line in enumerate(lines, start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if len(entry.split()) != 1:
            raise DatabaseError(f"{path}: line {number}: expected one id, found {entry!r}")
        if entry in ids:
            raise DatabaseError(f"{path}: line {number}: {entry} is also in line {ids[entry]}")
        ids[entry] = number
    if not ids:
        raise DatabaseError(f"{path}: contains no ids")
    return list(ids)


def split_by_hash(
    ids: Iterable[str], fractions: Mapping[str, float], seed: int = 0
) -> dict[str, list[str]]:
    """Divide materials by a hash, so that each keeps its part when the dataset grows.

    A part that would be empty gets one material of the largest part, if that has two or more.

    Args:
        ids: record ids, `<material>_<site>`.
        fractions: fraction of the materials for each part; they add up to 1.
        seed: another seed gives another split.

    Returns:
        Ids of each part, in the order of ``ids``.

    Raises:
        DatabaseError: a fraction is negative or they do not add up to 1, or ``ids`` is a text.
        ConfigError: the seed is not an integer.
    """
    if isinstance(ids, str):
        raise DatabaseError(f"`ids` is the text {ids!r}, expected a list; `read_ids` reads a file")
    check_kinds({"seed": seed}, {"seed": int})
    total = sum(fractions.values())
    if not (all(part >= 0 for part in fractions.values()) and abs(total - 1.0) <= 1e-9):
        raise DatabaseError(f"the fractions {dict(fractions)} must not be negative and add up to 1")
    ids = list(ids)
    position = {}  # of each material, in the unit interval
    for material in map(material_of, ids):
        digest = hashlib.sha256(f"{seed}\0{material}".encode()).digest()
        position[material] = int.from_bytes(digest[:8], "big") / 2**64
    edges, names = np.cumsum(list(fractions.values())), list(fractions)
    part_of = {
        material: names[min(int(np.searchsorted(edges, place, side="right")), len(names) - 1)]
        for material, place in position.items()
    }
    _fill_empty(part_of, position, {n: f for n, f in fractions.items() if f > 0})
    parts: dict[str, list[str]] = {name: [] for name in fractions}
    for record_id in ids:
        parts[part_of[material_of(record_id)]].append(record_id)
    return parts


def _fill_empty(
    part_of: dict[str, str], position: Mapping[str, float], fractions: Mapping[str, float]
) -> None:
    """Give each empty part the material of the largest part that is nearest to it."""
    middle, start = {}, 0.0
    for name, fraction in fractions.items():
        middle[name], start = start + 0.5 * fraction, start + fraction
    for name in fractions:
        counts = Counter(part_of.values())
        largest, most = max(counts.items(), key=lambda item: item[1], default=("", 0))
        if counts[name] or most < 2:
            continue
        nearest = min(
            (material for material, part in part_of.items() if part == largest),
            key=lambda material: abs(position[material] - middle[name]),
        )
        part_of[nearest] = name


def check_split(train: Iterable[str], val: Iterable[str]) -> None:
    """Raise DatabaseError, which names them, if materials are in both parts."""
    both = sorted({material_of(i) for i in train} & {material_of(i) for i in val})
    if both:
        named = ", ".join(both[:3]) + (", ..." if len(both) > 3 else "")
        raise DatabaseError(f"{len(both)} materials are in training and validation: {named}")

"""What is kept in memory of every record of a database: enough to find, group and count them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .split import material_of


class IndexRow(NamedTuple):
    """A row of our table, in the order of its columns."""

    id: int
    """Row of ASE's table ``systems``."""
    record: str
    """Id of the record."""
    element: str
    """Absorbing element."""
    edge: str
    """Absorption edge."""
    target: str
    """Kind of spectrum."""
    code: str
    """Program that calculated it, and its version."""
    axis: str
    """What energies count from, see ``Record.axis``."""
    lowest: float
    """First calculated energy, eV."""
    highest: float
    """Last calculated energy, eV."""
    structure: str
    """Checksum of the structure, 64 hexadecimal digits."""
    digest: str
    """Checksum of the record, 64 hexadecimal digits."""


@dataclass(frozen=True)
class Entry:
    """Where a record stands, and what is needed to find and group it."""

    row: int
    """Row of ASE's table."""
    material: str
    """Material."""
    element: str
    """Absorbing element."""
    edge: str
    """Absorption edge."""
    target: str
    """Kind of spectrum."""
    code: str
    """Program that calculated it, and its version."""
    axis: str
    """What energies count from, see ``Record.axis``."""
    lowest: float
    """First calculated energy, eV."""
    highest: float
    """Last calculated energy, eV."""
    structure_digest: str
    """Checksum of the structure."""
    digest: str
    """Checksum of the record."""


def entry_of(row: IndexRow) -> Entry:
    """What is kept in memory of a row of our table."""
    return Entry(
        row=row.id,
        material=material_of(row.record),
        element=row.element,
        edge=row.edge,
        target=row.target,
        code=row.code,
        axis=row.axis,
        lowest=row.lowest,
        highest=row.highest,
        structure_digest=row.structure,
        digest=row.digest,
    )


class Index:
    """Entries of a database, in columns: about 250 bytes a record instead of some 2,000."""

    def __init__(self, pages: Iterable[list[IndexRow]]) -> None:
        """Collect the rows, sorted by row."""
        kinds: dict[tuple[str, ...], int] = {}
        numbers: list[np.ndarray] = []
        energies: list[np.ndarray] = []
        digests: list[bytes] = []
        ids: list[str] = []
        for page in pages:
            ids += [row.record for row in page]
            kind = [kinds.setdefault(row[2:7], len(kinds)) for row in page]
            numbers.append(np.array([[row.id for row in page], kind], dtype=np.int64))
            energies.append(np.array([row[7:9] for row in page]).reshape(-1, 2))
            digests.append(bytes.fromhex("".join(row.structure + row.digest for row in page)))
        rows, kind_numbers = np.concatenate(numbers, axis=1)
        order = np.argsort(rows, kind="stable")
        self.kinds = list(kinds)
        self.rows = rows[order]
        self.kind = kind_numbers[order]
        self.energies = np.concatenate(energies)[order]
        digest = np.frombuffer(b"".join(digests), dtype=np.uint8)
        self.digests = digest.reshape(len(rows), 2, -1 if len(rows) else 0)[order]
        self.number = {ids[place]: k for k, place in enumerate(order.tolist())}

    def entry(self, record_id: str) -> Entry:
        """Entry of a record that is there."""
        k = self.number[record_id]
        digests = (self.digests[k, part].tobytes().hex() for part in (0, 1))
        kind, energies = self.kinds[self.kind[k]], self.energies[k].tolist()
        return entry_of(IndexRow(int(self.rows[k]), record_id, *kind, *energies, *digests))

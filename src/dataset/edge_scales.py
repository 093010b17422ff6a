"""Scales and mean spectra of a training on several elements and edges."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase.data import atomic_numbers
from torch import Tensor

from ..errors import DatabaseError
from ..xas.edge_scale import (
    ABOVE_START,
    ENOUGH,
    WINDOW,
    EdgeScale,
    closeness,
    edge_start,
    expected,
    find_scale,
    window_around,
)
from ..xas.energies import KNOWN_WINDOWS
from .database import Database
from .entries import Entry
from .record import Record
from .statistics import SetStatistics, fill_missing

PRIOR = 3.0
"""Weight of near neighbors in the periodic table for mean spectra, in spectra."""


def measure_scales(database: Database, ids: Sequence[str]) -> list[EdgeScale]:
    """Scales of all elements and edges of some records, by edge and atomic number."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    entries: dict[tuple[str, str], list[Entry]] = {}
    for record in database.records(ids):
        key = record.edge, record.element
        entries.setdefault(key, []).append(database.entry(record.id))
        if (start := edge_start(record.energy, record.mu)) is not None:
            found.setdefault(key, []).append(start)
    scales = []
    for (edge, element), members in sorted(entries.items(), key=_place):
        of_edge = {e: np.array(v) for (name, e), v in found.items() if name == edge}
        scales.append(_scale(element, edge, of_edge, members))
    return scales


def _place(item: tuple[tuple[str, str], object]) -> tuple[str, int]:
    (edge, element), _ = item
    return edge, atomic_numbers[element]


def _scale(
    element: str, edge: str, positions: Mapping[str, np.ndarray], members: Sequence[Entry]
) -> EdgeScale:
    """Scale of an element from positions (n, 2) of it and of others, of the same edge."""
    counts = {symbol: len(values) for symbol, values in positions.items()}
    references = {s: float(v[:, 0].mean()) + ABOVE_START for s, v in positions.items()}
    steps = {s: float(np.exp(np.log(v[:, 1]).mean())) for s, v in positions.items()}
    reference, step = expected(element, edge, references, steps, counts)
    window = KNOWN_WINDOWS.get((element, edge)) or common_grid(members)
    if window is None:
        window = window_around(reference)
    reference = window[0] - WINDOW[0]  # the energies of the training fall on those of the records
    codes = Counter(entry.code for entry in members)
    return EdgeScale(
        *(element, edge, reference, step, window, codes.most_common(1)[0][0]),
        *(len(members), len({entry.material for entry in members})),
    )


def mean_spectra(statistics: SetStatistics, n_edges: int, max_z: int, n_energies: int) -> Tensor:
    """Mean normalized spectra of all elements, drawn to those of their neighbors.

    Where few spectra, or none, were calculated at an energy, the neighbors decide.

    Returns:
        Shape (n_edges, max_z + 1, n_energies), float64.
    """
    total = torch.zeros(n_edges, max_z + 1, n_energies, dtype=torch.float64)
    count = torch.zeros_like(total)
    for kind, (number, mean) in statistics.by_edge.items():
        count[kind], total[kind] = number, number * mean
    numbers = np.arange(max_z + 1)
    near = torch.as_tensor(closeness(numbers - numbers[:, None]))
    limited = count.clamp(max=ENOUGH)
    mean = total / count.clamp(min=1.0)
    weight = torch.einsum("zy,eyn->ezn", near, limited)
    guess = torch.einsum("zy,eyn->ezn", near, limited * mean) / weight.clamp(min=1e-30)
    guess = fill_missing(guess, weight > 1e-20)
    prior = (PRIOR * weight / (PRIOR + weight)).clamp(min=1e-9)  # less of distant neighbors
    return (total + prior * guess) / (count + prior)


def common_grid(entries: Sequence[Entry]) -> tuple[float, float, float] | None:
    """First and last energy and step, eV, that more than half of some records share, or None."""
    grids = Counter((entry.lowest, entry.highest, entry.step) for entry in entries)
    (low, high, step), number = grids.most_common(1)[0]
    return (low, high, step) if step is not None and 2 * number > len(entries) else None


@dataclass(frozen=True)
class Scales:
    """Scales of a training, with the edges and codes that its network distinguishes."""

    scales: Sequence[EdgeScale]
    edges: Sequence[str]
    codes: Sequence[str]
    """Code and version of the calculations, that of most spectra first."""

    @classmethod
    def measure(cls, database: Database, ids: Sequence[str]) -> "Scales":
        """Scales of the records of a training."""
        entries = [database.entry(record_id) for record_id in ids]
        codes = [code for code, _ in Counter(entry.code for entry in entries).most_common()]
        edges = sorted({entry.edge for entry in entries})
        return cls(measure_scales(database, ids), edges, codes)

    def of(self, record: Record, n_absorbers: int) -> tuple[EdgeScale, tuple[Tensor, Tensor]]:
        """Scale of a record, and the fields ``core_level`` and ``code`` of its graph.

        Raises:
            DatabaseError: no training record was of this edge, or by this code.
        """
        code = f"{record.code} {record.version}".strip()
        for name, value, known in (("edge", record.edge, self.edges), ("code", code, self.codes)):
            if value not in known:
                raise DatabaseError(
                    f"{record.id}: {name} is {value}, but the model knows {', '.join(known)}"
                )
        numbers = self.edges.index(record.edge), self.codes.index(code)
        core_level, source = (torch.full((n_absorbers,), number) for number in numbers)
        return find_scale(self.scales, record.element, record.edge), (core_level, source)

"""A database as a data set of graphs with targets, for training and evaluation."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data

from ..errors import (
    ConfigError,
    DatabaseError,
    StructureError,
    check_at_least,
    check_not_negative,
    check_positive,
)
from ..structures.graph import atoms_to_graph
from ..xas.energies import resample
from .database import Database
from .edge_scales import Scales
from .record import is_mean
from .statistics import check_finite

MEMORY_BYTES = 1 << 29
"""Graphs that a data set keeps in memory, in bytes: some 15,000 structures. The others are
made again at each use, which takes about a millisecond."""


class XANESDataset(Dataset):
    """Graphs of a database, each with all wanted sites of one structure.

    Structures are read and turned into graphs on first use, in an order that depends on the ids
    alone: by material, then structure. Graphs are kept in memory up to a limit.
    """

    def __init__(
        self,
        database: Database,
        ids: Iterable[str],
        r_max: float,
        grid: np.ndarray,
        extend_below: float,
        max_z: int = 100,
        memory_bytes: int = MEMORY_BYTES,
        scales: Scales | None = None,
    ) -> None:
        """Group the records by structure, and by element, edge and code where there are scales.

        Args:
            database: records.
            ids: records wanted.
            r_max: cutoff radius, Angstrom.
            grid: absolute energies of the targets, eV, shape (n_energies,); with ``scales``
                relative to their reference.
            extend_below: see ``resample``, eV.
            max_z: highest atomic number.
            memory_bytes: most bytes of graphs kept in memory.
            scales: energy zero and unit of each element and edge, for a ``MultiEdgeNetwork``.

        Raises:
            DatabaseError: the database lacks one of the ids.
            ConfigError: energies that do not increase, or a radius or range that can't be.
        """
        grid = np.asarray(grid, dtype=float)
        rises = grid.ndim == 1 and len(grid) > 0 and bool((np.diff(grid) > 0).all())
        if not rises or not np.isfinite(grid).all():
            raise ConfigError(
                f"`grid` has shape {grid.shape} but must be one or more finite, strictly increasing"
                " energies, eV"
            )
        self.database, self.grid = database, grid
        self.extend_below = check_not_negative("extend_below", extend_below)
        self.r_max = check_positive("r_max", r_max)
        self.max_z = int(check_at_least("max_z", max_z, 1))
        self.memory_bytes = check_at_least("memory_bytes", memory_bytes, 0)
        self.scales = scales
        groups: dict[tuple[str, ...], list[str]] = {}
        for record_id in sorted(set(ids)):
            entry = database.entry(record_id)
            mean = record_id if is_mean(record_id) else ""  # a graph of its own
            kind = (entry.element, entry.edge, entry.code) if scales is not None else ()
            key = (entry.material, entry.structure_digest, mean, *kind)
            groups.setdefault(key, []).append(record_id)
        self.groups = [groups[key] for key in sorted(groups)]
        self.graphs: dict[int, Data] = {}

    def __len__(self) -> int:
        """Number of graphs."""
        return len(self.groups)

    def __getitem__(self, index: int) -> Data:
        """Graph of one structure.

        Returns:
            ``Data`` as ``atoms_to_graph`` makes it, with y and y_mask (n_absorbers, n_energies) and
            record_id, a list in the order of the rows (by atom).

        Raises:
            StructureError: the structure can't be used; the record is named.
            DatabaseError: a record was calculated at none of the energies; it is named.
            ConfigError: a spectrum is not finite in the type of the graphs; its record is named.
        """
        if index in self.graphs:
            return self.graphs[index]
        graph = self._build(self.groups[index])
        check_finite(graph, str(self.database.path))
        size = sum(part.nbytes for _, part in graph if isinstance(part, torch.Tensor))
        if size <= self.memory_bytes:
            self.memory_bytes -= size
            self.graphs[index] = graph
        return graph

    def _build(self, ids: list[str]) -> Data:
        """Make the graph of some sites of one structure."""
        records = sorted(self.database.records(ids), key=lambda record: record.site)
        sites = [record.site for record in records]
        polarized = [record.id for record in records if record.polarization is not None]
        if polarized:
            raise DatabaseError(
                f"{self.database.path}: {polarized[0]} is a polarized spectrum, which the network"
                " can't learn or be compared with; leave such records out with a list of ids"
            )
        if len(set(sites)) != len(sites):
            raise StructureError(f"{ids[0]}: several records of {ids} are for the same atom")
        try:
            absorbers = list(records[0].mean_over or sites)
            graph = atoms_to_graph(records[0].atoms, absorbers, self.r_max, self.max_z)
        except StructureError as error:
            raise StructureError(f"{records[0].id}: {error}") from error
        grid, unit = self.grid, 1.0
        if self.scales is not None:
            scale, (graph.core_level, graph.code) = self.scales.of(records[0], len(absorbers))
            grid, unit = scale.reference + self.grid, scale.edge_step
        targets = [resample(r.energy, r.mu / unit, grid, self.extend_below) for r in records]
        for record, (_, mask) in zip(records, targets, strict=True):
            if not mask.any():
                raise DatabaseError(
                    f"{self.database.path}: {record.id} was calculated at none of the energies"
                    f" {grid[0]:.3f} .. {grid[-1]:.3f} eV"
                )
        graph.y = torch.as_tensor(np.stack([mu for mu, _ in targets]), dtype=graph.pos.dtype)
        graph.y_mask = torch.as_tensor(np.stack([mask for _, mask in targets]))
        graph.record_id = [record.id for record in records]
        if records[0].mean_over is not None:
            graph.row_of_site = torch.zeros(len(absorbers), dtype=torch.long)
        return graph

    def __iter__(self) -> Iterator[Data]:
        """Yield the graphs in order."""
        return (self[index] for index in range(len(self)))

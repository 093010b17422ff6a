"""Real crystals to measure on."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch_geometric.data import Data

from src.dataset.batch import GraphBatchSampler, collate_graphs
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.readers.feff import read_feff
from src.xas.energies import KNOWN_WINDOWS, even_energies

from .timing import ROOT

SLICE = ROOT / "tests" / "data" / "cu_k" / "calculations"
GRID = even_energies(*KNOWN_WINDOWS[("Cu", "K")])
"""Absolute energies of the targets, eV."""
RELATIVE_GRID = torch.as_tensor(GRID - GRID[0] - 10.0, dtype=torch.float32)
"""The same relative to the reference energy, eV."""


def load_graphs(database: Path | None, most: int, r_max: float = 5.0) -> list[Data]:
    """Graphs of evenly chosen materials.

    Args:
        database: Cu K spectra; None: the slice in tests/data.
        most: most graphs wanted.
        r_max: cutoff radius, Angstrom.

    Returns:
        Graphs with targets on ``GRID``, in an order that depends on the database alone.
    """
    with TemporaryDirectory() as folder:
        if database is None:
            database = Path(folder) / "slice.db"
            write_records(database, read_feff(SLICE))
        records = Database(database)
        data = XANESDataset(records, records.ids, r_max=r_max, grid=GRID, extend_below=6.0)
        every = max(1, len(data) // most)
        return [data[k] for k in range(0, len(data), every)][:most]


def make_batches(graphs: list[Data], max_edges: int) -> list[Data]:
    """Batches of bounded size in the order of the graphs."""
    sampler = GraphBatchSampler([g.num_edges for g in graphs], max_edges, None, seed=None)
    return [collate_graphs([graphs[k] for k in numbers]) for numbers in sampler]


def small_batch(graphs: list[Data], max_edges: int) -> Data:
    """The smallest graphs that together have at most ``max_edges`` edges; at least one graph."""
    chosen: list[Data] = []
    for graph in sorted(graphs, key=lambda graph: graph.num_edges):
        if chosen and sum(g.num_edges for g in [*chosen, graph]) > max_edges:
            break
        chosen.append(graph)
    return collate_graphs(chosen)


def count_edges(batches: list[Data]) -> int:
    """Graph edges in all batches."""
    return sum(batch.num_edges for batch in batches)

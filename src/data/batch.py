"""Graphs to batches: collation, and batches of bounded size in an order fixed by seed and epoch."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler
from torch_geometric.data import Batch, Data


def collate_graphs(graphs: Sequence[Data]) -> Batch:
    """Join graphs, molecules and crystals alike.

    Fields that one graph may lack are filled in: ``edge_shift`` with zeros (a molecule), ``y_mask``
    with True (all energies calculated). Fields the network does not use are left behind.

    Args:
        graphs: graphs with z, pos, edge_index, absorber_mask and, for training, y.

    Returns:
        The batch; rows of ``y`` are ordered by graph, then atom.
    """
    plain = []
    for graph in graphs:
        shift = graph.get("edge_shift")
        fields = {
            "z": graph.z,
            "pos": graph.pos,
            "edge_index": graph.edge_index,
            "edge_shift": graph.pos.new_zeros(graph.num_edges, 3) if shift is None else shift,
            "absorber_mask": graph.absorber_mask,
        }
        if graph.get("y") is not None:
            mask = graph.get("y_mask")
            fields["y"] = graph.y
            fields["y_mask"] = torch.ones_like(graph.y, dtype=torch.bool) if mask is None else mask
        plain.append(Data(**fields))
    return Batch.from_data_list(plain)


class GraphBatchSampler(Sampler[list[int]]):
    """Batches with at most so many graphs and so many edges, reshuffled every epoch.

    The order is a function of ``seed`` and the epoch alone, so that a resumed training sees what an
    uninterrupted one would have seen. A graph above the edge budget is a batch of its own.
    """

    def __init__(
        self,
        num_edges: Sequence[int],
        max_edges: int | None,
        batch_size: int | None,
        seed: int | None,
    ) -> None:
        """Keep the limits.

        Args:
            num_edges: edges of every graph.
            max_edges: most edges a batch; None: no limit.
            batch_size: most graphs a batch; None: no limit.
            seed: seed of the order; None: the order of the data set.
        """
        self.num_edges, self.max_edges, self.batch_size = num_edges, max_edges, batch_size
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is wanted."""
        self.epoch = epoch

    def order(self) -> list[int]:
        """Graphs in this epoch's order."""
        if self.seed is None:
            return list(range(len(self.num_edges)))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return torch.randperm(len(self.num_edges), generator=generator).tolist()

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches as lists of graph numbers."""
        batch: list[int] = []
        edges = 0
        for graph in self.order():
            full = self.batch_size is not None and len(batch) >= self.batch_size
            over = self.max_edges is not None and edges + self.num_edges[graph] > self.max_edges
            if batch and (full or over):
                yield batch
                batch, edges = [], 0
            batch.append(graph)
            edges += self.num_edges[graph]
        if batch:
            yield batch

    def __len__(self) -> int:
        """Number of batches in this epoch."""
        return sum(1 for _ in self)

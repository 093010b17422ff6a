"""Graphs to batches: collation, and batches of bounded size in an order fixed by seed and epoch."""

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler

from ..model.graph_input import Graph
from ..model.neighbor_lists import plan_messages


def collate_graphs(graphs: Sequence[Graph], num_layers: int | None = None) -> Graph:
    """Join graphs, molecules and crystals alike.

    Fields that a graph may lack are filled in: ``edge_shift`` with zeros (a molecule), ``y_mask``
    with True (all energies calculated). Fields the network does not use are dropped.

    Args:
        graphs: graphs with z, pos, edge_index, absorber_mask and, for training, y.
        num_layers: layers of the network that will read the batch, whose neighbor lists are then
            padded here, in the process that loads, and not in its forward.

    Returns:
        The batch, a ``Graph`` if the graphs are, else PyG's ``Data``, with ``batch``, the graph of
        every atom, and ``ptr``, the first atom of every graph; rows of ``y`` are ordered by graph,
        then atom. ``row_of_site``, where a graph has it, says which row each absorber counts for,
        see ``mean_rows``; ``r_max`` lists the radii with which the graphs were cut.
    """
    sizes = torch.tensor([graph.num_nodes for graph in graphs])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    fields: dict[str, Any] = {
        **{name: torch.cat([g[name] for g in graphs]) for name in ("z", "pos", "absorber_mask")},
        "edge_index": torch.cat(
            [g.edge_index + first for g, first in zip(graphs, ptr.tolist()[:-1], strict=True)], 1
        ),
        "edge_shift": torch.cat([_edge_shift(graph) for graph in graphs]),
        "batch": torch.arange(len(graphs)).repeat_interleave(sizes),
        "ptr": ptr,
    }
    if any(graph.get("y") is not None for graph in graphs):
        targets = [target_and_mask(graph) for graph in graphs]
        fields["y"] = torch.cat([y for y, _ in targets])
        fields["y_mask"] = torch.cat([mask for _, mask in targets])
    for name in ("core_level", "code"):
        if graphs[0].get(name) is not None:
            fields[name] = torch.cat([graph[name] for graph in graphs])
    if any("row_of_site" in graph for graph in graphs):
        fields["row_of_site"] = join_rows(graphs)
    if any("r_max" in graph for graph in graphs):
        fields["r_max"] = sorted({graph.r_max for graph in graphs if "r_max" in graph})
    if num_layers is not None:
        fields["plan"] = plan_messages(fields["edge_index"], fields["absorber_mask"], num_layers)
    if isinstance(graphs[0], Graph):
        return Graph(**fields)
    from torch_geometric.data import Data  # its imports take seconds

    return Data(**fields)


def _edge_shift(graph: Graph) -> torch.Tensor:
    """Lattice translations of the edges, Angstrom, shape (n_edges, 3); zero in a molecule."""
    shift = graph.get("edge_shift")
    return graph.pos.new_zeros(graph.num_edges, 3) if shift is None else shift


def target_and_mask(graph: Graph) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectra of a graph and where they were calculated, both (n_rows, n_energies)."""
    mask = graph.get("y_mask")
    return graph.y, torch.ones_like(graph.y, dtype=torch.bool) if mask is None else mask


def count_rows(graph: Graph) -> int:
    """Spectra of a graph: one per absorber, fewer where some are means over several."""
    rows = graph.get("row_of_site")
    return int(graph.absorber_mask.sum()) if rows is None else int(rows.max()) + 1


def join_rows(graphs: Sequence[Graph]) -> torch.Tensor:
    """Row of the batch's ``y`` that each absorber counts for, shape (n_absorbers,).

    A graph without ``row_of_site`` has one row per absorber, in order.
    """
    parts, first = [], 0
    for graph in graphs:
        rows, n_rows = graph.get("row_of_site"), count_rows(graph)
        parts.append(first + (torch.arange(n_rows) if rows is None else rows))
        first += n_rows
    return torch.cat(parts)


def mean_rows(values: torch.Tensor, row_of_site: torch.Tensor | None) -> torch.Tensor:
    """Mean over the absorbers that count for the same row.

    Args:
        values: of every absorber, shape (n_absorbers, ...).
        row_of_site: see ``join_rows``; None: every absorber is a row.

    Returns:
        Means, shape (n_rows, ...).
    """
    if row_of_site is None:
        return values
    n_rows = int(row_of_site.max()) + 1
    sums = values.new_zeros(n_rows, *values.shape[1:]).index_add(0, row_of_site, values)
    counts = torch.bincount(row_of_site, minlength=n_rows).to(values.dtype)
    return sums / counts.reshape(-1, *[1] * (values.dim() - 1))


class GraphBatchSampler(Sampler[list[int]]):
    """Batches with a maximum of graphs and of edges, reshuffled every epoch.

    The order is a function of ``seed`` and the epoch alone, so that a resumed training sees what an
    uninterrupted one would have seen. A graph above the edge budget is a batch of its own.
    """

    def __init__(
        self,
        num_edges: Sequence[int],
        max_edges: int | None,
        batch_size: int | None,
        seed: int | None,
        draws: Sequence[int] | None = None,
    ) -> None:
        """Keep the limits.

        Args:
            num_edges: edges of every graph.
            max_edges: maximum edges per batch; None: no limit.
            batch_size: maximum graphs per batch; None: no limit.
            seed: seed of the order; None: the order of the data set.
            draws: how often an epoch has each graph; None: once.
        """
        self.draws = torch.ones(len(num_edges), dtype=torch.long)
        if draws is not None:
            self.draws = torch.as_tensor(draws)
        self.num_edges, self.max_edges, self.batch_size = num_edges, max_edges, batch_size
        self.seed, self.epoch, self.first = seed, 0, 0

    def set_epoch(self, epoch: int, first: int = 0) -> None:
        """Choose the epoch, and the batch with which it begins."""
        self.epoch, self.first = epoch, first

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches from ``first`` on, as lists of graph numbers."""
        return itertools.islice(self._batches(), self.first, None)

    def _batches(self) -> Iterator[list[int]]:
        """Yield all batches of the epoch."""
        order = torch.arange(len(self.num_edges)).repeat_interleave(self.draws)
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = order[torch.randperm(len(order), generator=generator)]
        batch: list[int] = []
        edges = 0
        for graph in order.tolist():
            full = self.batch_size is not None and len(batch) >= self.batch_size
            over = self.max_edges is not None and edges + self.num_edges[graph] > self.max_edges
            if batch and (full or over):
                yield batch
                batch, edges = [], 0
            batch.append(graph)
            edges += self.num_edges[graph]
        if batch:
            yield batch

    def count(self) -> int:
        """Number of batches in the whole epoch."""
        return sum(1 for _ in self._batches())


def balanced_draws(kinds: Sequence[Hashable], exponent: float) -> list[int]:
    """How often an epoch has each graph, so that rare kinds are not drowned by frequent ones.

    A graph of one of n of its kind is drawn (N / n)^exponent times, rounded, where the most
    frequent kind has N: at 0 each is drawn once, at 1 all kinds are as frequent.
    """
    counts = Counter(kinds)
    most = max(counts.values())
    return [round((most / counts[kind]) ** exponent) for kind in kinds]

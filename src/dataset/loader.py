"""Loading of batches: each process reads its part of every batch, balanced by edges."""

import functools
import signal
from collections.abc import Iterator, Sequence

from torch.utils.data import DataLoader, Sampler
from torch_geometric.data import Data

from ..runtime.distributed import Team
from ..runtime.signals import ENDINGS
from .batch import GraphBatchSampler, collate_graphs
from .seeding import SeededGraphs


def share_out(numbers: Sequence[int], num_edges: Sequence[int], size: int) -> list[list[int]]:
    """Divide a batch so that all parts have about the same number of edges.

    Graphs with most edges come first, each in the part that has fewest so far (Graham, SIAM J.
    Appl. Math. 17, 416 (1969)); the largest part is at most 4/3 of the best possible.

    Args:
        numbers: graphs of the batch.
        num_edges: edges of every graph of the data set.
        size: number of parts.

    Returns:
        The parts, each in the order of the batch; some are empty in a batch of few graphs.
    """
    part_of: dict[int, int] = {}
    load = [0] * size
    for place in sorted(range(len(numbers)), key=lambda k: (-num_edges[numbers[k]], k)):
        part = load.index(min(load))
        part_of[place] = part
        load[part] += max(num_edges[numbers[place]], 1)
    return [[n for k, n in enumerate(numbers) if part_of[k] == part] for part in range(size)]


class PartSampler(Sampler[list[tuple[int, int]]]):
    """One process's part of the batches that a single process would take; epoch and number."""

    def __init__(self, batches: GraphBatchSampler, team: Team) -> None:
        """Keep the whole batches, whose ``set_epoch`` counts, and the processes."""
        self.batches, self.team = batches, team

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield this process's graphs of every batch, which may be none."""
        epoch = self.batches.epoch
        for numbers in self.batches:
            parts = share_out(numbers, self.batches.num_edges, self.team.size)
            yield [(epoch, number) for number in parts[self.team.rank]]


def collate_part(graphs: Sequence[Data], num_layers: int) -> Data | None:
    """Join graphs and pad their lists; None where a process has no part in a batch."""
    return collate_graphs(graphs, num_layers) if graphs else None


def leave_signals(_worker: int) -> None:
    """Ignore signals, which a queue sends to all processes; the training ends its loaders."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def make_loader(
    dataset: SeededGraphs,
    batches: GraphBatchSampler,
    team: Team,
    num_layers: int,
    workers: int = 0,
) -> DataLoader:
    """Loader of this process's part of the batches, in their order; None for an empty part.

    Args:
        dataset: graphs.
        batches: the whole batches.
        team: the processes.
        num_layers: layers of the network.
        workers: processes that read ahead; the batches are the same with any number.
    """
    return DataLoader(
        dataset,
        batch_sampler=PartSampler(batches, team),
        collate_fn=functools.partial(collate_part, num_layers=num_layers),
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=leave_signals,
        pin_memory=team.device.type == "cuda",
    )

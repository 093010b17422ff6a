"""Random numbers of a data set: they depend only on seed, epoch and graph."""

import copy
import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data

from .statistics import GraphSet


def seed_of(*words: int) -> int:
    """Seed of 56 bits that differs wherever one of the numbers does."""
    text = " ".join(map(str, words)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch, and restore them afterwards.

    Args:
        seed: integer of 64 bits.
        device: GPU whose generator is seeded and restored, too.
    """
    gpus = [device] if device is not None and device.type == "cuda" else []
    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - what data sets may use
    with torch.random.fork_rng(gpus):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        # torch.manual_seed seeds GPUs too, which takes a tenth of a batch's time
        torch.manual_seed(seed) if gpus else torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002


def displaced(graph: Data, deviation: float) -> Data:
    """Copy of a graph with normally distributed displacements of the atoms, as by heat.

    All periodic images of an atom move with it. Edges remain those of the atoms at rest: messages
    fade to zero at the cutoff, so that a neighbor that crosses it hardly counts.

    Args:
        graph: graph with ``pos``, Angstrom.
        deviation: standard deviation of each coordinate, Angstrom.

    Returns:
        The copy, which shares all but ``pos`` with ``graph``.
    """
    moved = copy.copy(graph)
    moved.pos = graph.pos + deviation * torch.randn_like(graph.pos)
    return moved


class SeededGraphs(Dataset):
    """A data set indexed by (epoch, number), with random numbers that follow from these and a seed.

    A resumed training, or one with more processes, sees the same graphs, even if the data set uses
    the global generators of Python, NumPy or torch. Other generators are not seeded.
    """

    def __init__(self, graphs: GraphSet, seed: int, displacement: float = 0.0) -> None:
        """Keep the graphs; ``displacement`` is the deviation of ``displaced``, Angstrom."""
        self.graphs, self.seed, self.displacement = graphs, seed, displacement

    def __len__(self) -> int:
        """Number of graphs."""
        return len(cast(Sequence[Data], self.graphs))

    def __getitem__(self, key: tuple[int, int]) -> Data:
        """Graph of an epoch."""
        epoch, number = key
        with seeded(seed_of(self.seed, epoch, number)):
            graph = cast(Sequence[Data], self.graphs)[number]
            return displaced(graph, self.displacement) if self.displacement else graph

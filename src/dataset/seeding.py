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
    """Seed the generators of python, NumPy and torch for a while; afterwards they are as before.

    Args:
        seed: any number of 64 bits.
        device: a GPU whose generator is to be restored, too.
    """
    gpus = [device] if device is not None and device.type == "cuda" else []
    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - what data sets may use
    with torch.random.fork_rng(gpus):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        # a tenth of a batch's time goes where each graph seeds generators of GPUs that it has not
        torch.manual_seed(seed) if gpus else torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002


def displaced(graph: Data, deviation: float) -> Data:
    """Copy of a graph with every coordinate displaced at random, as by heat.

    All periodic images of an atom move with it. Edges stay those of the atoms at rest: a neighbour
    that leaves the cutoff counts for nothing, and one that comes in from beyond is not seen, where
    messages fade to zero in any case.

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
    """A data set asked for (epoch, number), whose random numbers follow from these and a seed.

    A resumed training, one with other loader processes or several of torchrun's, sees the same
    graphs, also from a data set that draws at random with python's, NumPy's or torch's global
    generators. Generators of a data set's own are its own affair.
    """

    def __init__(self, graphs: GraphSet, seed: int, displacement: float = 0.0) -> None:
        """Keep the graphs.

        Args:
            graphs: list or map-style data set.
            seed: the training's seed.
            displacement: see ``displaced``, Angstrom; 0: none.
        """
        self.graphs, self.seed, self.displacement = graphs, seed, displacement

    def __len__(self) -> int:
        """Number of graphs."""
        return len(cast(Sequence[Data], self.graphs))

    def __getitem__(self, key: tuple[int, int]) -> Data:
        """Graph of a number as it is in an epoch."""
        epoch, number = key
        with seeded(seed_of(self.seed, epoch, number)):
            graph = cast(Sequence[Data], self.graphs)[number]
            return displaced(graph, self.displacement) if self.displacement else graph

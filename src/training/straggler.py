"""Which process holds the others back: the time each needs for its own part of the batches."""

import logging
import time

import torch

from ..runtime.distributed import Team

logger = logging.getLogger(__name__)

FACTOR = 2.0
"""A process that needs this many times what the others need in the mean is named."""
LEAST_SECONDS = 1.0
"""Shorter waits in an epoch are not worth a word."""


class OwnTime:
    """Seconds of one epoch that a process reads and computes, without those that it waits."""

    def __init__(self, team: Team) -> None:
        """Nothing is measured yet."""
        self.team, self.seconds, self._since = team, 0.0, 0.0

    def start(self) -> None:
        """Begin with work of this process's own."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """End it, before waiting for the others."""
        self.seconds += time.perf_counter() - self._since

    def compare(self) -> None:
        """Log the slowest process where it holds the others back, and begin anew."""
        mine = torch.zeros(self.team.size, dtype=torch.float64)
        mine[self.team.rank], self.seconds = self.seconds, 0.0
        if self.team.size == 1:
            return
        told = describe_straggler(self.team.total(mine).tolist())
        if told is not None and self.team.leads:
            logger.warning(told)


def describe_straggler(seconds: list[float]) -> str | None:
    """Say which process is slow; None where there is none.

    Args:
        seconds: what each of two or more processes needed for its own work.
    """
    slowest = max(range(len(seconds)), key=seconds.__getitem__)
    others = (sum(seconds) - seconds[slowest]) / (len(seconds) - 1)
    if seconds[slowest] < FACTOR * others or seconds[slowest] - others < LEAST_SECONDS:
        return None
    return (
        f"process {slowest} holds the others back: {seconds[slowest]:.1f} s for its part of the"
        f" epoch, the others {others:.1f} s; look for other work or a slow disk on its machine"
    )

"""Cooperating processes: the device of each, exact sums over all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..errors import ConfigError, LostPeerError, PeerError
from .torchrun import launched_size, restarts

T = TypeVar("T")
LOST = ("connection closed", "connection reset", "broken pipe", "remote process exited")
"""Words of gloo's and NCCL's messages where the other end is gone."""


@dataclass(frozen=True)
class Team:
    """This process among those that work together; by default it is alone."""

    rank: int = 0
    """Number of this process, from 0."""
    size: int = 1
    """Number of processes."""
    device: torch.device = torch.device("cpu")
    """Where this process computes."""

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes files and progress."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Sums over the processes, float64 on the CPU, the same on all; of one shape on all."""
        sums = values.detach().double()
        if self.size > 1:
            sums = sums.to(self.device, copy=True)
            dist.all_reduce(sums)
        return sums.cpu()

    def any(self, value: bool) -> bool:
        """Whether a value is true on one of the processes."""
        return value if self.size == 1 else bool(self.total(torch.tensor(float(value))))

    def wait(self) -> None:
        """Wait for all processes."""
        self.total(torch.zeros(()))

    def gather(self, values: T) -> list[T]:
        """What each process has, in their order, on the first one; nothing on the others."""
        if self.size == 1:
            return [values]
        gathered: list[Any] | None = [None] * self.size if self.leads else None
        dist.gather_object(values, gathered)
        return gathered or []

    def sum_gradients(self, model: nn.Module) -> None:
        """Replace the gradients of a network's weights by their sums over the processes.

        A process without a gradient, because its part of the batch is empty, contributes zero.
        """
        if self.size == 1:
            return
        gradients = []
        for weight in filter(lambda weight: weight.requires_grad, model.parameters()):
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
            gradients.append(weight.grad)
        flat = parameters_to_vector(gradients)
        dist.all_reduce(flat)
        vector_to_parameters(flat, gradients)

    def share_weights(self, model: nn.Module) -> None:
        """Give the network of every process the weights and buffers of the first one."""
        if self.size > 1:
            for value in model.state_dict().values():
                dist.broadcast(value, src=0)


def choose_device(device: str, local_rank: int = 0) -> torch.device:
    """Device of a process.

    Args:
        device: "cpu", "cuda" or "cuda:N"; "auto" is cuda if there is a GPU, else cpu.
        local_rank: number of the process on its machine, and of its GPU.

    Returns:
        The device, a GPU's with its number.

    Raises:
        ConfigError: not such a name, or the machine has no such device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = torch.device("meta")
    if chosen.type not in ("cpu", "cuda"):
        raise ConfigError(f"`device` is {device!r}, expected auto, cpu, cuda or cuda:N")
    if chosen.type == "cpu":
        return torch.device("cpu")
    index = local_rank if chosen.index is None else chosen.index
    if index >= torch.cuda.device_count():
        raise ConfigError(
            f"`device` is {device!r}: process {local_rank} of this machine needs GPU {index}, but"
            f" it has {torch.cuda.device_count()}; start fewer processes or give --device cpu"
        )
    return torch.device("cuda", index)


@contextmanager
def processes(device: str = "auto") -> Iterator[Team]:
    """Join torchrun's processes for the context; without torchrun this process is alone.

    The first process that fails raises its error; the others raise ``PeerError``, so that the
    message is shown once. If ``torch.distributed`` is set up already, its group is used.

    Raises:
        ConfigError: see ``choose_device`` and ``launched_size``.
        PeerError: another process has failed and printed why.
        LostPeerError: another process was killed, or its machine is gone.
    """
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if dist.is_available() and dist.is_initialized():
        yield Team(dist.get_rank(), dist.get_world_size(), choose_device(device, local_rank))
        return
    if launched_size() == 1:
        yield Team(device=choose_device(device))
        return
    store, rank, size = next(dist.rendezvous("env://"))
    # the agent's store outlives its processes, and with it the keys of those before a restart
    store = dist.PrefixStore(f"attempt {restarts()}", store)
    try:
        chosen = choose_device(device, local_rank)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        backend = "nccl" if chosen.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
        yield Team(rank, size, chosen)
    except BaseException as error:
        try:
            first = store.add("failures", 1) == 1
        except RuntimeError:  # the process that held the store has failed before
            first = False
        # a lost connection ends the others; NCCL could wait for them, and ends with the process
        if dist.is_initialized() and dist.get_backend() == "gloo":
            dist.destroy_process_group()
        if not first:
            raise PeerError("another process has failed; its message says why") from error
        if isinstance(error, RuntimeError) and any(w in str(error).lower() for w in LOST):
            raise LostPeerError(
                f"process {rank} of {size} has lost another one, which was killed (out of memory?)"
                " or whose machine is gone; the last state is intact, --resume continues from it"
            ) from error
        raise
    dist.destroy_process_group()

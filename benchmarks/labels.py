"""Where the time of a training step goes: every operation, and its gradient, to a module."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

PREFIX = "part:"
BACKWARD = "backward"
"""Label around the whole backward pass; its operations go to the parts that caused them."""
GRADIENT = "autograd::engine::evaluate_function: "
Times = Counter[tuple[str, str, str]]
"""Seconds by (part, "forward" or "backward", name of the operation)."""


def named_parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The network, its children, and the children of every layer; all layers share names."""
    yield "network", model
    for name, child in model.named_children():
        if not isinstance(child, nn.ModuleList):
            yield name, child
            continue
        for block in child:
            yield name, block
            yield from ((f"{name}.{inner}", module) for inner, module in block.named_children())


@contextmanager
def labeled(model: nn.Module) -> Iterator[None]:
    """Let the profiler see which part of a network is at work."""
    open_labels: list[record_function] = []

    def enter(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            open_labels.append(part(name))
            open_labels[-1].__enter__()

        return hook

    def leave(*_: object) -> None:
        open_labels.pop().__exit__(None, None, None)

    handles = []
    for name, module in named_parts(model):
        handles.append(module.register_forward_pre_hook(enter(name)))
        handles.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def part(name: str) -> record_function:
    """Label of a piece of work that is no module."""
    return record_function(PREFIX + name)


def part_of(event: Any) -> str:
    """Innermost label around a profiler's event; "other" outside all of them."""
    while event is not None:
        if event.name.startswith(PREFIX):
            return event.name.removeprefix(PREFIX)
        event = event.cpu_parent
    return "other"


def attribute(events: list[Any]) -> Times:
    """Seconds of every part.

    A gradient has the sequence number of the operation that it belongs to: of all operations with
    that number the one that started last, since the number rises once the operation is recorded.

    Args:
        events: a profile's events.
    """
    operations = [e for e in events if not e.is_user_annotation and e.name[:5] != PREFIX]
    operations.sort(key=lambda event: event.time_range.start)
    origin = {
        event.sequence_nr: part_of(event)
        for event in operations
        if event.sequence_nr >= 0 and part_of(event) != BACKWARD
    }
    times: Times = Counter()
    for event in operations:
        parent = event.cpu_parent
        if parent is not None and not parent.is_user_annotation and parent.name[:5] != PREFIX:
            continue  # counted with the operation that called it
        where, way, name = part_of(event), "forward", event.name
        if where == BACKWARD:
            where, way = origin.get(event.sequence_nr, "other"), "backward"
            name = name.removeprefix(GRADIENT)
        times[where, way, name] += event.time_range.elapsed_us() * 1e-6
    return times


def profile_parts(model: nn.Module, step: Callable[[], object], repeats: int) -> Times:
    """Seconds of one step by part, direction and operation.

    Args:
        model: network that ``step`` trains.
        step: one training step, its backward pass under the label ``BACKWARD``.
        repeats: steps to average over.
    """
    with labeled(model):
        step()
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            for _ in range(repeats):
                step()
    times = attribute(list(profiler.events()))
    return Counter({key: value / repeats for key, value in times.items()})

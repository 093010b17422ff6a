"""Which graphs make a loss or a gradient that is not finite."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from ..dataset.batch import collate_graphs
from ..dataset.seeding import SeededGraphs
from ..runtime.distributed import Team

MOST_NAMED = 50
"""Records that a message lists; a validation set may have thousands."""


def find_culprits(
    dataset: SeededGraphs,
    name: str,
    keys: Sequence[tuple[int, int]],
    is_finite: Callable[[Data], bool],
    team: Team,
) -> list[str]:
    """Records of those graphs that are not finite alone; of all of them where none is so.

    Args:
        dataset: graphs.
        name: what to call the set.
        keys: epoch and number of the graphs to ask, the same on all processes.
        is_finite: whether a batch of one graph gives finite numbers.
        team: the processes; one that finds a graph guilty tells all.

    Returns:
        Records by id, or graphs as ``name[number]`` where they name none.
    """
    graphs = [dataset[key] for key in keys]
    flags = torch.tensor([float(not is_finite(collate_graphs([graph]))) for graph in graphs])
    bad = (team.total(flags) > 0).tolist()
    found: list[str] = []
    for (_, number), graph, guilty in zip(keys, graphs, bad, strict=True):
        if guilty or not any(bad):
            found += graph.get("record_id") or [f"{name}[{number}]"]
    return found


def list_names(names: Sequence[str]) -> str:
    """Names for a message; of very many the first and their number."""
    more = f", .. ({len(names)} in all)" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def finite_with_gradient(loss: Tensor, network: nn.Module) -> bool:
    """Whether a loss and its gradient by every trained weight are finite."""
    if not bool(torch.isfinite(loss)):
        return False
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    return all(bool(torch.isfinite(part).all()) for part in gradients if part is not None)

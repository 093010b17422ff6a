"""Targets of a set of graphs: checks, and the statistics that a network starts from."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Data

from ..errors import ConfigError
from ..model.graph_input import check_graph

GraphSet = Sequence[Data] | Dataset
"""A list of graphs, or a map-style data set of them."""


def iterate(dataset: GraphSet) -> Iterator[Data]:
    """Graphs of a list or a map-style data set, in order."""
    sized = cast(Sequence[Data], dataset)
    return (sized[index] for index in range(len(sized)))


def target_and_mask(graph: Data) -> tuple[Tensor, Tensor]:
    """Spectra of a graph and where they were calculated, both (n_absorbers, n_energies)."""
    mask = graph.get("y_mask")
    return graph.y, torch.ones_like(graph.y, dtype=torch.bool) if mask is None else mask


def check_dataset(
    dataset: GraphSet, name: str, n_energies: int, max_z: int, r_max: float
) -> tuple[list[int], list[int]]:
    """Check every graph and its target, and count its edges and spectra.

    Args:
        dataset: graphs with ``y``.
        name: what to call the set in a message.
        n_energies: energies wanted.
        max_z: highest atomic number that the network knows.
        r_max: cutoff radius of the network, Angstrom.

    Returns:
        Edges of every graph; spectra of every graph.

    Raises:
        ConfigError: the set is empty, or a target is missing, of the wrong shape or not finite;
            or the network can't take a graph, see ``check_graph``.
    """
    num_edges, n_spectra = [], []
    for index, graph in enumerate(iterate(dataset)):
        where = f"{name}[{index}]"
        if graph.get("y") is None:
            raise ConfigError(f"{where} has no `y`; it needs spectra (n_absorbers, n_energies)")
        try:
            check_graph(graph, max_z, r_max)
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from error
        rows = graph.get("row_of_site")
        n_absorbers = int(graph.absorber_mask.sum())
        wanted = (n_absorbers if rows is None else int(rows.max()) + 1, n_energies)
        if tuple(graph.y.shape) != wanted:
            raise ConfigError(f"{where}: `y` has shape {tuple(graph.y.shape)}, wanted {wanted}")
        y, mask = target_and_mask(graph)
        if mask.shape != y.shape or not bool(mask.any(dim=1).all()):
            raise ConfigError(f"{where}: `y_mask` must be {wanted} with a True for every absorber")
        check_finite(graph, where)
        num_edges.append(graph.num_edges)
        n_spectra.append(wanted[0])
    if not num_edges:
        raise ConfigError(f"{name} is empty")
    return num_edges, n_spectra


def check_finite(graph: Data, where: str) -> None:
    """Refuse targets that are not finite where they count, and positions that are not.

    Raises:
        ConfigError: there is one; the record is named where the graph names its records.
    """
    y, mask = target_and_mask(graph)
    rows = (~torch.isfinite(y) & mask).any(dim=1).nonzero().flatten().tolist()
    if rows:
        ids = graph.get("record_id")
        listed = ", ".join(f"row {row}" if ids is None else ids[row] for row in rows)
        raise ConfigError(
            f"{where}: `y` holds values that are not finite in {y.dtype}, of {listed}"
        )
    if not bool(torch.isfinite(graph.pos).all()):
        raise ConfigError(f"{where}: `pos` holds values that are not finite")


def digest(dataset: GraphSet) -> str:
    """Size and checksum of a set's structures and targets, in order."""
    total, count = hashlib.sha256(), 0
    for graph in iterate(dataset):
        count += 1
        for part in (graph.z, graph.pos, graph.edge_index, graph.absorber_mask, graph.y):
            total.update(part.detach().cpu().contiguous().numpy().tobytes())
    return f"{count} graphs, sha256 {total.hexdigest()[:16]}"


def target_statistics(dataset: GraphSet, n_energies: int) -> tuple[Tensor, float]:
    """Mean spectrum of a training set and the root mean square deviation from it.

    Args:
        dataset: training graphs.
        n_energies: columns of ``y``.

    Returns:
        Mean over the spectra that were calculated at each energy, shape (n_energies,), continued
        flat from the nearest such energy where there is none; and the deviation, positive.
    """
    total = torch.zeros(n_energies, dtype=torch.float64)
    square, count = total.clone(), total.clone()
    for graph in iterate(dataset):
        y, mask = target_and_mask(graph)
        known = torch.where(mask, y, 0.0).double()
        total += known.sum(0)
        square += known.square().sum(0)
        count += mask.sum(0)
    mean = total / count.clamp(min=1)
    variance = float((square - count * mean.square()).sum() / count.sum())
    seen = count.nonzero().squeeze(1)
    nearest = (torch.arange(n_energies).unsqueeze(1) - seen).abs().argmin(dim=1)
    return mean[seen[nearest]], max(variance, 1e-12) ** 0.5

"""One pass over a set of graphs: checks, and the statistics that a training starts from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Data

from ..errors import ConfigError
from ..model.graph_input import check_graph
from ..structures.chemistry import Chemistry, Survey
from .batch import count_rows, target_and_mask

GraphSet = Sequence[Data] | Dataset
"""A list of graphs, or a map-style data set of them."""
ONE_EDGE = -1, 0
"""Kind of graphs that name no edge."""


@dataclass(frozen=True)
class SetStatistics:
    """What one pass over a set of graphs with spectra gives."""

    num_edges: list[int]
    """Edges of every graph."""
    n_spectra: list[int]
    """Spectra of every graph."""
    kinds: list[tuple[int, int]]
    """``core_level`` and atomic number of every graph's absorbers; ``ONE_EDGE`` without them."""
    n_atoms: int
    """Atoms of all graphs."""
    elements: list[int]
    """Atomic numbers, sorted."""
    mean: Tensor
    """Mean over the spectra that were calculated at each energy, shape (n_energies,), float64;
    continued flat from the nearest such energy where there is none."""
    scale: float
    """Root mean square deviation from the mean, positive."""
    digest: str
    """Number of graphs and checksum of their structures and spectra, in order."""
    chemistry: Chemistry
    """Summary of the absorbers' environments; a graph without ``record_id`` is a material."""
    by_edge: dict[tuple[int, int], tuple[Tensor, Tensor]]
    """By kind, of graphs that name an edge: number of spectra calculated at each energy, and their
    mean, both (n_energies,), float64."""

    @property
    def avg_num_neighbors(self) -> float:
        """Edges per atom, at least 1."""
        return max(sum(self.num_edges) / self.n_atoms, 1.0)


def measure(
    dataset: GraphSet, name: str, n_energies: int, max_z: int, r_max: float
) -> SetStatistics:
    """Check every graph and its spectra, and collect the statistics of the set, in one pass.

    Args:
        dataset: graphs with ``y``.
        name: what to call the set in a message.
        n_energies: columns of ``y``.
        max_z: highest atomic number of the network.
        r_max: cutoff radius of the network, Angstrom.

    Raises:
        ConfigError: no graphs, targets that are missing, of the wrong shape or not finite, or see
            ``check_graph``.
    """
    num_edges, n_spectra, kinds, n_atoms, elements = [], [], [], 0, set()
    survey, checksum = Survey(), hashlib.sha256()
    by_kind: dict[tuple[int, int], Tensor] = {}
    for index in range(len(dataset)):  # type: ignore[arg-type]  # torch's class has no length
        graph = dataset[index]
        y, mask = _check(graph, f"{name}[{index}]", n_energies, max_z, r_max)
        num_edges.append(graph.num_edges)
        n_spectra.append(len(y))
        n_atoms += len(graph.z)
        elements.update(graph.z.tolist())
        survey.add(graph)
        known = torch.where(mask, y, 0.0).double()
        sums = torch.stack([mask.sum(0), known.sum(0), known.square().sum(0)])
        kinds.append(kind := _kind(graph))
        by_kind[kind] = by_kind.get(kind, 0) + sums
        for part in (graph.z, graph.pos, graph.edge_index, graph.absorber_mask, graph.y):
            checksum.update(part.detach().cpu().contiguous().numpy().tobytes())
    if not num_edges:
        raise ConfigError(f"{name} is empty")
    # of the calculated values at each energy
    count, total, _ = torch.stack([*by_kind.values()]).sum(0)
    means = {kind: (n, t / n.clamp(min=1)) for kind, (n, t, _) in by_kind.items()}
    squares = sum((by_kind[k][2] - n * mean.square()).sum() for k, (n, mean) in means.items())
    variance = float(squares / count.sum())
    mean = total / count.clamp(min=1)
    return SetStatistics(
        num_edges=num_edges,
        n_spectra=n_spectra,
        kinds=kinds,
        n_atoms=n_atoms,
        elements=sorted(elements),
        mean=fill_missing(mean, count > 0),
        scale=max(variance, 1e-12) ** 0.5,
        digest=f"{len(num_edges)} graphs, sha256 {checksum.hexdigest()[:16]}",
        chemistry=survey.summary(r_max),
        by_edge={kind: values for kind, values in means.items() if kind != ONE_EDGE},
    )


def fill_missing(values: Tensor, known: Tensor) -> Tensor:
    """Continue flat from the nearest energy that is known, along the last axis."""
    number = torch.arange(values.shape[-1])
    distance = (number.unsqueeze(1) - number).abs().double()  # to, from
    distance = distance + torch.where(known, 0.0, torch.inf).unsqueeze(-2)
    return values.gather(-1, distance.argmin(dim=-1))


def _kind(graph: Data) -> tuple[int, int]:
    """See ``SetStatistics.kinds``."""
    if graph.get("core_level") is None:
        return ONE_EDGE
    return int(graph.core_level[0]), int(graph.z[graph.absorber_mask][0])


def _check(
    graph: Data, where: str, n_energies: int, max_z: int, r_max: float
) -> tuple[Tensor, Tensor]:
    """Spectra and mask of a graph that the network can be trained on."""
    if graph.get("y") is None:
        raise ConfigError(f"{where} has no `y`; it needs spectra (n_absorbers, n_energies)")
    try:
        check_graph(graph, max_z, r_max)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
    shape = count_rows(graph), n_energies
    if tuple(graph.y.shape) != shape:
        raise ConfigError(f"{where}: `y` has shape {tuple(graph.y.shape)}, expected {shape}")
    y, mask = target_and_mask(graph)
    if mask.shape != y.shape or not bool(mask.any(dim=1).all()):
        raise ConfigError(f"{where}: `y_mask` must be {shape} with a True for every absorber")
    check_finite(graph, where)
    return y, mask


def check_finite(graph: Data, where: str) -> None:
    """Refuse targets that are not finite where they count.

    Raises:
        ConfigError: the record is named if the graph names its records.
    """
    y, mask = target_and_mask(graph)
    rows = (~torch.isfinite(y) & mask).any(dim=1).nonzero().flatten().tolist()
    if rows:
        ids = graph.get("record_id")
        listed = ", ".join(f"row {row}" if ids is None else ids[row] for row in rows)
        raise ConfigError(
            f"{where}: `y` holds values that are not finite in {y.dtype}, of {listed}"
        )

"""A graph as input of the network: fields, checks, edge vectors, neighbor lists."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from .neighbor_lists import MessagePlan, plan_messages


class Graph(SimpleNamespace):
    """Fields of a graph as attributes: of PyG's ``Data``, what the network and batches use.

    The network takes both. PyG's imports take as long as torch's, so a prediction does without.
    """

    def __getitem__(self, name: str) -> Any:
        """A field."""
        return self.__dict__[name]

    def __contains__(self, name: str) -> bool:
        """Whether a field exists."""
        return name in self.__dict__

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or the default where it is missing."""
        return self.__dict__.get(name, default)

    @property
    def num_nodes(self) -> int:
        """Number of atoms."""
        return len(self.z)

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return int(self.edge_index.shape[1])

    def to(self, device: torch.device | str) -> "Graph":
        """The graph with its tensors, in tuples and lists too, on a device."""
        return Graph(**{name: _to(value, device) for name, value in self.__dict__.items()})


def _to(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, tuple):
        return type(value)(*(_to(part, device) for part in value))  # named tuples
    return [_to(part, device) for part in value] if isinstance(value, list) else value


def edge_vectors(data: Graph, dtype: torch.dtype) -> Tensor:
    """Vectors from neighbor j to atom i, r_ij = pos[i] - pos[j] + edge_shift.

    Args:
        data: graph with ``pos``, ``edge_index`` and, if periodic, ``edge_shift``, in Angstrom.
        dtype: floating-point type of the result.

    Returns:
        Vectors, Angstrom, shape (n_edges, 3).
    """
    source, target = data.edge_index
    pos = data.pos.to(dtype)
    vectors = pos[target] - pos[source]
    shift = data.get("edge_shift")
    return vectors if shift is None else vectors + shift.to(dtype)


def message_plan(data: Graph, num_layers: int) -> MessagePlan:
    """The plan made by ``collate_graphs`` if it is for as many layers, else a new one."""
    plan = data.get("plan")
    if plan is None or len(plan.layers) != num_layers:
        return plan_messages(data.edge_index, data.absorber_mask, num_layers)
    return plan


def check_graph(data: Graph, max_z: int, r_max: float) -> None:
    """Refuse a graph that the network can't take.

    Args:
        data: graph or batch; without ``r_max`` its radius is unknown and not checked.
        max_z: the network's highest atomic number.
        r_max: the network's cutoff radius, Angstrom.

    Raises:
        ValueError: a field is missing or of another shape or type, an edge names an atom that does
            not exist, a position is not finite, there is no absorber, an atomic number is out of
            range, or the graph was cut with another radius.
    """
    for field in ("z", "pos", "edge_index", "absorber_mask"):
        if data.get(field) is None:
            raise ValueError(
                f"the graph has no `{field}`; it needs z, pos, edge_index, absorber_mask"
            )
    _check_arrays(data)
    if not bool(data.absorber_mask.any()):
        raise ValueError("`absorber_mask` marks no atom; at least one absorber is needed")
    for z in (int(data.z.min()), int(data.z.max())):
        if not 1 <= z <= max_z:
            raise ValueError(f"`z` contains {z} but must be within 1 to {max_z}")
    # a number, or several for a batch; PyG's collation rounds them to float32
    radii = torch.as_tensor(data.get("r_max", r_max), dtype=torch.float64)
    others = radii[(radii - r_max).abs() > 1e-6 * r_max]
    if len(others):
        raise ValueError(
            f"the graph was cut with `r_max` {others[0]:g} but that of the network is {r_max:g},"
            " Angstrom"
        )


def _check_arrays(data: Graph) -> None:
    """Raise ValueError for arrays that do not fit together; a GPU would only say "assert"."""
    n_atoms, n_edges = len(data.z), data.edge_index.shape[-1]
    shapes = {"z": (n_atoms,), "pos": (n_atoms, 3), "edge_index": (2, n_edges)}
    shapes |= {"absorber_mask": (n_atoms,)}
    shapes |= {"edge_shift": (n_edges, 3)} if data.get("edge_shift") is not None else {}
    for field, shape in shapes.items():
        if data[field].shape != shape:
            raise ValueError(f"`{field}` has shape {tuple(data[field].shape)} but must be {shape}")
    integers = torch.int64, torch.int32
    for field, dtypes in (
        ("z", integers),
        ("edge_index", integers),
        ("absorber_mask", [torch.bool]),
    ):
        if data[field].dtype not in dtypes:
            raise ValueError(f"`{field}` is {data[field].dtype} but must be {dtypes[0]}")
    if n_edges and not 0 <= int(data.edge_index.min()) <= int(data.edge_index.max()) < n_atoms:
        raise ValueError(f"`edge_index` names an atom that is not within 0 to {n_atoms - 1}")
    if not bool(torch.isfinite(data.pos).all()):
        raise ValueError("`pos` contains values that are not finite")

"""What the network reads of a graph: checks, edge vectors and the plan of its messages."""

import torch
from torch import Tensor
from torch_geometric.data import Data

from .neighbor_lists import MessagePlan, plan_messages


def edge_vectors(data: Data, dtype: torch.dtype) -> Tensor:
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


def message_plan(data: Data, num_layers: int) -> MessagePlan:
    """Plan of the messages: that which ``collate_graphs`` made, if it is for as many layers."""
    plan = data.get("plan")
    if plan is None or len(plan.layers) != num_layers:
        return plan_messages(data.edge_index, data.absorber_mask, num_layers)
    return plan


def check_graph(data: Data, max_z: int, r_max: float) -> None:
    """Refuse a graph that the network can't take.

    Args:
        data: graph or batch; one without ``r_max`` does not say with which radius it was cut, and
            is taken as it is.
        max_z: the network's highest atomic number.
        r_max: the network's cutoff radius, Angstrom.

    Raises:
        ValueError: a field is missing or of another shape or type, an edge is between atoms that
            are not there, a position is not finite, there is no absorber, an atomic number is
            out of range, or the graph was cut with another radius.
    """
    for field in ("z", "pos", "edge_index", "absorber_mask"):
        if data.get(field) is None:
            raise ValueError(
                f"the graph has no `{field}`; it needs z, pos, edge_index, absorber_mask"
            )
    _check_shapes(data)
    if not bool(data.absorber_mask.any()):
        raise ValueError("`absorber_mask` marks no atom; at least one absorber is needed")
    lowest, highest = int(data.z.min()), int(data.z.max())
    if lowest < 1 or highest > max_z:
        found = lowest if lowest < 1 else highest
        raise ValueError(f"`z` holds {found} but must be within 1 .. {max_z}")
    # a number, or of a batch several; PyG's collation rounds them to float32
    radii = torch.as_tensor(data.get("r_max", r_max), dtype=torch.float64)
    others = radii[(radii - r_max).abs() > 1e-6 * r_max]
    if len(others):
        raise ValueError(
            f"the graph was cut with `r_max` {others[0]:g} but that of the network is {r_max:g},"
            " Angstrom"
        )


def _check_shapes(data: Data) -> None:
    """Raise ValueError where atoms and edges do not fit together; a GPU would only say "assert"."""
    n_atoms, n_edges = len(data.z), data.edge_index.shape[-1]
    wanted = {"z": (n_atoms,), "pos": (n_atoms, 3), "edge_index": (2, n_edges)}
    wanted["absorber_mask"] = (n_atoms,)
    wanted |= {"edge_shift": (n_edges, 3)} if data.get("edge_shift") is not None else {}
    for field, shape in wanted.items():
        if data[field].shape != shape:
            raise ValueError(f"`{field}` has shape {tuple(data[field].shape)}, wanted {shape}")
    for field in ("z", "edge_index"):
        if data[field].dtype not in (torch.int64, torch.int32):
            raise ValueError(f"`{field}` is {data[field].dtype} but must be whole numbers")
    if data.absorber_mask.dtype != torch.bool:
        raise ValueError(f"`absorber_mask` is {data.absorber_mask.dtype} but must be bool")
    if n_edges and not 0 <= int(data.edge_index.min()) <= int(data.edge_index.max()) < n_atoms:
        raise ValueError(f"`edge_index` names an atom that is not within 0 .. {n_atoms - 1}")
    if not bool(torch.isfinite(data.pos).all()):
        raise ValueError("`pos` holds values that are not finite")

"""What a model file says, looked at before a network is made of it: kinds of values, sizes, types.

A checksum tells damage, not forgery: whoever writes a file may say that it has a million channels.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import torch
from torch import Tensor, nn

from ..errors import CheckpointError
from .model_file import ModelFile

TYPES = (torch.float32, torch.float64)
"""Types that weights may have."""
FOLLOWS = ("radial_basis.order", "spectral_basis.centers", "spectral_basis.widths")
"""Tensors that the constructor's arguments alone determine."""


def check_values(path: Path, values: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Refuse values that are not of the annotated kinds.

    Args:
        path: file, for messages.
        values: plain values by name; names without a kind are not looked at.
        kinds: annotation of each name.

    Raises:
        CheckpointError: the first such value is named. Numbers must be finite, text printable.
    """
    for name, value in values.items():
        if name in kinds and not is_of(value, kinds[name]):
            told = getattr(kinds[name], "__name__", None) or str(kinds[name])
            raise CheckpointError(f"{path}: `{name}` is {repr(value)[:60]}, expected {told}")


def is_of(value: Any, kind: Any) -> bool:
    """Whether a plain value is what an annotation says."""
    inner, origin = get_args(kind), get_origin(kind)
    if kind in (float, int):
        number = isinstance(value, int if kind is int else int | float)
        return number and not isinstance(value, bool) and math.isfinite(value)
    if kind is str:
        return isinstance(value, str) and value.isprintable()
    if kind in (None, NoneType):
        return value is None
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(is_of(part, inner[0]) for part in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            is_of(name, inner[0]) and is_of(part, inner[1]) for name, part in value.items()
        )
    return any(is_of(value, one) for one in inner)


def check_sizes(path: Path, arguments: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Refuse constructor's arguments of another network than the weights are of, before it is made.

    Raises:
        CheckpointError: a size that is not that of a tensor; both are named.
        LookupError: a tensor is missing, or has no such axis.
    """
    names = {
        "max_z": ("embedding.weight", 0), "channels": ("embedding.weight", 1),
        "num_basis": ("coefficient_mean", 0), "num_radial": ("radial_basis.order", 0),
        "radial_rank": ("layers.0.radial_mlp.network.2.bias", 0),
    }  # fmt: skip
    found = {name: weights[tensor].shape[axis] for name, (tensor, axis) in names.items()}
    found["max_z"] -= 1
    found["num_layers"] = len({n.split(".")[1] for n in weights if n.startswith("layers.")})
    amplitudes = weights.get("paths.single_out.bias")
    found["num_amplitudes"] = 0 if amplitudes is None else len(amplitudes) // 2
    for name, size in found.items():
        if arguments[name] != size:
            raise CheckpointError(f"{path}: `{name}` is {arguments[name]}, but its weights {size}")


def check_tensors(
    path: Path, weights: Mapping[str, Tensor], network: nn.Module, number: int
) -> None:
    """Refuse a member's tensors that ``load_state_dict`` would change or that contradict it.

    Args:
        path: file, for messages.
        weights: the member's tensors.
        network: made of the constructor's arguments alone.
        number: which member it is.

    Raises:
        CheckpointError: a tensor is of another type than the others or than weights may have, or is
            not what the constructor's arguments make it.
    """
    wanted = weights["coefficient_mean"].dtype
    for name, tensor in weights.items():
        if tensor.dtype != wanted or wanted not in TYPES:
            raise CheckpointError(
                f"{path}: members.{number}.{name} is {tensor.dtype}, expected all of a member as"
                f" one of {', '.join(map(str, TYPES))}"
            )
    made = network.state_dict()
    for name in FOLLOWS:
        stored = weights[name]
        if stored.shape != made[name].shape or not torch.allclose(
            stored.to(made[name]), made[name]
        ):
            raise CheckpointError(
                f"{path}: {name} of member {number} is not what the other settings make it"
            )


def check_names(path: Path, file: ModelFile) -> None:
    """Refuse tensors that nothing would be made of, such as a member that is not counted.

    Raises:
        CheckpointError: there are some; the first ones are named.
    """
    known = tuple(f"members.{k}." for k in range(len(file.content["differences"])))
    known += () if file.content["calibration"] is None else ("calibration.",)
    left = sorted(name for name in file.tensors if not name.startswith(known))
    if left:
        raise CheckpointError(f"{path}: tensors without a meaning here: {', '.join(left[:3])}")

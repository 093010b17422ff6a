"""Training that starts from the weights of a model for another edge, element or code.

What describes atoms and their surroundings (the body) is taken over. The head, the last map to
coefficients with the energy basis, is kept if the basis is the same and reinitialized if not. The
coefficients' mean and scale always come from the new training set.
"""

import copy
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..dataset.statistics import SetStatistics
from ..errors import ConfigError
from ..model.ensemble import networks_of
from ..model.gnn import XANES_E3GNN
from .config import EnergyConfig
from .energy_window import Common, Window, choose_window

logger = logging.getLogger(__name__)

BASIS = ("num_basis", "basis_scales", "emin", "emax")
"""Arguments that say what coefficients stand for; where one differs the head is made anew."""
ADAPTS = (*BASIS, "dropout")
"""Arguments that may differ from the model that a training starts from."""
STATISTICS = ("coefficient_mean", "coefficient_scale")
"""Buffers that are measured on the training set."""


@dataclass(frozen=True)
class Start:
    """A model that a training starts from."""

    path: Path
    """Its file or folder, for messages."""
    model: XANES_E3GNN
    info: ModelInfo
    """What it was trained for."""

    @property
    def label(self) -> str:
        """What it is, the same wherever the file stands."""
        total = hashlib.sha256()
        for weight in self.model.state_dict().values():
            total.update(weight.cpu().contiguous().numpy().tobytes())
        kind = " ".join(filter(None, (self.info.element, self.info.edge, self.info.code)))
        kind = kind or self.info.pretrained_on or "a model"
        return f"{kind}, weights sha256 {total.hexdigest()[:16]}"


@dataclass(frozen=True)
class Transfer:
    """Names of the tensors of a network, by where their values come from."""

    reused: list[str]
    """Taken over."""
    anew: list[str]
    """Of the new network alone, or of another shape or meaning."""
    left_out: list[str]
    """Of the old network, without a place in the new one."""


def load_start(path: Path) -> Start:
    """Read the model that a training starts from; of an ensemble its first member.

    Raises:
        CheckpointError: see ``TrainedModel.load``.
    """
    model = TrainedModel.load(path)
    return Start(path, networks_of(model.network)[0], model.info)


def warn_of_differences(start: Start, info: ModelInfo) -> None:
    """Name in what the spectra of a start differ from those of the training, both sides.

    They may: what depends on it, the coefficients' mean and scale, comes from the new records.
    """
    told = [
        f"{name} {getattr(start.info, name)} there, {getattr(info, name)} here"
        for name in ("element", "edge", "target", "unit", "code")
        if getattr(start.info, name) not in (None, getattr(info, name))
    ]
    if told:
        logger.warning("%s is a model of other spectra: %s", start.path, "; ".join(told))


def merge_arguments(given: Mapping[str, Any], start: Start) -> dict[str, Any]:
    """Constructor arguments: the file's, and those given of which it may differ.

    Raises:
        ConfigError: an argument is given that contradicts the file's.
    """
    stored = start.model.hyperparameters
    for name, value in given.items():
        same = _plain(value) == _plain(stored.get(name))
        if name not in ADAPTS and value is not None and not same:
            raise ConfigError(
                f"`model.{name}` is {value} but {start.path} has {stored.get(name)}; leave it out,"
                f" or train without it; what may differ is {', '.join(ADAPTS)}"
            )
    return {**stored, **{name: value for name, value in given.items() if value is not None}}


def window_and_arguments(
    energy: EnergyConfig, common: Common, given: Mapping[str, Any], start: Start
) -> tuple[Window, dict[str, Any]]:
    """Energies and constructor arguments of a training that starts from a model.

    The basis keeps the model's range where that reaches as far as the energies that are scored,
    unless another is given.

    Raises:
        ConfigError: see ``merge_arguments`` and ``choose_window``.
    """
    arguments = merge_arguments(given, start)
    own = given.get("emin"), given.get("emax")
    window = choose_window(energy, common, *own)
    if own == (None, None):
        emin, emax = (start.model.hyperparameters[name] for name in ("emin", "emax"))
        scored = window.axis.scored.energy
        reference = 0.0 if common.relative else float(scored[0]) - emin
        last = max(float(scored[-1]), energy.train_stop or -float("inf"))
        reaches = float(scored[0]) >= reference + emin and last <= reference + emax
        if reaches:
            window = choose_window(energy, common, emin, emax)
        else:
            logger.info(
                "the basis of %s, %g .. %g eV, does not reach the energies; a new one, %g .. %g eV",
                *(start.path, emin, emax, window.emin, window.emax),
            )
    return window, {**arguments, "emin": window.emin, "emax": window.emax}


def keeps_head(model: XANES_E3GNN, start: Start) -> bool:
    """Whether the start has learned spectra, and on the new network's energy basis."""
    new, old = model.hyperparameters, start.model.hyperparameters
    same = all(_plain(new[name]) == _plain(old[name]) for name in BASIS)
    return start.info.pretrained_on is None and same


@torch.no_grad()
def take_weights(model: XANES_E3GNN, start: Start) -> Transfer:
    """Copy what can be reused into a new network.

    Args:
        model: new network, changed in place.
        start: where the weights come from.

    Returns:
        What was copied and what was not; every tensor of either network is named once.
    """
    own, theirs = model.state_dict(), start.model.state_dict()
    head: tuple[str, ...] = ()  # beginnings of the names of tensors that are reinitialized
    if not keeps_head(model, start):
        spectra = start.info.pretrained_on is None
        outputs = [f"{n}." for n in model.outputs()] if spectra else ["readout.", "paths."]
        head = (*outputs, "waves.", "spectral_basis.")
    reused = [
        name
        for name, weight in own.items()
        if name in theirs
        and theirs[name].shape == weight.shape
        and name not in STATISTICS
        and not name.startswith(head)
    ]
    for name in reused:
        own[name].copy_(theirs[name])
    return Transfer(
        reused=reused,
        anew=[name for name in own if name not in reused],
        left_out=[name for name in theirs if name not in reused],
    )


def freeze(model: XANES_E3GNN, prefixes: Sequence[str], transfer: Transfer) -> list[str]:
    """Keep weights as they are in the training; dropout in their layers stays active.

    Args:
        model: network, changed in place.
        prefixes: beginnings of weights' names, whole words: `layers.0`, `embedding`.
        transfer: what was reused; only that can be frozen.

    Returns:
        Names of the frozen weights.

    Raises:
        ConfigError: a prefix is unknown, its weights are new, or nothing is left to train.
    """
    weights = dict(model.named_parameters())
    frozen: list[str] = []
    for prefix in prefixes:
        named = [name for name in weights if f"{name}.".startswith(f"{prefix}.")]
        if not named:
            raise ConfigError(f"`freeze` {prefix!r} is not one of {', '.join(parts(weights))}")
        new = [name for name in named if name in transfer.anew]
        if new:
            raise ConfigError(f"`freeze` {prefix!r} would freeze {new[0]}, which is made anew")
        frozen += [name for name in named if name not in frozen]
    if len(frozen) == len(weights):
        raise ConfigError("`freeze` leaves nothing to train")
    for name in frozen:
        weights[name].requires_grad_(False)
    return frozen


def start_from(
    start: Start,
    model: XANES_E3GNN,
    measured: SetStatistics,
    energy_grid: Tensor,
    frozen: Sequence[str],
) -> None:
    """Give a new network the weights of another model, freeze some, and say what was done.

    Args:
        start: where the weights come from.
        model: new network, changed in place.
        measured: statistics of the training set.
        energy_grid: energies of the targets relative to the reference, eV, shape (n_energies,).
        frozen: see ``freeze``.

    Raises:
        ConfigError: see ``freeze``.
    """
    transfer = take_weights(model, start)
    if keeps_head(model, start):  # a training does the same for a new head, and zeroes it
        kept = copy.deepcopy({name: map_.state_dict() for name, map_ in model.outputs().items()})
        dtype = model.coefficient_mean.dtype
        model.set_target_statistics(energy_grid.to(dtype), measured.mean.to(dtype), measured.scale)
        for name, output in model.outputs().items():
            output.load_state_dict(kept[name])
    report_transfer(model, start, transfer, freeze(model, frozen, transfer))


def parts(names: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Parts of a network by the names of its tensors: `embedding`, `layers.0`, .., in order."""
    found: dict[str, None] = {}
    for name in names:
        first, *rest = name.split(".")
        found[f"{first}.{rest[0]}" if rest and rest[0].isdigit() else first] = None
    return list(found)


def report_transfer(
    model: XANES_E3GNN, start: Start, transfer: Transfer, frozen: list[str]
) -> None:
    """Log what is reused, made anew, left out and frozen, by name and count."""
    own, theirs = model.state_dict(), start.model.state_dict()
    logger.info("starts from %s (%s)", start.path, start.label)
    for title, names, values in (
        ("reused", transfer.reused, own),
        ("made anew", transfer.anew, own),
        ("left out", transfer.left_out, theirs),
        ("frozen", frozen, own),
    ):
        count = sum(values[name].numel() for name in names)
        listed = parts(names) if title in ("reused", "frozen") else names
        told = f": {', '.join(listed)}" if names else ""
        logger.info("%s: %d tensors, %d numbers%s", title, len(names), count, told)


def _plain(value: Any) -> Any:
    """A value that can be compared: sequences as lists."""
    return list(value) if isinstance(value, (list, tuple)) else value

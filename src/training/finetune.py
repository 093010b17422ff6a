"""Training that starts from the weights of a model for another edge, element or code.

The body, which describes atoms and their surroundings, is reused. The head, the last map to
coefficients with the energy basis, is kept if the basis is the same and reinitialized if not. The
coefficients' mean and scale always come from the new training set.
"""

import copy
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.model_info import ModelInfo
from ..checkpoints.trained_model import TrainedModel
from ..dataset.statistics import SetStatistics
from ..errors import ConfigError
from ..model.ensemble import networks_of
from ..model.gnn import XANES_E3GNN
from ..model.hyperparameters import Hyperparameters
from .config import EnergyConfig
from .energy_window import Common, Window, choose_window

logger = logging.getLogger(__name__)

BASIS = ("num_basis", "basis_scales", "emin", "emax")
"""Arguments that say what coefficients stand for; if one differs, the head is reinitialized."""
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
        """Its kind and a checksum of its weights, independent of where the file is."""
        total = hashlib.sha256()
        for weight in self.model.state_dict().values():
            total.update(weight.cpu().contiguous().numpy().tobytes())
        kind = " ".join(filter(None, (self.info.element, self.info.edge, self.info.code)))
        kind = kind or self.info.pretrained_on or "a model"
        return f"{kind}, weights sha256 {total.hexdigest()[:16]}"


def load_start(path: Path, info: ModelInfo | None = None) -> Start:
    """Read the model that a training starts from; of an ensemble its first member.

    Args:
        path: model file, training folder, or name of a model that ships with the package.
        info: what is trained for; a model of several edges then is that of this one.

    Raises:
        CheckpointError: see ``TrainedModel.load``.
        ConfigError: see ``TrainedModel.of``.
    """
    model = TrainedModel.load(path)
    if info is not None and model.info.edges is not None:
        model = model.of(str(info.element), info.edge)
    return Start(path, networks_of(model.network)[0], model.info)


def warn_of_differences(start: Start, info: ModelInfo) -> None:
    """Log how the spectra of the start differ from those of the training, which is allowed."""
    differences = [
        f"{name} {getattr(start.info, name)} there, {getattr(info, name)} here"
        for name in ("element", "edge", "target", "unit", "code")
        if getattr(start.info, name) not in (None, getattr(info, name))
    ]
    if differences:
        logger.warning("%s is a model of other spectra: %s", start.path, "; ".join(differences))


def merge_arguments(chosen: Mapping[str, Any], start: Start) -> dict[str, Any]:
    """Constructor arguments of the start, changed where the user's may differ from them.

    Raises:
        ConfigError: an argument contradicts the start's.
    """
    names = {entry.name for entry in fields(Hyperparameters)}
    stored = {name: v for name, v in start.model.hyperparameters.items() if name in names}
    changes = {name: value for name, value in chosen.items() if value is not None}
    merged = asdict(Hyperparameters(**{**stored, **changes}))
    for name, value in merged.items():
        if value != stored[name] and name not in ADAPTS:
            raise ConfigError(
                f"`model.{name}` is {value} but {start.path} has {stored[name]}; omit it, or"
                f" train from random weights; only {', '.join(ADAPTS)} may differ"
            )
    return merged


def window_and_arguments(
    energy: EnergyConfig, common: Common, chosen: Mapping[str, Any], start: Start
) -> tuple[Window, dict[str, Any]]:
    """Energies and constructor arguments of a training that starts from a model.

    The basis keeps the start's range if that covers the scored energies and ``chosen`` has none.

    Raises:
        ConfigError: see ``merge_arguments`` and ``choose_window``.
    """
    arguments = merge_arguments(chosen, start)
    limits = chosen.get("emin"), chosen.get("emax")
    window = choose_window(energy, common, *limits)
    if limits == (None, None):
        emin, emax = (start.model.hyperparameters[name] for name in ("emin", "emax"))
        first, last = (float(window.axis.scored.energy[k]) for k in (0, -1))
        reference = 0.0 if common.relative else first - emin
        last = max(last, energy.train_stop or -float("inf"))
        if first >= reference + emin and last <= reference + emax:
            window = choose_window(energy, common, emin, emax)
        else:
            logger.info(
                "the basis of %s, %g to %g eV, does not cover the energies; a new one, %g to %g eV",
                *(start.path, emin, emax, window.emin, window.emax),
            )
    return window, {**arguments, "emin": window.emin, "emax": window.emax}


def keeps_head(model: XANES_E3GNN, start: Start) -> bool:
    """Whether the start has learned spectra, and on the new network's energy basis."""
    new, old = model.hyperparameters, start.model.hyperparameters
    return start.info.pretrained_on is None and all(new[name] == old[name] for name in BASIS)


@torch.no_grad()
def take_weights(model: XANES_E3GNN, start: Start) -> list[str]:
    """Copy what can be reused into a new network; return the names of these tensors."""
    new, old = model.state_dict(), start.model.state_dict()
    head: tuple[str, ...] = ()  # beginnings of the names of tensors that are reinitialized
    if not keeps_head(model, start):
        spectra = start.info.pretrained_on is None
        outputs = [f"{n}." for n in model.outputs()] if spectra else ["readout.", "paths."]
        head = (*outputs, "waves.", "spectral_basis.")
    reused = [
        name
        for name, weight in new.items()
        if name in old
        and old[name].shape == weight.shape
        and name not in STATISTICS
        and not name.startswith(head)
    ]
    for name in reused:
        new[name].copy_(old[name])
    return reused


def freeze(model: XANES_E3GNN, prefixes: Sequence[str], reused: Sequence[str]) -> list[str]:
    """Exclude weights from the training; dropout in their layers stays active.

    Args:
        model: network, changed in place.
        prefixes: beginnings of weights' names, whole words: `layers.0`, `embedding`.
        reused: names of the tensors that were reused; only these can be frozen.

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
        new = [name for name in named if name not in reused]
        if new:
            raise ConfigError(f"`freeze` {prefix!r} includes {new[0]}, which is reinitialized")
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
    prefixes: Sequence[str],
) -> None:
    """Give a new network the weights of another model, freeze some, and log what was done.

    Args:
        start: where the weights come from.
        model: new network, changed in place.
        measured: statistics of the training set.
        energy_grid: energies of the targets relative to the reference, eV, shape (n_energies,).
        prefixes: parts to freeze, see ``freeze``.

    Raises:
        ConfigError: see ``freeze``.
    """
    reused = take_weights(model, start)
    untouched = not bool(model.coefficient_mean.any())
    if untouched and keeps_head(model, start):  # the start of a training would zero it
        kept = copy.deepcopy({name: map_.state_dict() for name, map_ in model.outputs().items()})
        dtype = model.coefficient_mean.dtype
        model.set_target_statistics(energy_grid.to(dtype), measured.mean.to(dtype), measured.scale)
        for name, output in model.outputs().items():
            output.load_state_dict(kept[name])
    frozen = freeze(model, prefixes, reused)
    new, old = model.state_dict(), start.model.state_dict()
    logger.info("starts from %s (%s)", start.path, start.label)
    for title, names in (
        ("reused", parts(reused)),
        ("reinitialized", [name for name in new if name not in reused]),
        ("dropped", [name for name in old if name not in reused]),
        ("frozen", parts(frozen)),
    ):
        logger.info("%s: %s", title, ", ".join(names) or "nothing")


def parts(names: Iterable[str]) -> list[str]:
    """Parts of a network by the names of its tensors, such as `embedding` and `layers.0`."""
    split = [name.split(".") for name in names]
    named = [f"{n[0]}.{n[1]}" if len(n) > 1 and n[1].isdigit() else n[0] for n in split]
    return list(dict.fromkeys(named))

"""Joining trained networks in one ensemble."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ConfigError
from ..model.ensemble import as_model, check_alike, networks_of
from ..runtime.atomic_files import abridged
from ..structures.names import material_of
from .model_info import ModelInfo
from .trained_model import TrainedModel

logger = logging.getLogger(__name__)

SAME = (
    "element", "edge", "target", "unit", "code", "reference_energy", "energy_grid", "extend_below",
    "edges",
)  # fmt: skip
"""What members must have in common."""


def join_models(paths: Sequence[str | Path]) -> TrainedModel:
    """Join networks that were trained for the same in one ensemble.

    Members may have been trained on different sites, as in cross-validation, see ``join_infos``.
    Calibrations and expected shifts are not joined, because they are those of the members.

    Args:
        paths: model files or training folders, ensembles too; a single one is returned as it is.

    Raises:
        ConfigError: members differ in what they are for or in a hyperparameter.
        CheckpointError: a file can't be read.
    """
    first, *others = models = [TrainedModel.load(path) for path in paths]
    for other in others:
        for field in SAME:
            values = [getattr(model.info, field) for model in (first, other)]
            if values[0] != values[1]:
                one, two = map(abridged, values)
                raise ConfigError(f"`{field}` is {one} in {first.name} but {two} in {other.name}")
        networks = networks_of(first.network)[0], networks_of(other.network)[0]
        check_alike(*networks, first.name, other.name)
    if not others:
        return first
    if any(model.calibration is not None for model in models):
        logger.warning("the members' calibrations are not used; calibrate the ensemble")
    members = [network for model in models for network in networks_of(model.network)]
    return TrainedModel(as_model(members), join_infos([model.info for model in models]))


def join_infos(infos: Sequence[ModelInfo]) -> ModelInfo:
    """Description of an ensemble whose members agree in ``SAME``.

    An element counts as seen if every member saw it, a site as trained on if one member was, and
    the mean spectrum is the members' mean weighted by their numbers of training sites. If a member
    does not know its training sites, neither does the ensemble.
    """
    starts = dict.fromkeys(info.started_from or "random weights" for info in infos)
    joined = replace(
        infos[0],
        calibration=None,
        expected_shift=None,
        shift_spread=None,
        shift_scans=None,
        val_mse=None,
        card=None,
        started_from=", ".join(starts) if len(starts) > 1 else infos[0].started_from,
        data_digest=join_texts([info.data_digest for info in infos], ", "),
        command=join_texts([info.command for info in infos], "; "),
    )
    seen = [set(info.elements) for info in infos if info.elements is not None]
    joined.elements = sorted(set.intersection(*seen)) if seen else None
    if all(info.train_ids == infos[0].train_ids for info in infos):
        return joined
    if any(info.train_ids is None for info in infos):
        joined.train_ids = joined.val_ids = joined.chemistry = None
        joined.note = "the training sites of some members are not known"
        logger.warning(joined.note)
        return joined
    parts = [info.train_ids or [] for info in infos]
    counts = [len(part) for part in parts]
    joined.train_ids = sorted(set().union(*parts))
    joined.chemistry = None  # counts and ranges of different sites can't be joined
    materials = {material_of(record_id) for record_id in joined.train_ids}
    validated = set.intersection(*(set(info.val_ids or []) for info in infos))
    joined.val_ids = sorted(i for i in validated if material_of(i) not in materials)
    means = [info.mean_spectrum for info in infos if info.mean_spectrum is not None]
    if len(means) == len(infos):
        joined.mean_spectrum = np.average(means, axis=0, weights=counts).tolist()
    sizes, total = ", ".join(map(str, counts)), len(joined.train_ids)
    joined.note = f"members were trained on different sites, {sizes}, {total} in all"
    logger.warning(joined.note)
    return joined


def join_texts(texts: Sequence[str | None], separator: str) -> str | None:
    """Every text once, in order; None if one of them is not known."""
    known = [text for text in texts if text is not None]
    return separator.join(dict.fromkeys(known)) if len(known) == len(texts) else None

"""Joining trained networks in one ensemble."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from ..model.ensemble import as_model, check_alike, networks_of
from ..runtime.atomic_files import abridged
from ..structures.names import material_of
from .trained_model import ModelInfo, TrainedModel

logger = logging.getLogger(__name__)

SAME = (
    "element", "edge", "target", "unit", "code", "reference_energy", "energy_grid", "extend_below",
)  # fmt: skip
"""What members must have in common."""


def join_models(paths: Sequence[str | Path]) -> TrainedModel:
    """Join networks that were trained for the same in one ensemble.

    Members may have been trained on different sites, as in cross-validation: the ensemble then
    counts as trained on all of them, and a note says so. Elements count as seen where all members
    saw them. Calibrations are left out, because they are those of the members.

    Args:
        paths: model files or training folders, ensembles too; a single one is returned as it is.

    Returns:
        The model.

    Raises:
        ConfigError: members differ in what they are for or in a hyperparameter.
        CheckpointError: a file can't be read.
    """
    first, *others = models = [TrainedModel.load(path) for path in paths]
    for other in others:
        for field in SAME:
            values = [getattr(model.info, field) for model in (first, other)]
            if values[0] != values[1]:
                here, there = map(abridged, values)
                raise ConfigError(
                    f"`{field}` is {here} in {first.name} but {there} in {other.name}"
                )
        one, two = networks_of(first.network)[0], networks_of(other.network)[0]
        check_alike(one, two, first.name, other.name)
    if not others:
        return first
    if any(model.calibration is not None for model in models):
        logger.warning("the members' calibrations are left out; calibrate the ensemble")
    networks = [network for model in models for network in networks_of(model.network)]
    return TrainedModel(as_model(networks), join_infos([model.info for model in models]))


def join_infos(infos: Sequence[ModelInfo]) -> ModelInfo:
    """What an ensemble was trained for, from what its members were, which agree in ``SAME``."""
    joined = replace(infos[0], calibration=None, val_mse=None, card=None)
    joined.data_digest = join_texts([info.data_digest for info in infos], ", ")
    joined.command = join_texts([info.command for info in infos], "; ")
    if all(info.elements is not None for info in infos):
        seen = [set(info.elements or []) for info in infos]
        joined.elements = sorted(set.intersection(*seen))
    if all(info.train_ids == infos[0].train_ids for info in infos):
        return joined
    trained = sorted({record_id for info in infos for record_id in info.train_ids or []})
    materials = {material_of(record_id) for record_id in trained}
    validated = set.intersection(*(set(info.val_ids or []) for info in infos))
    joined.train_ids = trained
    joined.val_ids = sorted(i for i in validated if material_of(i) not in materials)
    counts = ", ".join(str(len(info.train_ids or [])) for info in infos)
    joined.note = f"members were trained on different sites, {counts}, {len(trained)} in all"
    logger.warning(joined.note)
    return joined


def join_texts(texts: Sequence[str | None], separator: str) -> str | None:
    """Every text once, in order; None where one is not known, for the others are not all of it."""
    known = [text for text in texts if text is not None]
    return separator.join(dict.fromkeys(known)) if len(known) == len(texts) else None

"""Trained networks to one model file."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..dataset.split import material_of
from ..errors import ConfigError
from ..model.ensemble import Network, as_model, check_alike, networks_of
from .trained_model import ModelInfo, load_model

logger = logging.getLogger(__name__)

SAME = (
    "element", "edge", "target", "unit", "code", "reference_energy", "energy_grid", "extend_below",
)  # fmt: skip
"""What members must have in common."""


def join_models(paths: Sequence[str | Path]) -> tuple[Network, ModelInfo]:
    """Join networks that were trained for the same in one ensemble.

    Members may have been trained on different sites, as in cross-validation: the ensemble then
    counts as trained on all of them, and a note says so. Elements count as seen where all members
    saw them. Calibrations are left behind, for they are those of other models.

    Args:
        paths: model files or training folders, ensembles too; one alone is taken as it is.

    Returns:
        The network or ensemble, and what it was trained for.

    Raises:
        ConfigError: members differ in what they are for or in a hyperparameter.
        CheckpointError: a file can't be read.
    """
    loaded = [load_model(path) for path in paths]
    (first, info), name = loaded[0], str(paths[0])
    for (model, other), path in zip(loaded[1:], paths[1:], strict=True):
        for field in SAME:
            here, there = getattr(info, field), getattr(other, field)
            if here != there:
                raise ConfigError(
                    f"`{field}` is {_short(here)} in {name} but {_short(there)} in {path}"
                )
        check_alike(networks_of(first)[0], networks_of(model)[0], name, str(path))
    if len(loaded) == 1:
        return first, info
    if any(other.calibration is not None for _, other in loaded):
        logger.warning("the members' calibrations are left behind; calibrate the ensemble")
    networks = [network for model, _ in loaded for network in networks_of(model)]
    return as_model(networks), join_infos([other for _, other in loaded])


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


def _short(value: object) -> str:
    """A value in a message; of a long list only its size and ends."""
    if isinstance(value, list) and len(value) > 3:
        return f"{len(value)} values {value[0]} .. {value[-1]}"
    return repr(value)

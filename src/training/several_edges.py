"""Data and energies of a training on several absorbers and edges."""

from collections.abc import Sequence
from typing import Any

from ..checkpoints.model_info import ModelInfo
from ..dataset.database import Database
from ..dataset.edge_scales import Scales
from ..dataset.record import UNITS
from ..errors import ConfigError, DatabaseError
from ..xas.edge_scale import STEP
from ..xas.energies import EnergyAxis, even_energies
from .config import TrainJob
from .finetune import Start, merge_arguments

USUAL_BASIS = -10.0, 50.0
"""Default range of the spectral basis, eV from the reference of each element and edge."""


def has_several_edges(database: Database, ids: Sequence[str]) -> bool:
    """Whether records differ in element or edge."""
    entries = [database.entry(record_id) for record_id in ids]
    return len({(entry.element, entry.edge) for entry in entries}) > 1


def describe_several(database: Database, ids: Sequence[str], scales: Scales) -> ModelInfo:
    """Description of a model of several elements and edges; see ``check_absolute``."""
    check_absolute(database, ids)
    return ModelInfo(
        target="absolute",
        unit=UNITS["absolute"],
        code=", ".join(scales.codes),
        edges=list(scales.scales),
    )


def check_absolute(database: Database, ids: Sequence[str]) -> None:
    """Raise DatabaseError for a record that is no absolute cross-section on absolute energies."""
    for record_id in ids:
        entry = database.entry(record_id)
        for name in ("target", "axis"):
            if getattr(entry, name) != "absolute":
                raise DatabaseError(
                    f"{database.path}: {record_id} has {name} {getattr(entry, name)}; a model of"
                    " several elements or edges needs absolute ones"
                )


def several_window(job: TrainJob, start: Start | None) -> tuple[EnergyAxis, dict[str, Any]]:
    """Energies of the loss, relative to each reference, and constructor arguments.

    Raises:
        ConfigError: absolute energies were given, which can't be those of all edges.
    """
    if job.energy.start is not None or job.energy.train_stop is not None:
        raise ConfigError("`energy.start` and `train_stop` are of one edge, the records of several")
    emin, emax = (
        usual if job.model.get(name) is None else job.model[name]
        for name, usual in zip(("emin", "emax"), USUAL_BASIS, strict=True)
    )
    chosen = {**job.model, "emin": emin, "emax": emax}
    arguments = chosen if start is None else merge_arguments(chosen, start)
    return EnergyAxis(even_energies(emin, emax, job.energy.step or STEP)), arguments

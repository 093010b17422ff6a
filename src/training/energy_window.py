"""Energies of a training: what is scored, what is trained on, and the range of the basis."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..checkpoints.model_info import ModelInfo
from ..dataset.database import Database
from ..dataset.record import UNITS
from ..errors import ENERGY_TOLERANCE, ConfigError, DatabaseError
from ..xas.edges import find_edge
from ..xas.energies import KNOWN_WINDOWS, EnergyAxis, even_energies
from .config import EnergyConfig

USUAL_BASIS = -10.0, 50.0
"""Default range of the spectral basis, eV relative to the reference energy."""
USUAL_LENGTH, USUAL_STEP = 35.0, 0.25
"""Default length and step of the scored window, eV."""
AROUND_EDGE = -10.0, 40.0
"""Default scored window of calculations that begin below it, eV from the tabulated edge.

Not for FEFF, which calculates its edges: some eV off, and different from site to site. FDMNES adds
the tabulated energy (Williams' table, within 0.4 eV of ours up to the K edge of uranium).
"""


@dataclass(frozen=True)
class Common:
    """What records have in common."""

    info: ModelInfo
    """Element, edge, target, unit and code."""
    relative: bool
    """Whether their energies are relative to an unspecified edge energy."""
    lowest: float
    """Lowest energy of any of them, eV."""
    highest: float
    """Highest energy of any of them, eV."""
    step: float | None
    """Energy step, eV, if all have the same, evenly spaced energies; else None."""


@dataclass(frozen=True)
class Window:
    """Energies of a training."""

    axis: EnergyAxis
    """Energies of the loss, evenly spaced, and how many of them are scored."""
    emin: float
    """Lowest energy of the basis, eV relative to the reference energy."""
    emax: float
    """Highest energy of the basis, eV relative to the reference energy."""


def describe_records(database: Database, ids: Sequence[str]) -> Common:
    """What records have in common.

    Raises:
        DatabaseError: they differ in element, edge, target or axis.
    """
    entries = [database.entry(record_id) for record_id in ids]
    for name in ("element", "edge", "target", "axis"):
        values = sorted({getattr(entry, name) for entry in entries})
        if len(values) > 1:
            raise DatabaseError(
                f"{database.path}: records differ in {name}, {values}; a model is trained for one"
            )
    first = entries[0]
    grids = {
        e.step and (e.lowest, e.highest, round((e.highest - e.lowest) / e.step)) for e in entries
    }
    info = ModelInfo(
        element=first.element,
        edge=first.edge,
        target=first.target,
        unit=UNITS[first.target],
        code=", ".join(sorted({entry.code for entry in entries})),
    )
    return Common(
        info=info,
        relative=first.axis == "relative",
        lowest=min(entry.lowest for entry in entries),
        highest=max(entry.highest for entry in entries),
        step=first.step if len(grids) == 1 else None,
    )


def choose_window(
    config: EnergyConfig, common: Common, emin: float | None = None, emax: float | None = None
) -> Window:
    """Choose energies and range of the basis.

    In this order: what the user gives; the published window of the edge, if energies are absolute
    and not FDMNES's; the grid that all records share; 35 eV from the lowest energy, or, where that
    is far below the edge, ``AROUND_EDGE``.

    Args:
        config: what the user gives.
        common: what the records have in common.
        emin: lowest energy of the model's basis, eV relative; None: chosen.
        emax: highest energy of the model's basis, eV relative; None: chosen.

    Raises:
        ConfigError: the basis does not cover the energies.
    """
    start, stop, step = _scored(config, common)
    last = stop if config.train_stop is None else config.train_stop
    if last < stop - ENERGY_TOLERANCE:
        raise ConfigError(f"`train_stop` is {last} but must not be below the score's end, {stop}")
    if common.relative:
        reference = 0.0
        emin = start if emin is None else emin
        emax = last if emax is None else emax
    else:
        emin = USUAL_BASIS[0] if emin is None else emin
        reference = start - emin
        if emax is None:
            long = common.step is not None and config.start is None
            emax = max(USUAL_BASIS[1], last - reference) if long else USUAL_BASIS[1]
    if config.train_stop is None:
        end = reference + emax
        if common.step is not None:  # nothing was calculated beyond
            end = min(end, common.highest)
        last = max(last, end)
    _check_basis(start, last, reference, emin, emax)
    axis = EnergyAxis(
        even_energies(start, last, step),
        None if common.relative else reference,
        len(even_energies(start, stop, step)),
    )
    return Window(axis, emin, emax)


def _check_basis(start: float, last: float, reference: float, emin: float, emax: float) -> None:
    """Raise ConfigError where the basis does not cover the energies."""
    if start < reference + emin - ENERGY_TOLERANCE:
        raise ConfigError(
            f"the energies start at {start:.3f} eV but the model's basis at"
            f" {reference + emin:.3f} eV; lower `model.emin` (now {emin:g})"
        )
    if last > reference + emax + ENERGY_TOLERANCE:
        raise ConfigError(
            f"the energies end at {last:.3f} eV but the model's basis at"
            f" {reference + emax:.3f} eV; raise `model.emax` (now {emax:g})"
        )


def _scored(config: EnergyConfig, common: Common) -> tuple[float, float, float]:
    """First and last scored energy and step, eV."""
    if config.start is not None and config.stop is not None:
        return config.start, config.stop, config.step or USUAL_STEP
    edge = (str(common.info.element), str(common.info.edge))
    code = str(common.info.code)
    if edge in KNOWN_WINDOWS and not common.relative and code != "FDMNES":
        start, stop, step = KNOWN_WINDOWS[edge]
        return start, stop, config.step or step
    if common.step is not None:
        return common.lowest, common.highest, config.step or common.step
    start, stop = common.lowest, common.lowest + USUAL_LENGTH
    if not common.relative and "FEFF" not in code:
        with suppress(ConfigError):  # not tabulated
            low, high = (find_edge(*edge).energy + offset for offset in AROUND_EDGE)
            if start < low:
                start, stop = low, min(high, common.highest)
    return start, stop, config.step or USUAL_STEP

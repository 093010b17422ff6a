"""Photon energies of a scan: the column, its unit, Bragg angles, and their order."""

import logging
import re
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import parse_number
from .columns import ANGLE, ENERGY, Columns, find_column

logger = logging.getLogger(__name__)

HC = 12398.419843
"""h c, eV Angstrom (CODATA 2018)."""
SOFTEST, KEV, HARDEST = 20.0, 120.0, 200_000.0
"""Energies of X-ray edges are between these, eV; those that are all below ``KEV`` are keV."""
ENERGY_UNITS = {"": 1.0, "ev": 1.0, "kev": 1000.0}
ANGLE_UNITS = {"": 1.0, "c": 1.0, "o": 1.0, "deg": 1.0, "degree": 1.0, "degrees": 1.0}
ANGLE_UNITS |= dict.fromkeys(("rad", "radian", "radians"), 180.0 / np.pi)
"""Degrees per unit; c and o are what the Photon Factory calls calculated and observed."""
OTHER_UNITS = re.compile(r"m?ry|rydberg|ha|hartree|j|joule|nm|a|angstrom|mev|cm-1|mrad|urad|steps?")
SPACING = re.compile(r"(?:\bd_spacing\s*[:=]|\bd\s*=)\s*(\S+)", re.IGNORECASE)
"""Distance of the monochromator's planes in a header."""
MEASURED_ENERGY = re.compile(r".*(achiev|readback|actual|:?fbk)|angle", re.IGNORECASE)
JITTER = 0.5
"""Energies of a scan in continuous motion may go back by this much, eV; they are sorted."""


def choose_energy(table: Columns, column: str | None = None) -> tuple[np.ndarray, str]:
    """Photon energies of a table, eV, shape (n_points,), and the name of their column.

    ``column``: its name, or number from 1. None: the column that is named energy, or angle; of
    several the plain one, else the one that was read back; without names the first.

    Raises:
        RecordError: no such column, an unknown unit, or an angle without the planes' distance.
    """
    if column is not None:
        k = find_column(table, column)
    else:
        axes = [k for k, name in enumerate(table.labels) if ENERGY.fullmatch(name)]
        axes = axes or [k for k, name in enumerate(table.labels) if ANGLE.fullmatch(name)]
        plain = [k for k in axes if table.labels[k] in ("energy", "e")]
        back = [k for k in axes if MEASURED_ENERGY.match(table.labels[k])]
        k = next(iter([*plain, *reversed(back), *axes]), 0)
        if table.labels and not axes:
            names = ", ".join(table.labels)
            raise RecordError(f"{table.path}: no column is named energy or angle, found {names}")
    name, unit = (table.labels[k], table.units[k]) if table.labels else ("", "")
    values, title = table.values[:, k], name or f"column {k + 1}"
    if ANGLE.fullmatch(name):
        return _from_angle(table, values, unit), title
    if OTHER_UNITS.fullmatch(unit):
        raise RecordError(f"{table.path}: unit of {title} is {unit!r}, expected eV or keV")
    if unit in ("", "ev") and _is_kev(values):
        low, high = values.min(), values.max()
        logger.warning("%s: energies %g to %g are taken for keV", table.path, low, high)
        unit = "kev"
    return values * ENERGY_UNITS.get(unit, 1.0), title


def _is_kev(energy: np.ndarray) -> bool:
    """Whether energies are keV beyond doubt: a scan over 50 eV to 3 keV in small upward steps."""
    steps = np.diff(energy)
    fine = len(energy) >= 10 and steps.min() > -1e-3 * JITTER and steps.max() < 0.1
    return fine and energy[0] > 1.0 and energy[-1] < KEV and 0.05 < energy[-1] - energy[0] < 3.0


def _from_angle(table: Columns, values: np.ndarray, unit: str) -> np.ndarray:
    """Energies of Bragg angles, eV: h c / (2 d sin(angle))."""
    if unit not in ANGLE_UNITS:
        raise RecordError(f"{table.path}: unit of angle is {unit!r}, expected degrees or radians")
    words = [match[1] for line in table.header if (match := SPACING.search(line))]
    if not words:
        raise RecordError(f"{table.path}: angles, but no Mono.d_spacing, which turns them into eV")
    try:
        spacing, angle = parse_number(words[0]), np.radians(values * ANGLE_UNITS[unit])
    except ValueError as error:
        raise RecordError(f"{table.path}: Mono.d_spacing: {error}") from error
    if not (0 < spacing < np.inf and ((angle > 0) & (angle < np.pi)).all()):
        raise RecordError(f"{table.path}: angles or Mono.d_spacing {spacing:g} are out of range")
    return HC / (2.0 * spacing * np.sin(angle))


def in_order(
    path: Path, energy: np.ndarray, mu: np.ndarray, lines: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Increasing energies and mu: downward scans are reversed, equal energies averaged.

    Args:
        path: file of the scan.
        energy: eV, shape (n_points,).
        mu: absorption, shape (n_points,).
        lines: line of the file of every point.

    Raises:
        RecordError: energies go back and forth by more than ``JITTER``, or can't be eV of an X-ray
            edge.
    """
    if energy.max() < KEV:
        raise RecordError(
            f"{path}: energies {energy.min():g} to {energy.max():g} are not eV of an X-ray edge;"
            " are they keV, or relative to an edge?"
        )
    strange = np.flatnonzero((energy < SOFTEST) | (energy > HARDEST))
    if len(strange):
        k = int(strange[0])
        raise RecordError(
            f"{path}: line {lines[k]}: energy {energy[k]:g} is not eV of an X-ray edge; is it a row"
            " of the table, and the unit right?"
        )
    if energy[-1] < energy[0]:
        energy, mu, lines = energy[::-1], mu[::-1], lines[::-1]
    back = np.maximum.accumulate(energy) - energy
    if back.max() > JITTER:
        at = int(np.argmax(back > JITTER))
        raise RecordError(
            f"{path}: line {lines[at]}: energy {energy[at]:.3f} eV is below the one before,"
            f" {energy[at - 1]:.3f} eV"
        )
    order = np.argsort(energy, kind="stable")
    distinct, first, count = np.unique(energy[order], return_index=True, return_counts=True)
    return distinct, np.add.reduceat(mu[order], first) / count

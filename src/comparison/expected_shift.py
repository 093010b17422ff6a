"""Energies of a model next to those of measurements: the shift expected, the window compared.

Nothing here depends on the candidates, so that a candidate's result does not depend on the others.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..checkpoints.model_info import ModelInfo
from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError, RecordError
from ..xas.edges import find_edge
from ..xas.measured import one_column, read_measured, with_edge
from ..xas.normalization import Normalized, Ranges, normalize
from ..xas.spectrum import Spectrum
from .candidates import Candidate, edge_step
from .fit import WIDER, Bounds, Fit, fit_candidate

BEFORE, AFTER = 15.0, 60.0
"""Energies compared, eV below and above the measured e0, as far as the model reaches."""
STEP = 0.5
"""Step of the energies compared, eV."""
ANOTHER_EDGE = 50.0
"""A measured edge further than this from the tabulated one is another edge, eV."""
N_SPREADS = 3.0
"""Half width of the default bounds of the shift in standard deviations of the expected one."""
UNKNOWN_WITHIN = 8.0
"""Half width of these bounds where a model knows no shift, eV."""
REFINED = 3.0
"""Half width where a known structure was fitted with these before, eV."""
SMALLEST_SPREAD, SPREAD_OF_ONE = 1.0, 2.0
"""Smallest standard deviation of an expected shift, and that of a shift from a single scan, eV: the
calibration of beamlines differs, and the model's errors are partly shifts."""


def measured_at_edge(
    model: TrainedModel,
    path: Path,
    column: str | None = None,
    mu: str | None = None,
    energy_column: str | None = None,
    e0: float | None = None,
    ranges: Ranges | None = None,
) -> tuple[TrainedModel, Normalized]:
    """Read and normalize a measurement of a model's edge.

    Args:
        model: model; of several elements and edges the one is taken that the file names.
        path: see ``read_measured``.
        column: column of mu, or ``mu`` its formula. None: inferred.
        mu: see ``column``.
        energy_column: column of energy. None: inferred.
        e0: edge energy, eV. None: the steepest rise.
        ranges: pre-edge and post-edge ranges of the normalization. None: as larch chooses them.

    Returns:
        The model of the measured edge, and the measurement.

    Raises:
        RecordError: see ``read_measured`` and ``normalize``.
        ConfigError: the file names another element or edge, or none where the model is of several;
            or it rises far from the model's edge.
    """
    info, tabulated = model.info, None
    if info.element is not None and info.edge is not None:
        tabulated = find_edge(info.element, info.edge).energy
    scan = read_measured(path, one_column(column, mu), energy_column, tabulated)
    if info.edges is not None:
        if scan.element is None:
            raise ConfigError(
                f"{path}: names no element, and {model.name} knows {info.spectra}; name one, as in"
                f" {model.name}:Cu or {model.name}:Pt-L3"
            )
        model = model.of(scan.element, scan.edge)
        info = model.info
        tabulated = find_edge(str(info.element), str(info.edge)).energy
    measured = normalize(replace(with_edge(scan, info.element, info.edge), e0=e0), ranges)
    if tabulated is not None and abs(measured.e0 - tabulated) > ANOTHER_EDGE:
        raise ConfigError(
            f"{path}: e0 is {measured.e0:.1f} eV, but the model's {info.element} {info.edge} edge"
            f" is at {tabulated:.1f} eV; give --e0 if the edge was not found"
        )
    return model, measured


def half_rise(spectrum: Spectrum) -> float | None:
    """Energy from which a normalized spectrum stays above half of the edge step, eV.

    Unlike the steepest rise, it is at about the same place of every spectrum: a pre-edge peak or
    the first shoulder of a metal does not count. None: the spectrum ends below, or never is.
    """
    below = np.flatnonzero(spectrum.mu < 0.5)
    if not len(below) or below[-1] + 1 == len(spectrum.mu):
        return None
    pair = slice(below[-1], below[-1] + 2)
    return float(np.interp(0.5, spectrum.mu[pair], spectrum.energy[pair]))


def mean_edge(info: ModelInfo) -> float | None:
    """``half_rise`` of the mean training spectrum, eV; None: the model file contains none."""
    if info.mean_spectrum is None or info.energy_grid is None:
        return None
    mean = np.array(info.mean_spectrum) / edge_step(info)
    return half_rise(Spectrum(np.array(info.energy_grid), mean))


def measured_edge(measured: Normalized) -> float:
    """``half_rise`` of a scan next to its e0, eV; e0 where there is none."""
    flat = measured.flat
    near = (flat.energy > measured.e0 - BEFORE) & (flat.energy < measured.e0 + AFTER)
    edge = half_rise(replace(flat, energy=flat.energy[near], mu=flat.mu[near]))
    return measured.e0 if edge is None else edge


def expected_shift(info: ModelInfo) -> tuple[float, float] | None:
    """Expected shift and its standard deviation, eV; None: the model knows none."""
    if info.expected_shift is None or info.shift_spread is None:
        return None
    return info.expected_shift, info.shift_spread


def shift_bounds(info: ModelInfo, measured: Normalized) -> tuple[float, float]:
    """Default bounds of the shift, eV.

    ``N_SPREADS`` standard deviations on either side of the shift that the model expects, or
    ``UNKNOWN_WITHIN`` on either side of ``edge_distance``.
    """
    if (expected := expected_shift(info)) is not None:
        middle, half = expected[0], N_SPREADS * expected[1]
    else:
        middle, half = edge_distance(info, measured), UNKNOWN_WITHIN
    return middle - half, middle + half


def edge_distance(info: ModelInfo, measured: Normalized) -> float:
    """Shift that brings ``half_rise`` of the mean training spectrum to that of a scan, eV.

    The reference energy takes the place of the spectrum where the model file contains none.

    Raises:
        ConfigError: it contains neither.
    """
    edge = mean_edge(info)
    if edge is None:
        edge = info.reference_energy
    if edge is None:
        raise ConfigError("the model's energies are relative to an unspecified edge energy")
    return measured_edge(measured) - edge


def compare_window(measured: Normalized, model: TrainedModel, bounds: Bounds) -> Spectrum:
    """The measurement on the energies compared, evenly spaced by ``STEP``.

    They depend on the scan, the model's energies and the bounds alone. They begin where the model
    does, shifted by the middle of the bounds, and end where its last energy is for the lowest
    shift, ``WIDER`` included; both at most ``BEFORE`` and ``AFTER`` from e0.

    Raises:
        RecordError: the measured edge is not within, or fewer than ten points or 20 eV are left.
        ConfigError: the model's edge is not within for the middle of the bounds.
    """
    flat, e0, (low, high) = measured.flat, measured.e0, model.energy_range
    low = max(low + bounds.center, e0 - BEFORE, flat.energy[0])
    high = min(high + bounds.shift[0] - WIDER, e0 + AFTER, flat.energy[-1])
    points = int(np.sum((flat.energy >= low) & (flat.energy <= high)))
    window = f"{low:.1f} to {high:.1f} eV"
    if high - low < 20.0 or points < 10:
        raise RecordError(
            f"{flat.source}: {points} points over {max(high - low, 0.0):.1f} eV can be compared"
            f" ({window}); ten points over 20 eV are needed. Is it this edge, and are the bounds of"
            " the shift too wide?"
        )
    edge, mean = measured_edge(measured), mean_edge(model.info)
    if not low < edge < high:
        raise RecordError(
            f"{flat.source}: its edge at {edge:.1f} eV is not within the energies compared,"
            f" {window}; is the shift right?"
        )
    if mean is not None and not low < mean + bounds.center < high:
        raise ConfigError(
            f"`shift` {bounds.shift[0]:g} to {bounds.shift[1]:g} eV moves the model's edge to"
            f" {mean + bounds.center:.1f} eV, outside the energies compared, {window}"
        )
    return flat.at(low + STEP * np.arange(int((high - low) / STEP + 1e-6) + 1))


def find_shift(model: TrainedModel, measured: Normalized, candidate: Candidate) -> Fit:
    """Fit of a structure to its own scan, whatever shift the model expects.

    First within the default bounds of a model that expects none, then ``REFINED`` on either side of
    what was found, since narrower bounds leave more energies to compare.

    Raises:
        ConfigError: the shift is at a bound.
    """
    middle = edge_distance(model.info, measured)
    for half in (UNKNOWN_WITHIN, REFINED):
        bounds = Bounds((middle - half, middle + half))
        window = compare_window(measured, model, bounds)
        fit = fit_candidate(window, candidate, bounds)
        if "shift" in fit.at_bound:
            raise ConfigError(
                f"{measured.flat.source} and {candidate.name}: the best shift, {fit.shift:.2f} eV,"
                " is at its bound; is it the structure of the scan?"
            )
        middle = fit.shift
    return fit


def with_expected_shift(info: ModelInfo, pairs: Sequence[tuple[str, str, Fit]]) -> ModelInfo:
    """Description of a model with the mean and standard deviation of shifts of known structures.

    ``pairs`` are the names of a scan and of its structure, and the fit of the one to the other.
    """
    shifts = [fit.shift for _, _, fit in pairs]
    spread = float(np.std(shifts, ddof=1)) if len(shifts) > 1 else SPREAD_OF_ONE
    return replace(
        info,
        expected_shift=round(float(np.mean(shifts)), 2),
        shift_spread=round(max(spread, SMALLEST_SPREAD), 2),
        shift_scans=[
            f"{scan} and {structure}: {fit.shift:.2f} eV, R-factor {fit.measures['r_factor']:.4f}"
            for scan, structure, fit in pairs
        ],
    )

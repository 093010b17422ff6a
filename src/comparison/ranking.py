"""Which candidate is most similar to a measurement, and whether its lead is significant."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import norm

from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..errors import ConfigError, RecordError
from ..prediction.site_prediction import (
    SitePrediction,
    material_half_width,
    material_mean,
    predict_structures,
)
from ..structures.files import named_structures
from ..xas.edges import find_edge
from ..xas.measured import read_measured, with_edge
from ..xas.normalization import Normalized, find_e0, normalize
from ..xas.spectrum import Spectrum
from .fit import Bounds, Fit, fit_candidate
from .similarity import MEASURES

BEFORE, AFTER = 15.0, 60.0
"""Energies compared, eV below and above the measured e0, as far as the model reaches."""
CORRELATION = 5.0
"""Correlation length of the model's errors, eV; they are mostly shifts of the edge and heights of
peaks, some eV wide."""
DRAWS = 400
"""Draws of the model's errors."""
ANOTHER_EDGE = 50.0
"""A measured edge further than this from the tabulated one is another edge, eV."""


@dataclass(frozen=True)
class Candidate:
    """A structure with its prediction."""

    name: str
    """Name of the structure."""
    predicted: Spectrum
    """Mean over its absorbers in units of the edge step, at the calculations' absolute energies."""
    half_width: np.ndarray | None
    """Half width of the model's band, same unit, shape (n_energies,). None: not calibrated."""
    sites: list[SitePrediction]
    """Its distinct sites."""


@dataclass(frozen=True)
class Ranking:
    """Candidates, the most similar first."""

    measure: str
    """Name of the metric that ranks."""
    measured: Spectrum
    """Normalized measurement on the energies compared."""
    fits: list[Fit]
    """One fit per candidate, the best first."""
    bounds: Bounds
    """Limits of the fits' parameters."""
    first_in_draws: float | None
    """Fraction of draws of the model's errors in which the best stays best. None: not calibrated,
    or a single candidate."""

    @property
    def lead(self) -> float | None:
        """Metric of the second over that of the best; None: a single candidate."""
        if len(self.fits) < 2:
            return None
        best, second = (fit.measures[self.measure] for fit in self.fits[:2])
        return second / max(best, 1e-300)


def edge_step(info: ModelInfo) -> float:
    """Edge step in the model's unit: 1 of normalized targets, else from the mean spectrum.

    Oscillations average out over the training structures, so the mean of the last third of their
    mean spectrum is the step.

    Raises:
        ConfigError: the model file has no such spectrum, or its step is not positive.
    """
    if info.target == "normalized":
        return 1.0
    if not info.mean_spectrum:
        raise ConfigError("the model file contains no mean spectrum to take the edge step from")
    mean = np.asarray(info.mean_spectrum)
    step = float(mean[-len(mean) // 3 :].mean())
    if not step > 0:
        raise ConfigError(
            f"the edge step of the model's mean spectrum is {step:.4g} but must be positive"
        )
    return step


def measured_at_edge(
    info: ModelInfo,
    path: Path,
    column: str | None = None,
    e0: float | None = None,
    energy_column: str | None = None,
) -> Normalized:
    """Read and normalize a measurement of a model's edge.

    Args:
        info: describes the model.
        path: see ``read_measured``, also for ``column``.
        column: column or formula of mu. None: inferred.
        e0: edge energy, eV. None: the steepest rise.
        energy_column: column of energy. None: inferred.

    Raises:
        RecordError: see ``read_measured`` and ``normalize``.
        ConfigError: the file names another element or edge, or rises far from the model's edge.
    """
    tabulated = None
    if info.element is not None and info.edge is not None:
        tabulated = find_edge(info.element, info.edge).energy
    scan = read_measured(path, column, energy_column, tabulated)
    measured = normalize(replace(with_edge(scan, info.element, info.edge), e0=e0))
    if tabulated is not None and abs(measured.e0 - tabulated) > ANOTHER_EDGE:
        raise ConfigError(
            f"{path}: e0 is {measured.e0:.1f} eV, but the model's {info.element} {info.edge} edge"
            f" is at {tabulated:.1f} eV; give --e0 if the edge was not found"
        )
    return measured


def predict_candidates(model: TrainedModel, files: Sequence[Path]) -> list[Candidate]:
    """Predict the spectra of all structures in files over all energies that the model knows.

    Raises:
        ConfigError: the model's energies are not absolute, or two structures have the same name.
        StructureError: a structure can't be predicted.
    """
    info = model.info
    if info.reference_energy is None:
        raise ConfigError("the model's energies are relative to an unspecified edge energy")
    structures = [named for path in files for named in named_structures(path)]
    counts = Counter(name for name, _ in structures)
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise ConfigError(f"several structures are called {', '.join(repeated)}; rename the files")
    low, high = model.energy_range
    energy = np.arange(low, high + 1e-6, 0.25)
    energy = energy[energy <= high]
    step = edge_step(info)
    empty = Spectrum(energy, 0.0 * energy, "dimensionless", info.element, info.edge)
    candidates = []
    predicted = predict_structures(model, structures, None, energy)
    for (name, _), sites in zip(structures, predicted, strict=True):
        half = material_half_width(sites)
        spectrum = replace(empty, mu=material_mean(sites) / step, source=name)
        candidates.append(Candidate(name, spectrum, None if half is None else half / step, sites))
    return candidates


def nominal_shift(measured: Normalized, candidates: Sequence[Candidate]) -> float:
    """Shift that brings the mean of the candidates' steepest rises to the measured e0, eV."""
    return measured.e0 - float(np.mean([find_e0(c.predicted) for c in candidates]))


def compare_window(
    measured: Normalized, candidates: Sequence[Candidate], bounds: Bounds
) -> Spectrum:
    """Measured points that all candidates cover for every shift, BEFORE to AFTER around e0.

    Raises:
        RecordError: fewer than ten points or 20 eV are left.
    """
    low = max(c.predicted.energy[0] for c in candidates) + bounds.shift[1]
    high = min(c.predicted.energy[-1] for c in candidates) + bounds.shift[0]
    low, high = max(low, measured.e0 - BEFORE), min(high, measured.e0 + AFTER)
    points = int(np.sum((measured.flat.energy >= low) & (measured.flat.energy <= high)))
    if high - low < 20.0 or points < 10:
        raise RecordError(
            f"{measured.flat.source}: {points} points over {max(high - low, 0.0):.1f} eV can be"
            f" compared ({low:.1f} to {high:.1f} eV); ten points over 20 eV are needed. Is it this"
            " edge, and are the bounds of the shift too wide?"
        )
    return measured.flat.within(low, high)


def rank(
    measured: Spectrum,
    candidates: Sequence[Candidate],
    bounds: Bounds,
    measure: str = "r_factor",
    coverage: float = 0.9,
    seed: int = 0,
) -> Ranking:
    """Fit every candidate and order them.

    Args:
        measured: normalized measurement on the energies to compare, see ``compare_window``.
        candidates: what to compare with.
        bounds: limits of the fits' parameters.
        measure: a key of ``MEASURES``.
        coverage: nominal coverage of the model's bands, see ``Calibration``.
        seed: seed of the draws.

    Raises:
        ConfigError: there is no such metric.
        RecordError: it is not finite for a candidate, which is named.
    """
    if measure not in MEASURES:
        raise ConfigError(f"`measure` is {measure!r}, expected one of {', '.join(MEASURES)}")
    fits = [fit_candidate(c.name, measured, c.predicted, c.half_width, bounds) for c in candidates]
    for fit in fits:
        if not np.isfinite(fit.measures[measure]):
            raise RecordError(
                f"{fit.name}: its {measure} is {fit.measures[measure]}; a constant spectrum can't"
                " be ranked by it"
            )
    fits.sort(key=lambda fit: fit.measures[measure])
    first = first_in_draws(measured, fits, measure, coverage, seed)
    return Ranking(measure, measured, fits, bounds, first)


def first_in_draws(
    measured: Spectrum, fits: Sequence[Fit], measure: str, coverage: float = 0.9, seed: int = 0
) -> float | None:
    """How often the best stays best when predictions are changed by errors of the model's size.

    Errors are drawn, independently for every candidate, from a Gaussian process with the standard
    deviation of the band and a correlation of exp(-(E - E')^2 / 2 L^2), L = ``CORRELATION``. The
    fits' parameters stay, which makes the draws a little pessimistic. Beyond the calibrated
    energies the band is as wide as at the nearest of them.

    Returns:
        Fraction of the draws, 0 to 1; None: a band is missing, or there is a single candidate.
    """
    halves = [fit.half_width for fit in fits if fit.half_width is not None]
    if len(halves) < max(len(fits), 2) or not all(np.isfinite(half).any() for half in halves):
        return None
    energy, rng = measured.energy, np.random.default_rng(seed)
    n_sigmas = norm.ppf(0.5 + 0.5 * coverage)  # half width of the band of a normal distribution
    sigmas = []
    for half in halves:
        known = np.isfinite(half)
        sigmas.append(np.interp(energy, energy[known], half[known]) / n_sigmas)
    distance = energy[:, None] - energy[None, :]
    covariance = np.exp(-0.5 * (distance / CORRELATION) ** 2) + 1e-6 * np.eye(len(energy))
    root = np.linalg.cholesky(covariance)
    kept = 0
    for _ in range(DRAWS):
        values = []
        for fit, sigma in zip(fits, sigmas, strict=True):
            changed = fit.fitted + sigma * (root @ rng.standard_normal(len(energy)))
            values.append(MEASURES[measure](energy, measured.mu, changed))
        kept += int(np.argmin(values) == 0)
    return kept / DRAWS

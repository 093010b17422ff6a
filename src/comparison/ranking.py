"""Which candidate is most similar to a measurement, and whether its lead is significant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.stats import norm

from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..errors import ConfigError, RecordError
from ..prediction.material import material_half_width, material_mean
from ..prediction.site_prediction import SitePrediction, predict_structures
from ..xas.normalization import Normalized, find_e0
from ..xas.spectrum import Spectrum
from .fit import Bounds, Fit, fit_candidate
from .similarity import MEASURES

BEFORE, AFTER = 15.0, 60.0
"""The range compared, eV below and above the measured e0, where the model reaches so far."""
CORRELATION = 5.0
"""Energies over which the model's errors go together, eV; their errors are mostly edge shifts and
heights of peaks, some eV wide."""
DRAWS = 400
"""Draws of the model's errors."""


@dataclass(frozen=True)
class Candidate:
    """A structure with its prediction."""

    name: str
    """Name of the structure."""
    predicted: Spectrum
    """Mean over its absorbers in units of the edge step, absolute energies of the calculations."""
    half_width: np.ndarray | None
    """Half width of the model's band, same unit; None: not calibrated."""
    sites: list[SitePrediction]
    """The distinct sites it is made of."""


@dataclass(frozen=True)
class Ranking:
    """Candidates from the most to the least alike."""

    measure: str
    """Name of the measure that ranks."""
    measured: Spectrum
    """Normalised measurement on the energies compared."""
    fits: list[Fit]
    """A fit a candidate, the best first."""
    bounds: Bounds
    """What the fits might change."""
    first_in_draws: float | None
    """Part of draws of the model's errors in which the best stays best; None: not calibrated, or
    one candidate alone."""

    @property
    def lead(self) -> float | None:
        """Measure of the second over that of the best; None: one candidate alone."""
        if len(self.fits) < 2:
            return None
        best, second = (fit.measures[self.measure] for fit in self.fits[:2])
        return second / max(best, 1e-300)


def edge_step(info: ModelInfo) -> float:
    """Edge step in the model's unit: 1 of normalised targets, else from the mean spectrum.

    The mean training spectrum is the mean over so many structures that oscillations are gone from
    its last third, whose mean is the step.

    Raises:
        ConfigError: the model file does not hold that spectrum, or it has no step upwards.
    """
    if info.target == "normalized":
        return 1.0
    if not info.mean_spectrum:
        raise ConfigError("the model file holds no mean spectrum to take the edge step from")
    mean = np.asarray(info.mean_spectrum)
    step = float(mean[-len(mean) // 3 :].mean())
    if not step > 0:
        raise ConfigError(
            f"the edge step of the model's mean spectrum is {step:.4g} but must be positive"
        )
    return step


def predict_candidates(
    model: TrainedModel, structures: Sequence[tuple[str, Atoms]]
) -> list[Candidate]:
    """Predict the spectrum of every structure over all energies that the model knows.

    Raises:
        ConfigError: the model's energies are not absolute.
        StructureError: a structure can't be predicted.
    """
    info = model.info
    if info.reference_energy is None:
        raise ConfigError("the model's energies are relative to an edge that is not stated")
    low, high = model.energy_range
    energy = np.arange(low, high + 1e-6, 0.25)
    energy = energy[energy <= high]
    step = edge_step(info)
    candidates = []
    found = predict_structures(model, structures, None, energy)
    for (name, _), sites in zip(structures, found, strict=True):
        half = material_half_width(sites)
        spectrum = Spectrum(
            energy,
            material_mean(sites) / step,
            unit="dimensionless",
            element=info.element,
            edge=info.edge,
            source=name,
        )
        candidates.append(Candidate(name, spectrum, None if half is None else half / step, sites))
    return candidates


def nominal_shift(measured: Normalized, candidates: Sequence[Candidate]) -> float:
    """Shift that brings the mean of the candidates' steepest rises to the measured e0, eV."""
    return measured.e0 - float(np.mean([find_e0(c.predicted) for c in candidates]))


def compare_window(
    measured: Normalized, candidates: Sequence[Candidate], bounds: Bounds
) -> Spectrum:
    """Measured points that all candidates reach with every shift, BEFORE .. AFTER around e0.

    Raises:
        RecordError: fewer than 20 eV or ten points are left.
    """
    low = max(c.predicted.energy[0] for c in candidates) + bounds.shift[1]
    high = min(c.predicted.energy[-1] for c in candidates) + bounds.shift[0]
    low, high = max(low, measured.e0 - BEFORE), min(high, measured.e0 + AFTER)
    points = int(np.sum((measured.flat.energy >= low) & (measured.flat.energy <= high)))
    if high - low < 20.0 or points < 10:
        raise RecordError(
            f"{measured.flat.source}: {points} points over {max(high - low, 0.0):.1f} eV can be"
            f" compared ({low:.1f} .. {high:.1f} eV); ten points over 20 eV are needed. Is it this"
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
        measured: normalised measurement on the energies to compare, see ``compare_window``.
        candidates: what to compare with.
        bounds: what the fits may change.
        measure: a key of ``MEASURES``.
        coverage: part of the points that the model's bands hold, see ``Calibration``.
        seed: of the draws.

    Returns:
        The ranking.

    Raises:
        ConfigError: there is no such measure.
        RecordError: it is not finite for a candidate, which is named.
    """
    if measure not in MEASURES:
        raise ConfigError(f"`measure` is {measure!r}, expected one of {', '.join(MEASURES)}")
    fits = [fit_candidate(c.name, measured, c.predicted, c.half_width, bounds) for c in candidates]
    for fit in fits:
        if not np.isfinite(fit.measures[measure]):
            raise RecordError(
                f"{fit.name}: its {measure} is {fit.measures[measure]}; a spectrum without any"
                " structure can't be ranked by it"
            )
    fits.sort(key=lambda fit: fit.measures[measure])
    first = first_in_draws(measured, fits, measure, coverage, seed)
    return Ranking(measure, measured, fits, bounds, first)


def first_in_draws(
    measured: Spectrum, fits: Sequence[Fit], measure: str, coverage: float = 0.9, seed: int = 0
) -> float | None:
    """How often the best stays best when predictions are changed by errors of the model's size.

    Errors are drawn from a Gaussian process with the standard deviation of the band and a
    correlation of exp(-(E - E')^2 / 2 L^2), L = ``CORRELATION``, for every candidate on its own.
    The fits' parameters stay, which makes the draws a little pessimistic. Beyond the calibrated
    energies the band's width is taken as that at the nearest of them.

    Returns:
        Part of the draws, 0 to 1; None: a band is missing, or there is one candidate.
    """
    halves = [fit.half_width for fit in fits if fit.half_width is not None]
    banded = len(halves) == len(fits) and all(np.isfinite(half).any() for half in halves)
    if len(fits) < 2 or not banded:
        return None
    energy, rng = measured.energy, np.random.default_rng(seed)
    distance = energy[:, None] - energy[None, :]
    covariance = np.exp(-0.5 * (distance / CORRELATION) ** 2) + 1e-6 * np.eye(len(energy))
    root = np.linalg.cholesky(covariance)
    n_sigmas = norm.ppf(0.5 + 0.5 * coverage)  # half width of the band of a normal distribution
    sigmas = []
    for half in halves:
        known = np.isfinite(half)
        sigmas.append(np.interp(energy, energy[known], half[known]) / n_sigmas)
    kept = 0
    for _ in range(DRAWS):
        values = []
        for fit, sigma in zip(fits, sigmas, strict=True):
            changed = fit.fitted + sigma * (root @ rng.standard_normal(len(energy)))
            values.append(MEASURES[measure](energy, measured.mu, changed))
        kept += int(np.argmin(values) == 0)
    return kept / DRAWS

"""A measurement next to a model's predictions: what `compare`, `fit` and the page do alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..checkpoints.trained_model import TrainedModel
from ..errors import RecordError
from ..xas.normalization import Normalized
from ..xas.spectrum import Spectrum
from . import BOOTSTRAP, MAX_SHIFT, WINDOW
from .candidates import Candidate, band_coverage, check_names, edge_step
from .expected_shift import compare_window, expected_shift, shift_bounds
from .fit import Bounds, adjust
from .linear_combination import Mixture, fit_predictions
from .ranking import Ranking, rank
from .similarity import MEASURES

MARGIN = 10.0
"""A measurement is drawn so far below and above a prediction, eV."""


@dataclass(frozen=True)
class Comparison:
    """A measurement and the model that it is compared with."""

    model: TrainedModel
    """The model, of the measurement's edge."""
    measured: Normalized
    """The measurement."""
    bounds: Bounds
    """Limits of the fits."""
    window: Spectrum
    """The measurement on the energies compared."""

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        measured: Normalized,
        shift: tuple[float, float] | None = None,
        **limits: tuple[float, float],
    ) -> "Comparison":
        """Prepare a measurement that ``measured_at_edge`` read.

        ``shift`` are bounds of the shift, eV, None: see ``shift_bounds``; ``limits`` those of other
        parameters. Errors are those of ``Bounds`` and ``compare_window``.
        """
        shift = shift or shift_bounds(model.info, measured)
        bounds = Bounds(shift, expected=expected_shift(model.info), **limits)
        return cls(model, measured, bounds, compare_window(measured, model, bounds))

    def rank(self, candidates: Sequence[Candidate], measure: str = "r_factor") -> Ranking:
        """Rank candidates, see ``rank``; ConfigError where two have the same name."""
        check_names([candidate.name for candidate in candidates])
        coverage = band_coverage(self.model.info)
        return rank(self.window, candidates, self.bounds, measure, coverage)

    def r_factor(
        self, candidate: Candidate, shift: float, broadening: float, scale: float
    ) -> float:
        """R-factor of a prediction that is adjusted as ``adjust`` does it."""
        energy, mu = self.window.energy, self.window.mu
        return MEASURES["r_factor"](energy, mu, adjust(energy, candidate, shift, broadening, scale))

    def in_models_unit(
        self, candidate: Candidate, shift: float, broadening: float, scale: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Measurement and adjusted prediction, see ``adjust``, in the model's energies and unit.

        The measurement is moved by the shift the other way, and divided by the scale, so that it
        lies on the spectra that the model predicts.

        Returns:
            Energies up to ``MARGIN`` beyond the prediction, eV, measured and predicted absorption,
            this NaN where nothing is predicted, each of shape (n_energies,).

        Raises:
            RecordError: they have no energies in common.
        """
        scan, known = self.measured.flat, candidate.predicted.energy
        energy = scan.energy - shift
        near = (energy > known[0] - MARGIN) & (energy < known[-1] + MARGIN)
        if near.sum() < 2:
            raise RecordError(
                f"{scan.source}: shifted by {shift:g} eV it has no energies in common with the"
                " prediction"
            )
        fitted = adjust(scan.energy[near], candidate, shift, broadening, scale)
        fitted[(energy[near] < known[0]) | (energy[near] > known[-1])] = np.nan
        unit = edge_step(self.model.info) / scale
        return energy[near], scan.mu[near] * unit, fitted * unit

    def target(self, window: tuple[float, float] = WINDOW) -> Spectrum:
        """The measurement on the energies of a mixture, eV relative to e0."""
        e0 = self.measured.e0
        return self.window.within(e0 + window[0], e0 + window[1])

    def mixture(
        self,
        candidates: Sequence[Candidate],
        window: tuple[float, float] = WINDOW,
        max_shift: float = MAX_SHIFT,
        sum_to_one: bool = False,
        bootstrap: int = BOOTSTRAP,
    ) -> Mixture:
        """The measurement as a mixture of candidates, see ``fit_predictions``."""
        how = self.bounds, max_shift, sum_to_one, bootstrap, band_coverage(self.model.info)
        return fit_predictions(self.target(window), candidates, *how)

"""Candidates of a comparison: structures with their predicted spectra."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from ..checkpoints.model_info import ModelInfo
from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError, PredictionError
from ..prediction.site_prediction import predict_structures
from ..prediction.structure_prediction import SitePrediction, StructurePrediction
from ..structures.files import named_structures
from ..structures.names import title_of
from ..uncertainty import COVERAGE
from ..xas.spectrum import Spectrum

STEP = 0.25
"""Step of the energies that are predicted, eV."""


@dataclass(frozen=True)
class Candidate:
    """A structure with its prediction."""

    name: str
    """Name of the structure."""
    predicted: Spectrum
    """Mean over its absorbers in units of the edge step, at the calculations' absolute energies."""
    half_width: np.ndarray | None
    """Half width of the model's band, same unit, shape (n_energies,). None: not calibrated."""
    sites: Sequence[SitePrediction]
    """Its distinct sites."""

    @property
    def label(self) -> str:
        """Formula and name for a figure, marked where a site is novel."""
        text = title_of(self.name, self.sites[0].formula)
        return f"{text}, novel" if any(site.novel for site in self.sites) else text


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


def band_coverage(info: ModelInfo) -> float:
    """Nominal coverage of a model's bands; of one that has none, ``COVERAGE``."""
    return COVERAGE if info.calibration is None else info.calibration.coverage


def candidate_energies(model: TrainedModel) -> np.ndarray:
    """All energies that the model knows, eV, shape (n_energies,).

    Raises:
        ConfigError: they are not absolute.
    """
    if model.info.reference_energy is None:
        raise ConfigError("the model's energies are relative to an unspecified edge energy")
    low, high = model.energy_range
    energy = np.arange(low, high + 1e-6, STEP)
    return energy[energy <= high]


def make_candidate(info: ModelInfo, name: str, sites: StructurePrediction) -> Candidate:
    """Mean over the predicted sites of a structure, in units of the edge step.

    Raises:
        PredictionError: the mean does not rise over half of the edge step.
        ConfigError: see ``edge_step``.
    """
    step, half = edge_step(info), sites.half_width
    mu = sites.mean / step
    last_third = mu[-len(mu) // 3 :].mean()
    if not mu[0] < 0.5 < last_third:
        raise PredictionError(
            f"{name}: the predicted spectrum has no edge, mu is {mu[0]:.2f} at its first energy and"
            f" {last_third:.2f} in its last third, in units of the edge step"
        )
    spectrum = Spectrum(sites.energy, mu, "dimensionless", info.element, info.edge, source=name)
    return Candidate(name, spectrum, None if half is None else half / step, sites)


def predict_candidates(model: TrainedModel, files: Sequence[Path]) -> list[Candidate]:
    """Predict the spectra of all structures in files over all energies that the model knows.

    Raises:
        ConfigError: the model's energies are not absolute.
        StructureError: a structure can't be predicted, or its spectrum has no edge.
    """
    return predict_named(model, [named for path in files for named in named_structures(path)])


def predict_named(model: TrainedModel, structures: Sequence[tuple[str, Atoms]]) -> list[Candidate]:
    """The same of structures with a name each, which must differ (else ConfigError)."""
    energy = candidate_energies(model)
    check_names([name for name, _ in structures])
    predicted = predict_structures(model, structures, energy=energy)
    return [make_candidate(model.info, sites.name, sites) for sites in predicted]


def check_names(names: Sequence[str]) -> None:
    """Raise ConfigError where two structures have the same name."""
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ConfigError(f"several structures are called {', '.join(repeated)}; rename the files")

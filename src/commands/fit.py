"""The command `fit`: a measured spectrum as a mixture."""

import json
from pathlib import Path

import numpy as np

from ..checkpoints.trained_model import UNKNOWN, TrainedModel
from ..comparison.linear_combination import Mixture, fit_mixture
from ..comparison.ranking import nominal_shift, predict_candidates
from ..comparison.tables import mixture_table, mixture_values
from ..errors import ConfigError
from ..runtime.atomic_files import write_text_durably
from ..runtime.command_line import command_line
from ..runtime.versions import package_version
from ..structures.files import named_structures
from ..xas.measured import measured_digest, read_measured
from ..xas.normalization import Normalized, normalize
from ..xas.spectrum import Spectrum
from .jobs import FitJob
from .outputs import check_outputs

STEP = 0.25
"""Distance of the shifts that are tried, eV."""
ROUNDS = 3
"""Times that the shifts of all components are gone through."""


def run(job: FitJob) -> None:
    """Fit the mixture; print the table and write JSON and a picture."""
    check_outputs(job.output, job.plot)
    check(job)
    measured = normalize(read_measured(job.measured))
    low, high = (measured.e0 + limit for limit in job.window)
    names, spectra, origin = read_components(job, measured)
    reach = [(s.energy[0] + job.max_shift, s.energy[-1] - job.max_shift) for s in spectra]
    low, high = max([low, *(r[0] for r in reach)]), min([high, *(r[1] for r in reach)])
    target = measured.flat.within(low, high)
    mixture, shifts, moved = fit_shifts(job, target, spectra)
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, {low:.1f} .. {high:.1f} eV fitted")
    print(mixture_table(names, mixture, shifts))
    if job.output is not None:
        values = {
            "kind": "mixture",
            "version": package_version("e3gnn-xanes"),
            "provenance": origin,
            "measured_file": {
                "path": str(job.measured),
                "digest": measured_digest(job.measured),
                "e0": measured.e0,
            },
            "component_files": {str(path): measured_digest(path) for path in job.components},
            "energy": target.energy.tolist(),
            "measured": target.mu.tolist(),
            **mixture_values(names, mixture, shifts, moved),
        }
        write_text_durably(job.output, json.dumps(values, indent=1) + "\n")
    if job.plot is not None:
        from ..comparison.plot import plot_mixture

        plot_mixture(target, names, moved, mixture, job.plot)


def check(job: FitJob) -> None:
    """Raise ConfigError for a value out of its range."""
    if not 0 <= job.max_shift < float("inf"):
        raise ConfigError(
            f"`max_shift` is {job.max_shift} but must be finite and must not be negative"
        )
    if job.bootstrap < 0:
        raise ConfigError(f"`bootstrap` is {job.bootstrap} but must not be negative")
    if not job.window[0] < job.window[1]:
        raise ConfigError(f"`window` is {job.window[0]} {job.window[1]}, expected LOW below HIGH")


def read_components(
    job: FitJob, measured: Normalized
) -> tuple[list[str], list[Spectrum], dict[str, str]]:
    """Names and normalised spectra of the components, and where they come from.

    Predicted ones are moved together, so that their steepest rises lie, on average, at the
    measurement's e0.
    """
    if job.model is None:
        flats = [normalize(read_measured(path)).flat for path in job.components]
        origin = {"version": package_version("e3gnn-xanes"), "command": command_line() or UNKNOWN}
        return [Path(path).stem for path in job.components], flats, origin
    model = TrainedModel.load(job.model)
    structures = [named for path in job.components for named in named_structures(path)]
    candidates = predict_candidates(model, structures)
    shift = nominal_shift(measured, candidates)
    moved = [candidate.predicted.shifted(shift) for candidate in candidates]
    return [candidate.name for candidate in candidates], moved, model.provenance()


def fit_shifts(
    job: FitJob, target: Spectrum, spectra: list[Spectrum]
) -> tuple[Mixture, list[float], np.ndarray]:
    """Best mixture over the shifts of the components, one after the other."""
    shifts = [0.0] * len(spectra)
    tried = np.arange(-job.max_shift, job.max_shift + 1e-9, STEP) if job.max_shift else np.zeros(1)

    def moved(at: list[float]) -> np.ndarray:
        pairs = zip(spectra, at, strict=True)
        return np.stack([np.interp(target.energy - de, s.energy, s.mu) for s, de in pairs])

    def misfit(at: list[float]) -> float:
        return fit_mixture(moved(at), target.mu, job.sum_to_one).r_factor

    for _ in range(ROUNDS if job.max_shift else 0):
        for k in range(len(spectra)):
            others = [[*shifts[:k], float(de), *shifts[k + 1 :]] for de in tried]
            shifts = min(others, key=misfit)
    components = moved(shifts)
    return fit_mixture(components, target.mu, job.sum_to_one, job.bootstrap), shifts, components

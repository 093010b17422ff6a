"""The command `fit`: linear-combination fit of a measured spectrum."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, check_not_negative
from ..runtime.options import POSITIONAL

if TYPE_CHECKING:
    from ..xas.normalization import Normalized
    from ..xas.spectrum import Spectrum


@dataclass
class Options:
    """Which measurement and components, and how they are fitted."""

    measured: Path = field(metadata=POSITIONAL)
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    components: list[Path] = field(metadata=POSITIONAL)
    """Measured references; with `model` structures, whose spectra are predicted."""
    model: Path | None = None
    """Model for components that are structures. None: they are measured spectra."""
    window: tuple[float, float] = (-20.0, 60.0)
    """Energies fitted, eV relative to the measurement's e0."""
    sum_to_one: bool = False
    """Fractions add up to exactly one."""
    max_shift: float = 0.0
    """Each component may be moved by this much either way, eV, before it is mixed."""
    bootstrap: int = 200
    """Resamplings of the residuals for the fractions' errors; 0: covariance alone."""
    output: Path | None = None
    """JSON file for all of it. None: the table alone is printed."""
    plot: Path | None = None
    """Picture of the measurement, the fit and the residual."""


def run(job: Options) -> None:
    """Fit the mixture; print the table and write JSON and a picture."""
    from ..comparison.linear_combination import fit_shifts
    from ..comparison.tables import mixture_table, mixture_values
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, write_text_durably
    from ..runtime.provenance import package_version
    from ..xas.measured import measured_digest, read_measured
    from ..xas.normalization import normalize

    check_writable(job.output)
    check_picture(job.plot)
    check(job)
    measured = normalize(read_measured(job.measured))
    low, high = (measured.e0 + limit for limit in job.window)
    names, spectra, origin = read_components(job, measured)
    reach = [(s.energy[0] + job.max_shift, s.energy[-1] - job.max_shift) for s in spectra]
    low, high = max([low, *(r[0] for r in reach)]), min([high, *(r[1] for r in reach)])
    target = measured.flat.within(low, high)
    mixture, shifts, moved = fit_shifts(
        target, spectra, job.max_shift, job.sum_to_one, job.bootstrap
    )
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, {low:.1f} .. {high:.1f} eV fitted")
    print(mixture_table(names, mixture, shifts))
    if job.output is not None:
        values = {
            "kind": "mixture",
            "version": package_version("e3gnn-xanes"),
            "provenance": origin,
            "measured_file": {"path": str(job.measured), "digest": measured_digest(job.measured),
                              "e0": measured.e0},
            "component_files": {str(path): measured_digest(path) for path in job.components},
            "energy": target.energy.tolist(),
            "measured": target.mu.tolist(),
            **mixture_values(names, mixture, shifts, moved),
        }  # fmt: skip
        write_text_durably(job.output, json.dumps(values, indent=1) + "\n")
    if job.plot is not None:
        from ..comparison.plot import plot_mixture

        plot_mixture(target, names, moved, mixture, job.plot)


def check(job: Options) -> None:
    """Raise ConfigError for a value out of its range."""
    check_not_negative("max_shift", job.max_shift)
    check_not_negative("bootstrap", job.bootstrap)
    if not job.window[0] < job.window[1]:
        raise ConfigError(f"`window` is {job.window[0]} {job.window[1]}, expected LOW below HIGH")


def read_components(
    job: Options, measured: "Normalized"
) -> tuple[list[str], list["Spectrum"], dict[str, str]]:
    """Names and normalised spectra of the components, and where they come from.

    Predicted ones are moved together, so that their steepest rises lie, on average, at the
    measurement's e0.
    """
    from ..checkpoints.trained_model import UNKNOWN, TrainedModel
    from ..comparison.ranking import nominal_shift, predict_candidates
    from ..runtime.provenance import command_line, package_version
    from ..structures.files import named_structures
    from ..xas.measured import read_measured
    from ..xas.normalization import normalize

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

"""The command `fit`: linear-combination fit of a measured spectrum."""

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
    """Measured references, or, with `model`, structures whose spectra are predicted."""
    model: Path | None = None
    """Model for components that are structures. None: they are measured spectra."""
    window: tuple[float, float] = (-20.0, 60.0)
    """Energies fitted, eV relative to the measurement's e0."""
    sum_to_one: bool = False
    """Fractions add up to exactly one."""
    max_shift: float = 0.0
    """Largest shift of each component either way, eV."""
    column: str | None = None
    """Name or number, from 1, of the column of mu in every measured file. None: inferred."""
    mu: str | None = None
    """Formula of mu from two columns of every measured file, such as "ln(i0/itrans)". None:
    `column`, or inferred."""
    energy_column: str | None = None
    """Name or number, from 1, of the column of energy in every measured file. None: inferred."""
    bootstrap: int = 200
    """Resamplings of the residuals for the fractions' errors; 0: covariance alone."""
    output: Path | None = None
    """JSON file of all results. None: only the table is printed."""
    plot: Path | None = None
    """Figure of the measurement, the fit and the residual."""


def run(job: Options) -> None:
    """Fit the mixture; print the table and write JSON and a figure."""
    from ..comparison.linear_combination import fit_shifts
    from ..comparison.plot import plot_mixture
    from ..comparison.tables import measured_values, mixture_table, mixture_values
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, write_json
    from ..runtime.provenance import package_version
    from ..xas.measured import measured_digest

    check_writable(job.output)
    check_picture(job.plot)
    check_not_negative("max_shift", job.max_shift)
    check_not_negative("bootstrap", job.bootstrap)
    if not job.window[0] < job.window[1]:
        raise ConfigError(f"`window` is {job.window[0]} {job.window[1]}, expected LOW below HIGH")
    measured, names, spectra, origin = read_spectra(job)
    low = max(measured.e0 + job.window[0], *(s.energy[0] + job.max_shift for s in spectra))
    high = min(measured.e0 + job.window[1], *(s.energy[-1] - job.max_shift for s in spectra))
    target = measured.flat.within(low, high)
    mixture = fit_shifts(target, spectra, job.max_shift, job.sum_to_one, job.bootstrap)
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, {low:.1f} to {high:.1f} eV fitted")
    print(mixture_table(names, mixture, job.max_shift))
    if job.output is not None:
        values = {
            "kind": "mixture",
            "version": package_version("e3gnn-xanes"),
            "provenance": origin,
            "measured_file": measured_values(job.measured, measured),
            "component_files": {str(path): measured_digest(path) for path in job.components},
        }
        write_json(job.output, {**values, **mixture_values(target, names, mixture)})
    if job.plot is not None:
        plot_mixture(target, names, mixture, job.plot)


def read_spectra(
    job: Options,
) -> tuple["Normalized", list[str], list["Spectrum"], dict[str, str]]:
    """The measurement, names and normalized spectra of the components, and where they come from.

    Predicted components are shifted together, so that their steepest rises lie, on average, at the
    measurement's e0.

    Raises:
        ConfigError: a component is of another element or edge than the measurement.
    """
    from ..checkpoints.trained_model import UNKNOWN, TrainedModel
    from ..comparison.ranking import measured_at_edge, nominal_shift, predict_candidates
    from ..runtime.provenance import command_line, package_version
    from ..xas.measured import one_column, read_measured, with_edge
    from ..xas.normalization import normalize

    columns = one_column(job.column, job.mu), job.energy_column
    if job.model is None:
        scan = read_measured(job.measured, *columns)
        references = [read_measured(path, *columns) for path in job.components]
        for read in (scan, *references):
            print(f"{read.source}: {read.made_from}")
        flats = [normalize(with_edge(r, scan.element, scan.edge)).flat for r in references]
        origin = {"version": package_version("e3gnn-xanes"), "command": command_line() or UNKNOWN}
        return normalize(scan), [path.stem for path in job.components], flats, origin
    model = TrainedModel.load(job.model)
    measured = measured_at_edge(model.info, job.measured, columns[0], None, columns[1])
    print(f"{job.measured}: {measured.norm.made_from}")
    candidates = predict_candidates(model, job.components)
    shift = nominal_shift(measured, candidates)
    spectra = [candidate.predicted.shifted(shift) for candidate in candidates]
    return measured, [candidate.name for candidate in candidates], spectra, model.provenance()

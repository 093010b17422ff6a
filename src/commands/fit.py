"""The command `fit`: linear-combination fit of a measured spectrum."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..comparison import BOOTSTRAP, MAX_SHIFT, WINDOW
from ..errors import ConfigError, check_not_negative
from ..runtime.options import POSITIONAL, SCAN_FIRST

if TYPE_CHECKING:
    from ..comparison.linear_combination import Mixture
    from ..xas.normalization import Normalized
    from ..xas.spectrum import Spectrum

EXAMPLE = "fit mixture.xdi Cu2O.xdi CuO.xdi --plot fit.png"
COMMON = ("model", "output", "plot", "window", "max_shift")


@dataclass
class Options:
    """Which measurement and components, and how they are fitted."""

    measured: Path = field(metadata=SCAN_FIRST)
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    components: list[Path] = field(metadata=POSITIONAL)
    """Measured references, or, with `model`, structures whose spectra are predicted."""
    model: Path | None = None
    """Model for components that are structures. None: they are measured spectra."""
    window: tuple[float, float] = WINDOW
    """Energies fitted, eV relative to the measurement's e0."""
    sum_to_one: bool = False
    """Fractions add up to exactly one."""
    max_shift: float | None = None
    """Largest shift of each component either way, eV; of predictions, relative to the shift that
    they have in common. None: 0 for measured references, 1 for predictions."""
    column: str | None = None
    """Name or number, from 1, of the column of mu in every measured file. None: inferred."""
    mu: str | None = None
    """Formula of mu from two columns of every measured file, such as "ln(i0/itrans)". None:
    `column`, or inferred."""
    energy_column: str | None = None
    """Name or number, from 1, of the column of energy in every measured file. None: inferred."""
    bootstrap: int = BOOTSTRAP
    """Resamplings of the residuals for the fractions' errors; 0: covariance alone."""
    output: Path | None = None
    """JSON file of all results. None: only the table is printed."""
    plot: Path | None = None
    """Figure of the measurement, the fit and the residual."""


def run(job: Options) -> None:
    """Fit the mixture; print the table and write JSON and a figure."""
    from ..comparison.plot import plot_mixture
    from ..comparison.tables import measured_values, mixture_table, mixture_values
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, write_json
    from ..xas.measured import measured_digest

    check_writable(job.output, ".json")
    check_picture(job.plot)
    default = 0.0 if job.model is None else MAX_SHIFT
    max_shift = default if job.max_shift is None else job.max_shift
    check_not_negative("max_shift", max_shift)
    check_not_negative("bootstrap", job.bootstrap)
    if not job.window[0] < job.window[1]:
        raise ConfigError(f"`window` is {job.window[0]} {job.window[1]}, expected LOW below HIGH")
    fit = fit_references if job.model is None else fit_structures
    measured, target, names, mixture, origin = fit(job, max_shift)
    low, high = target.energy[0], target.energy[-1]
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, {low:.1f} to {high:.1f} eV fitted")
    print(mixture_table(names, mixture, max_shift))
    if job.output is not None:
        values = {
            "kind": "mixture",
            "version": origin["version"],
            "provenance": origin,
            "measured_file": measured_values(job.measured, measured),
            "component_files": {str(path): measured_digest(path) for path in job.components},
        }
        write_json(job.output, {**values, **mixture_values(target, names, mixture)})
    if job.plot is not None:
        plot_mixture(target, names, mixture, job.plot)


Fitted = tuple["Normalized", "Spectrum", list[str], "Mixture", dict[str, str]]
"""The measurement, its energies that are fitted, names of the components, the fit, and where they
come from."""


def fit_references(job: Options, max_shift: float) -> Fitted:
    """Fit measured references.

    Raises:
        ConfigError: one is of another element or edge than the measurement.
    """
    from ..checkpoints.trained_model import UNKNOWN
    from ..comparison.linear_combination import fit_shifts
    from ..runtime.provenance import command_line, package_version
    from ..xas.measured import one_column, read_measured, with_edge
    from ..xas.normalization import normalize

    columns = one_column(job.column, job.mu), job.energy_column
    scan, *references = [read_measured(path, *columns) for path in (job.measured, *job.components)]
    for read in (scan, *references):
        print(f"{read.source}: {read.made_from}")
    flats = [normalize(with_edge(r, scan.element, scan.edge)).flat for r in references]
    measured = normalize(scan)
    low = max(measured.e0 + job.window[0], *(s.energy[0] + max_shift for s in flats))
    high = min(measured.e0 + job.window[1], *(s.energy[-1] - max_shift for s in flats))
    target = measured.flat.within(low, high)
    mixture = fit_shifts(target, flats, max_shift, job.sum_to_one, job.bootstrap)
    origin = {"version": package_version("e3gnn-xanes"), "command": command_line() or UNKNOWN}
    return measured, target, [path.stem for path in job.components], mixture, origin


def fit_structures(job: Options, max_shift: float) -> Fitted:
    """Fit spectra that are predicted for structures."""
    from ..checkpoints.trained_model import TrainedModel
    from ..comparison.candidates import predict_candidates
    from ..comparison.comparison import Comparison
    from ..comparison.expected_shift import measured_at_edge

    columns = job.column, job.mu, job.energy_column
    model, measured = measured_at_edge(TrainedModel.load(str(job.model)), job.measured, *columns)
    print(f"{job.measured}: {measured.norm.made_from}")
    comparison = Comparison.of(model, measured)
    candidates = predict_candidates(model, job.components)
    how = job.window, max_shift, job.sum_to_one, job.bootstrap
    mixture, target = comparison.mixture(candidates, *how), comparison.target(job.window)
    names = [candidate.name for candidate in candidates]
    return measured, target, names, mixture, model.provenance()

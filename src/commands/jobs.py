"""Settings of the commands that make models of models; importing this is cheap."""

from dataclasses import dataclass
from pathlib import Path

from ..dataset.location import Location, as_location
from ..errors import ConfigError


@dataclass
class EnsembleJob:
    """Join trained networks in one model file, which predicts their mean."""

    models: list[Path]
    """Model files or training folders; one alone is written again, such as with a card."""
    output: Path
    """Model file to write."""
    card: Path | None = None
    """YAML file of what `models` prints: data, licence, accuracy, a line of text each."""


@dataclass
class CalibrateJob:
    """Add calibrated bands and a measure of novelty to a model file."""

    model: Path
    """Model file, training folder, or name of a model that ships with the package."""
    database: Location
    """Database with the calibration sites and those that the model was trained on."""
    ids: Path
    """File of record ids to calibrate on, of materials that the model was not trained on."""
    coverage: float = 0.9
    """Part of the calculated points that the bands are to hold."""
    output: Path | None = None
    """Model file to write. None: the model's own."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1, ..; auto is cuda where there is one, else cpu."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a URL that is not one of PostgreSQL."""
        self.database = as_location(self.database)


@dataclass
class CompareJob:
    """Rank structures by how like their predicted spectra are to a measured one."""

    measured: Path
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    structures: list[Path]
    """Candidates, files that ASE reads."""
    model: Path
    """Model file, training folder, or name of a model that ships with the package."""
    shift: tuple[float, float] | None = None
    """Least and largest shift of the predictions, eV; twice the same: fixed. None: 5 eV either way
    of the shift that brings their steepest rises, on average, to that of the measurement."""
    broadening: tuple[float, float] = (0.0, 3.0)
    """Least and largest full width at half maximum of a further Gaussian, eV."""
    scale: tuple[float, float] = (0.85, 1.15)
    """Least and largest factor of the predictions in units of the edge step."""
    measure: str = "r_factor"
    """What ranks: r_factor, mse, derivative_mse, cosine or spearman; less is more alike."""
    column: str | None = None
    """Name or number, from 1, of the measurement's column of mu. None: found out."""
    e0: float | None = None
    """Edge energy of the measurement, eV. None: its steepest rise."""
    output: Path | None = None
    """JSON file for all of it. None: the table alone is printed."""
    plot: Path | None = None
    """Picture of the measurement and the fits."""


@dataclass
class FitJob:
    """Fit a measured spectrum by a mixture of measured references or predicted candidates."""

    measured: Path
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    components: list[Path]
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


@dataclass
class ExplainJob:
    """Show what each neighbour and shell does to a site's predicted spectrum."""

    model: Path
    """Model file, training folder, or name of a model that ships with the package."""
    structure: Path
    """Structure, a file that ASE reads."""
    site: int | None = None
    """Absorber's 0-based index; must be given, None lists those there are."""
    radius: float | None = None
    """Neighbours within it are asked about, Angstrom. None: the network's r_max."""
    output: Path | None = None
    """JSON file for all of it. None: the table alone is printed."""
    plot: Path | None = None
    """Picture of the spectrum and what the shells do to it."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a radius that is not positive."""
        if self.radius is not None and not 0 < self.radius < float("inf"):
            raise ConfigError(f"`radius` is {self.radius} but must be positive and finite")


@dataclass
class ReportJob:
    """Write one HTML page about a data set, a training, an evaluation or a comparison."""

    source: Path
    """Database, folder of `train`, JSON of `compare` or `fit`, or a model to evaluate."""
    output: Path
    """Page to write, .html."""
    database: Location | None = None
    """Database to evaluate the model on."""
    ids: Path | None = None
    """File of record ids to evaluate on. None: the model's validation part, else all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a URL that is not one of PostgreSQL."""
        if self.database is not None:
            self.database = as_location(self.database)


@dataclass
class ModelsJob:
    """List the models that ship with the package."""

"""Settings of the commands that make models of models; importing this is cheap."""

from dataclasses import dataclass
from pathlib import Path

from .data.location import Location, as_location


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
class ModelsJob:
    """List the models that ship with the package."""

"""A measured scan next to the predictions: read, fitted, drawn. No browser is needed."""

from pathlib import Path

from ..comparison.candidates import Candidate
from ..comparison.comparison import Comparison
from ..comparison.expected_shift import measured_at_edge
from ..errors import RecordError
from .figures import Line
from .state import Request, Result, Scan, check_size, load_model

KNOBS = {"shift": (0.0025, "eV"), "broadening": (0.05, "eV"), "scale": (0.001, "")}
"""Parameters of a ``Fit`` that sliders change, with step and unit."""
MEASURED, FITTED, DIFFERENCE = "#9467e0", "#1b9e77", "#c4622d"
"""Colors of curves, legible on white and on black."""


def read(scan: Scan, request: Request) -> Comparison:
    """Read a scan for the first model of a prediction, with the errors of ``measured_at_edge``."""
    path = scan.path or Path()
    check_size(path, RecordError)
    model = load_model(request.models[0]).of(request.element, request.edge)
    how = scan.mu, None, scan.energy, scan.e0, scan.ranges
    return Comparison.of(*measured_at_edge(model, path, *how))


def overlays(
    comparison: Comparison, one: Candidate, knobs: dict[str, float], result: Result
) -> list[Line]:
    """Scan, adjusted prediction, and their difference, see ``Comparison.in_models_unit``."""
    energy, measured, fitted = comparison.in_models_unit(one, **knobs)
    name, moved = Path(comparison.measured.flat.source).name, result.models[0].moved_by
    if moved is None:
        name += ", moved to the prediction"
    energy = energy + (moved or 0.0)  # of a model that is aligned to experiment
    return [
        Line(name, energy, measured, MEASURED, 2.0),
        Line("prediction, broadened", energy, fitted, FITTED, 2.0),
        Line("scan minus prediction", energy, measured - fitted, DIFFERENCE, 2.0),
    ]

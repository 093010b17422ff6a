"""A measured scan next to the predictions: read, fitted, drawn. No browser is needed."""

from pathlib import Path

import numpy as np

from ..comparison.candidates import Candidate, edge_step
from ..comparison.comparison import Comparison
from ..comparison.expected_shift import measured_at_edge
from ..comparison.fit import adjust
from ..errors import RecordError
from .figures import Line
from .state import Request, Result, Scan, check_size, load_model

KNOBS = ("shift", "broadening", "scale")
"""Parameters of a ``Fit`` that sliders change, in the order in which ``adjust`` takes them."""
MARGIN = 10.0
"""The scan is drawn so far below and above the prediction, eV."""
MEASURED, FITTED, DIFFERENCE = "#9467e0", "#1b9e77", "#c4622d"
"""Colors of curves, legible on white and on black."""


def read(scan: Scan, request: Request) -> Comparison:
    """Read and normalize a scan for the first model of a prediction.

    Raises:
        RecordError: the file can't be read, or its columns are not clear.
        ConfigError: it is of another edge, or ranges are not within it.
    """
    path = scan.path or Path()
    check_size(path, RecordError)
    model = load_model(request.models[0]).of(request.element, request.edge)
    how = scan.mu, None, scan.energy, scan.e0, scan.ranges
    return Comparison.of(*measured_at_edge(model, path, *how))


def overlays(
    comparison: Comparison, one: Candidate, knobs: dict[str, float], result: Result
) -> list[Line]:
    """Scan, adjusted prediction, and their difference, in the energies and unit of the page.

    The scan is moved by the shift the other way, and divided by the scale, so that predictions and
    their bands stay where they are.
    """
    scan, shown = comparison.measured.flat, result.sites.energy
    moved = result.models[0].info.reference_energy or 0.0
    moved -= (comparison.model.info.reference_energy or 0.0) + knobs["shift"]
    energy = scan.energy + moved
    near = (energy > shown[0] - MARGIN) & (energy < shown[-1] + MARGIN)
    if near.sum() < 2:
        raise RecordError(
            f"{scan.source}: shifted by {knobs['shift']:g} eV it has no energies in common with the"
            " prediction"
        )
    unit = edge_step(comparison.model.info) / knobs["scale"]
    fitted = adjust(scan.energy[near], one, *(knobs[name] for name in KNOBS))
    curves = {
        Path(scan.source).name: (scan.mu[near], MEASURED),
        "prediction, broadened": (fitted, FITTED),
        "scan minus prediction": (scan.mu[near] - fitted, DIFFERENCE),
    }
    return [
        Line(name, energy[near], np.asarray(mu) * unit, color, 2.0)
        for name, (mu, color) in curves.items()
    ]

"""The command `compare`: which structure has a measured spectrum?"""

from dataclasses import dataclass, field
from pathlib import Path

from ..runtime.options import POSITIONAL

EITHER_WAY = 5.0
"""Shifts tried by default, on either side of the nominal one, eV."""


@dataclass
class Options:
    """Which measurement and structures, and how they are compared."""

    measured: Path = field(metadata=POSITIONAL)
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    structures: list[Path] = field(metadata=POSITIONAL)
    """Candidates, files that ASE reads."""
    model: Path
    """Model file, training folder, or name of a model that ships with the package."""
    shift: tuple[float, float] | None = None
    """Bounds of the predictions' shift, eV; equal bounds fix it. None: within 5 eV of the shift
    that brings their steepest rises, on average, to that of the measurement."""
    broadening: tuple[float, float] = (0.0, 3.0)
    """Bounds of the full width at half maximum of an additional Gaussian, eV."""
    scale: tuple[float, float] = (0.85, 1.15)
    """Bounds of the factor of the predictions in units of the edge step."""
    measure: str = "r_factor"
    """Metric that ranks: r_factor, mse, derivative_mse, cosine or spearman; lower means more
    similar."""
    column: str | None = None
    """Name or number, from 1, of the measurement's column of mu. None: inferred."""
    mu: str | None = None
    """Formula of mu from two of its columns, such as "ln(i0/itrans)", "ifluor/i0" or "-ln(3/2)".
    None: `column`, or inferred."""
    energy_column: str | None = None
    """Name or number, from 1, of its column of energy. None: inferred."""
    e0: float | None = None
    """Edge energy of the measurement, eV. None: its steepest rise."""
    output: Path | None = None
    """JSON file of all results. None: only the table is printed."""
    plot: Path | None = None
    """Figure of the measurement and the fits."""


def run(job: Options) -> None:
    """Rank the candidates; print the table and write JSON and a figure."""
    from ..checkpoints.trained_model import TrainedModel
    from ..comparison.fit import Bounds
    from ..comparison.plot import plot_ranking
    from ..comparison.ranking import (
        compare_window,
        measured_at_edge,
        nominal_shift,
        predict_candidates,
        rank,
    )
    from ..comparison.tables import measured_values, ranking_table, ranking_values, verdict
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, file_digest, write_json
    from ..xas.measured import one_column

    check_writable(job.output)
    check_picture(job.plot)
    model = TrainedModel.load(job.model)
    column = one_column(job.column, job.mu)
    measured = measured_at_edge(model.info, job.measured, column, job.e0, job.energy_column)
    print(f"{job.measured}: {measured.norm.made_from}")
    candidates = predict_candidates(model, job.structures)
    shift = job.shift
    if shift is None:
        middle = nominal_shift(measured, candidates)
        shift = middle - EITHER_WAY, middle + EITHER_WAY
    bounds = Bounds(shift, job.broadening, job.scale)
    window = compare_window(measured, candidates, bounds)
    coverage = 0.9 if model.calibration is None else model.calibration.coverage  # no band, no use
    ranking = rank(window, candidates, bounds, job.measure, coverage)
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, edge step {measured.edge_step:.4g}")
    print(ranking_table(ranking))
    print(verdict(ranking))
    if job.output is not None:
        origin = model.provenance()
        values = {
            "kind": "comparison",
            "version": origin["version"],
            "model": {"name": model.name, "digest": f"sha256 {model.sha256}"},
            "provenance": origin,
            "measured_file": measured_values(job.measured, measured),
            "structures": {str(path): file_digest(path) for path in job.structures},
        }
        write_json(job.output, {**values, **ranking_values(ranking, candidates)})
    if job.plot is not None:
        plot_ranking(ranking, job.plot)

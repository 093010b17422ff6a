"""The command `compare`: which structure has a measured spectrum?"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..runtime.options import POSITIONAL

if TYPE_CHECKING:
    from ..checkpoints.trained_model import ModelInfo
    from ..xas.normalization import Normalized
    from ..xas.spectrum import Spectrum

EITHER_WAY = 5.0
"""Shift that is tried either way of the nominal one, eV."""
ANOTHER_EDGE = 50.0
"""A measured edge so far from the tabulated one is another, eV."""


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


def run(job: Options) -> None:
    """Rank the candidates; print the table and write JSON and a picture."""
    from ..checkpoints.trained_model import TrainedModel
    from ..comparison.fit import Bounds
    from ..comparison.ranking import compare_window, nominal_shift, predict_candidates, rank
    from ..comparison.tables import ranking_table, ranking_values, verdict
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, file_digest, write_text_durably
    from ..structures.files import named_structures
    from ..xas.measured import measured_digest

    check_writable(job.output)
    check_picture(job.plot)
    model = TrainedModel.load(job.model)
    origin = model.provenance()
    spectrum, measured = read_measurement(job, model.info)
    structures = [named for path in job.structures for named in named_structures(path)]
    names = [name for name, _ in structures]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"several candidates are called {', '.join(repeated)}; rename the files")
    candidates = predict_candidates(model, structures)
    shift = job.shift
    if shift is None:
        middle = nominal_shift(measured, candidates)
        shift = middle - EITHER_WAY, middle + EITHER_WAY
    bounds = Bounds(*((float(a), float(b)) for a, b in (shift, job.broadening, job.scale)))
    window = compare_window(measured, candidates, bounds)
    coverage = 0.9 if model.calibration is None else model.calibration.coverage  # no band, no use
    ranking = rank(window, candidates, bounds, job.measure, coverage)
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, edge step {measured.edge_step:.4g}")
    print(ranking_table(ranking))
    print(verdict(ranking))
    if job.output is not None:
        values: dict[str, Any] = {
            "kind": "comparison",
            "version": origin["version"],
            "model": {"name": model.name, "digest": f"sha256 {model.sha256}"},
            "provenance": origin,
            "measured_file": {"path": str(job.measured), "digest": measured_digest(job.measured),
                              "e0": measured.e0,
                              "edge_step": measured.edge_step, "element": spectrum.element,
                              "edge": spectrum.edge},
            "structures": {str(path): file_digest(path) for path in job.structures},
            **ranking_values(ranking, candidates),
        }  # fmt: skip
        text = json.dumps(values, indent=1, default=lambda number: number.item())  # NumPy's
        write_text_durably(job.output, f"{text}\n")
    if job.plot is not None:
        from ..comparison.plot import plot_ranking

        plot_ranking(ranking, job.plot)


def read_measurement(job: Options, info: "ModelInfo") -> tuple["Spectrum", "Normalized"]:
    """The measurement as it was read and normalized.

    Raises:
        ConfigError: its edge is not near the model's.
    """
    from ..xas.edges import find_edge
    from ..xas.measured import read_measured, with_edge
    from ..xas.normalization import normalize

    spectrum = with_edge(read_measured(job.measured, job.column), info.element, info.edge)
    measured = normalize(replace(spectrum, e0=job.e0))
    if info.element is not None and info.edge is not None:
        tabulated = find_edge(info.element, info.edge).energy
        if abs(measured.e0 - tabulated) > ANOTHER_EDGE:
            raise ConfigError(
                f"{job.measured}: e0 is {measured.e0:.1f} eV, but the model's {info.element}"
                f" {info.edge} edge is at {tabulated:.1f} eV; give --e0 if the edge was not found"
            )
    return spectrum, measured

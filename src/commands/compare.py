"""The command `compare`: which structure has a measured spectrum?"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, check_at_least
from ..runtime.options import POSITIONAL, SCAN_FIRST

if TYPE_CHECKING:
    from ..checkpoints.trained_model import TrainedModel
    from ..comparison.candidates import Candidate

LISTED = 10
"""Reasons for skipping structures that are printed; the others are counted."""

EXAMPLE = "compare foil.xdi Cu.cif CuO.cif --model cu-k-feff --plot foil.png"
COMMON = ("model", "output", "plot", "library", "shift")


@dataclass
class Options:
    """Which measurement and structures, and how they are compared."""

    measured: Path = field(metadata=SCAN_FIRST)
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    structures: list[Path] = field(metadata=POSITIONAL | {"unless": "library"})
    """Candidates, files that ASE reads."""
    model: Path
    """Model file, training folder, or name of a model that ships with the package."""
    library: Path | None = None
    """More candidates: a folder with CIF, POSCAR or xyz files, an ASE database, or a file of many
    structures. Those without the absorber or that can't be read are skipped."""
    elements: list[str] | None = None
    """Candidates of the library contain no other elements than these, such as Cu S. None: any."""
    spectra: Path | None = None
    """Database in which the predicted spectra of the library are kept for the next time. None: a
    file in the user's cache folder."""
    top: int = 20
    """Candidates in the table at most; the JSON file contains all."""
    shift: tuple[float, float] | None = None
    """Bounds of the predictions' shift, eV; equal bounds fix it. None: within three standard
    deviations of the shift that the model expects; if it knows none, within 8 eV of the shift that
    brings half of its mean training spectrum's rise to that of the measurement."""
    broadening: tuple[float, float] = (0.0, 5.0)
    """Bounds of the full width at half maximum of an additional Gaussian, eV. A candidate that ends
    at one, or at one of the shift, is fitted once more with it moved by 2 eV."""
    scale: tuple[float, float] = (0.85, 1.15)
    """Bounds of the factor of the predictions in units of the edge step."""
    measure: str = "r_factor"
    """Metric that ranks, weighted by how far the shift is from the expected one: r_factor, mse,
    derivative_mse, cosine or spearman; lower means more similar."""
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

    def __post_init__(self) -> None:
        """Raise ConfigError for options that are out of range or don't go together."""
        check_at_least("top", self.top, 1)
        for name in ("elements", "spectra"):
            if getattr(self, name) is not None and self.library is None:
                raise ConfigError(f"`{name}` is only used with `library`")


def run(job: Options) -> None:
    """Rank the candidates; print the table and write JSON and a figure."""
    from ..checkpoints.trained_model import TrainedModel
    from ..comparison.comparison import Comparison
    from ..comparison.expected_shift import measured_at_edge
    from ..comparison.plot import plot_ranking
    from ..comparison.tables import measured_values, ranking_table, ranking_values, verdict
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, file_digest, write_json

    check_writable(job.output, ".json")
    check_picture(job.plot)
    columns = job.column, job.mu, job.energy_column
    model, measured = measured_at_edge(TrainedModel.load(job.model), job.measured, *columns, job.e0)
    print(f"{job.measured}: {measured.norm.made_from}")
    limits = {"broadening": job.broadening, "scale": job.scale}
    comparison = Comparison.of(model, measured, job.shift, **limits)
    candidates, skipped = find_candidates(job, model)
    ranking = comparison.rank(candidates, job.measure)
    print(f"{job.measured}: e0 {measured.e0:.2f} eV, edge step {measured.edge_step:.4g}")
    print(ranking_table(ranking, candidates, job.top))
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
            "library": None if job.library is None else str(job.library),
            "skipped": skipped,
        }
        write_json(job.output, {**values, **ranking_values(ranking, candidates)})
    if job.plot is not None:
        plot_ranking(ranking, job.plot, {one.name: one.label for one in candidates})


def find_candidates(job: Options, model: "TrainedModel") -> tuple[list["Candidate"], list[str]]:
    """The candidates of files and of the library, and why structures of the latter are skipped."""
    from ..comparison.candidates import predict_candidates
    from ..comparison.library import library_candidates

    candidates, skipped = predict_candidates(model, job.structures), list[str]()
    if job.library is not None:
        of_library, skipped = library_candidates(
            model, job.library, job.spectra, job.elements or ()
        )
        print(f"{job.library}: {len(of_library)} candidates")
        for reason in skipped[:LISTED]:
            print(f"skipped: {reason}")
        if len(skipped) > LISTED:
            print(f"skipped: and {len(skipped) - LISTED} more")
        candidates += of_library
    if not candidates:
        raise ConfigError(f"{job.library}: contains no candidate")
    return candidates, skipped

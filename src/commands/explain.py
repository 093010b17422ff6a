"""The command `explain`: how each neighbor and shell contributes to a site's spectrum."""

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError, check_positive
from ..runtime.options import MODEL_FIRST, POSITIONAL

EXAMPLE = "explain cu-k-feff CuO.cif --site 0 --plot CuO.png"
COMMON = ("site", "output", "plot", "radius")


@dataclass
class Options:
    """Which site, and where the results go."""

    model: Path = field(metadata=MODEL_FIRST)
    """Model file, training folder, or name of a model that ships with the package."""
    structure: Path = field(metadata=POSITIONAL)
    """Structure, a file that ASE reads."""
    site: int | None = None
    """0-based index of the absorber, required; without it the possible ones are listed."""
    radius: float | None = None
    """Neighbors within this radius are examined, Angstrom. None: the network's r_max."""
    output: Path | None = None
    """JSON file of all results. None: only the table is printed."""
    plot: Path | None = None
    """Figure of the spectrum and the contributions of the shells."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a radius that is not positive."""
        if self.radius is not None:
            check_positive("radius", self.radius)


def run(job: Options) -> None:
    """Explain one site; print the table and write JSON and a figure."""
    from ..checkpoints.energy_scale import describe_energies, energy_label
    from ..checkpoints.trained_model import TrainedModel
    from ..explanation.attribution import explain
    from ..explanation.plot import plot_explanation
    from ..explanation.tables import explanation_table, explanation_values
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable, file_digest, write_json
    from ..structures.files import named_structures
    from ..structures.names import check_index

    check_writable(job.output, ".json")
    check_picture(job.plot)
    model = TrainedModel.load(job.model)
    (name, atoms), *others = named_structures(job.structure)
    if others:
        raise ConfigError(f"{job.structure}: contains {1 + len(others)} structures, expected one")
    if job.site is None:
        symbols = atoms.get_chemical_symbols()
        sites = [k for k, symbol in enumerate(symbols) if model.info.element in (None, symbol)]
        raise ConfigError(
            f"{job.structure}: which site? Give --site with one of {', '.join(map(str, sites))}"
        )
    if model.info.edges is not None:
        check_index(job.site, "site", len(atoms))
        model = model.of(atoms[job.site].symbol)
    info, origin = model.info, model.provenance()
    explained = explain(model, atoms, job.site, radius=job.radius)
    unit = info.unit or "unit not stated"
    print(f"{name}, site {job.site} ({atoms[job.site].symbol}), {job.model}")
    print(f"energies: {describe_energies(model)}")
    print(explanation_table(explained, unit))
    if job.output is not None:
        values = {
            "kind": "explanation",
            "version": origin["version"],
            "model": {"name": model.name, "digest": f"sha256 {model.sha256}"},
            "provenance": origin,
            "structure": {"path": str(job.structure), "digest": file_digest(job.structure)},
            "site": job.site,
            "unit": info.unit,
            **explanation_values(explained),
        }
        write_json(job.output, values)
    if job.plot is not None:
        plot_explanation(explained, job.plot, info.unit, energy_label(model))

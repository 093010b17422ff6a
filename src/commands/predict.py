"""The command `predict`: structures to spectra, or a database of them to another."""

import logging
from pathlib import Path

from ..config import PredictJob
from ..data.energies import energy_grid
from ..data.filetype import SQLITE_MAGIC, starts_with
from ..data.structure import named_structures
from ..errors import ConfigError, StructureError
from ..files.durable import write_text_durably
from ..parallel import check_alone, choose_device, launched_rank, processes
from ..plot import plot_structures
from ..predict import SitePrediction, predict_structures
from ..provenance import load_traced
from ..report import describe_bulk, site_label, spectra_table
from .outputs import check_outputs

logger = logging.getLogger(__name__)


def run(job: PredictJob) -> None:
    """Predict structures: a table and a picture; or a database of them: a database of spectra."""
    databases = [p for p in job.structures if p.is_file() and starts_with(p, SQLITE_MAGIC)]
    if databases:
        predict_bulk(job, databases[0])
        return
    check_alone("a prediction of structure files")
    check_outputs(job.output, job.plot)
    model, described, provenance = load_traced(job.model)
    model.to(choose_device(job.device))
    energy = None if job.energy is None else energy_grid(*job.energy)
    structures, sources = [], []
    for path in job.structures:
        named = named_structures(path)
        structures += named
        sources += [path] * len(named)
    names = [name for name, _ in structures]
    repeated = {name for name in names if names.count(name) > 1}
    labelled = [
        (f"{name}-{number}" if name in repeated else name, atoms)
        for number, (name, atoms) in enumerate(structures)
    ]
    found = predict_structures(model, described, labelled, job.site, energy, job.other_element)
    note_symmetry(found)
    text = spectra_table(found, described, provenance, sources)
    if job.output is None:
        print(text, end="")
    else:
        write_text_durably(job.output, text)
        print(f"{job.output}: {sum(len(sites) for sites in found)} spectra")
    if job.plot is not None:
        plot_structures(
            [sites[0].structure for sites in found],
            found[0][0].energy,
            [[(site_label(s), s.mu, len(s.equivalent)) for s in sites] for sites in found],
            job.plot,
            unit=described.unit,
            relative=described.reference_energy is None,
            half_widths=[[s.half_width for s in sites] for sites in found],
        )


def predict_bulk(job: PredictJob, source: Path) -> None:
    """Predict all structures of a database, by all processes that torchrun has started.

    Raises:
        ConfigError: options that a database does not go with.
        StructureError: with `--strict`, where a structure could not be predicted.
    """
    if len(job.structures) > 1:
        raise ConfigError(f"{source} is a database; predict it on its own")
    for name in ("site", "plot"):
        if getattr(job, name) is not None:
            raise ConfigError(f"`{name}` does not go with a database of structures, {source}")
    if job.other_element:
        raise ConfigError(f"`other_element` does not go with a database of structures, {source}")
    if job.output is None:
        raise ConfigError(f"{source} is a database; name the one for the spectra with --output")
    from ..bulk import predict_database  # ASE's databases are slow to import

    with processes(job.device) as team:
        model, described, provenance = load_traced(job.model)
        energy = None if job.energy is None else energy_grid(*job.energy)
        summary = predict_database(
            *(model.to(team.device), described, source, job.output),
            *(f"sha256 {provenance.model_sha256}", team, energy, provenance),
        )
    if launched_rank() > 0:
        return
    print(f"{job.output}: {describe_bulk(summary)}")
    if summary.failed and job.strict:
        raise StructureError(
            f"{summary.failed} of {summary.structures} structures could not be predicted"
        )


def note_symmetry(found: list[list[SitePrediction]]) -> None:
    """Say once that equivalent sites are not marked where spglib is missing."""
    try:
        import spglib  # noqa: F401
    except ImportError:
        if any(len(sites) > 1 for sites in found):
            logger.info("spglib is not installed, so equivalent sites are not marked")

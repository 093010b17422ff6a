"""The command `explain`: which neighbours make a site's spectrum what it is."""

import json

from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError
from ..explanation.attribution import explain
from ..explanation.plot import plot_explanation
from ..explanation.tables import explanation_table, explanation_values
from ..runtime.atomic_files import file_digest, write_text_durably
from ..structures.files import named_structures
from .jobs import ExplainJob
from .outputs import check_outputs


def run(job: ExplainJob) -> None:
    """Explain one site; print the table and write JSON and a picture."""
    check_outputs(job.output, job.plot)
    model = TrainedModel.load(job.model)
    info, origin = model.info, model.provenance()
    structures = named_structures(job.structure)
    if len(structures) > 1:
        raise ConfigError(f"{job.structure}: holds {len(structures)} structures, one is wanted")
    ((name, atoms),) = structures
    if job.site is None:
        symbols = atoms.get_chemical_symbols()
        sites = [k for k, symbol in enumerate(symbols) if symbol == info.element]
        raise ConfigError(
            f"{job.structure}: which site? Give --site with one of {', '.join(map(str, sites))}"
        )
    found = explain(model, atoms, job.site, radius=job.radius)
    unit = info.unit or "unit not stated"
    print(f"{name}, site {job.site} ({atoms[job.site].symbol}), {job.model}")
    print(explanation_table(found, unit))
    if job.output is not None:
        values = {
            "kind": "explanation",
            "version": origin["version"],
            "model": {"name": model.name, "digest": f"sha256 {model.sha256}"},
            "provenance": origin,
            "structure": {"path": str(job.structure), "digest": file_digest(job.structure)},
            "site": job.site,
            "unit": info.unit,
            **explanation_values(found),
        }
        write_text_durably(job.output, json.dumps(values, indent=1) + "\n")
    if job.plot is not None:
        plot_explanation(found, job.plot, info.unit, info.reference_energy is None)

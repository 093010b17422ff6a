"""The command `explain`: which neighbours make a site's spectrum what it is."""

import json

from ..checkpoint import load_model
from ..data.structure import named_structures
from ..errors import ConfigError
from ..explanation.attribution import explain
from ..explanation.pictures import plot_explanation
from ..explanation.tables import explanation_table, explanation_values
from ..files.durable import file_digest, write_text_durably
from ..files.registry import model_path
from ..jobs import ExplainJob
from ..versions import package_version
from .outputs import check_outputs


def run(job: ExplainJob) -> None:
    """Explain one site; print the table and write JSON and a picture."""
    check_outputs(job.output, job.plot)
    model, info = load_model(job.model)
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
    found = explain(model, info, atoms, job.site, radius=job.radius)
    unit = info.unit or "unit not stated"
    print(f"{name}, site {job.site} ({atoms[job.site].symbol}), {job.model}")
    print(explanation_table(found, unit))
    if job.output is not None:
        values = {
            "kind": "explanation",
            "version": package_version("e3gnn-xanes"),
            "model": {"name": str(job.model), "digest": file_digest(model_path(job.model))},
            "structure": {"path": str(job.structure), "digest": file_digest(job.structure)},
            "site": job.site,
            "unit": info.unit,
            **explanation_values(found),
        }
        write_text_durably(job.output, json.dumps(values, indent=1) + "\n")
    if job.plot is not None:
        plot_explanation(found, job.plot, info.unit, info.reference_energy is None)

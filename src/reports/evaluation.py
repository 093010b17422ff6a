"""Page of a model against the calculations of a database."""

from pathlib import Path

from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.location import Location
from ..evaluation.evaluate import Comparison, choose_ids, evaluate, sites_of
from ..evaluation.metrics import Group
from ..runtime.atomic_files import write_text_durably
from .page import facts, figure, page, paragraph, section, table
from .site_map import site_map

WORST = 15
"""Sites and groups that are listed."""


def evaluation_page(
    model: Path, location: Location, ids: Path | None = None, chemiscope: Path | None = None
) -> str:
    """Errors, by element and coordination too, worst sites and a page of spectra.

    ``ids``: file of record ids; None: the model's validation part, else all. ``chemiscope``: file
    to write, see ``site_map``. Raises what ``evaluate`` and ``site_map`` do.
    """
    trained, database = TrainedModel.load(model), Database(location)
    names, chosen = choose_ids(ids, database, trained.info)
    compared = evaluate(trained, database, names)
    if chemiscope is not None:
        title = f"{model}, {chosen}"
        write_text_durably(chemiscope, site_map(compared, database, title))
    origin = [
        ("model", f"{model}, sha256 {trained.sha256}"),
        ("database", f"{database.path}, content {database.digest}"),
    ]
    caption = "Calculated and predicted spectra, from best to worst."
    seen = sites_of(trained.info.train_ids or [], names)
    sections = [
        section("Errors", *_errors(compared, chosen, len(seen))),
        section("Spectra", figure(lambda path: compared.plot(path, columns=2), caption)),
        section("Worst sites", _worst(compared)),
        _groups("element nearby", compared.elements),
        _groups("coordination", compared.coordination),
        section("Provenance", facts(origin)),
    ]
    return page(f"Evaluation of {model}", "Predicted against calculated spectra", sections)


def _errors(compared: Comparison, chosen: str, n_seen: int) -> list[str]:
    """Errors of spectra and of their features; a note if they are no test of the model."""
    result = compared.result
    figures = [
        ("records", chosen),
        ("energies", str(compared.axis)),
        ("unit", compared.labels.unit or "not stated"),
        ("mean squared error", f"{result.mean_mse:.6f}"),
        ("its median over sites", f"{result.median_mse:.6f}"),
        ("mean absolute error", f"{result.mae:.5f}"),
        ("mean squared error of the mean training spectrum", f"{result.baseline_mse:.6f}"),
    ]
    rows = [
        (name, error.sites, f"{error.mean_absolute:.4g}", f"{error.median_absolute:.4g}",
         f"{error.bias:.4g}")
        for name, error in compared.features.items()
    ]  # fmt: skip
    head = ("quantity", "sites", "mean absolute", "median absolute", "bias")
    note = (
        f"{n_seen} of these sites are of materials that the model was trained on; this is no test"
        " of the model."
    )
    return [*([paragraph(note, "note")] if n_seen else []), facts(figures), table(head, rows)]


def _worst(compared: Comparison) -> str:
    """The sites with the largest errors."""
    result, around = compared.result, compared.around
    order = sorted(range(len(result.ids)), key=lambda k: -result.mse[k])[:WORST]
    rows = [
        (result.ids[k], f"{result.mse[k]:.6f}", compared.formulas[k], around[k].coordination,
         " ".join(sorted(around[k].elements)))
        for k in order
    ]  # fmt: skip
    return table(("site", "mse", "formula", "coordination", "elements nearby"), rows)


def _groups(what: str, groups: list[Group]) -> str:
    """Groups of sites, the worst first."""
    rows = [(group.name, group.sites, f"{group.mse:.6f}") for group in groups[:WORST]]
    return section(f"By {what}", table((what, "sites", "mse"), rows))

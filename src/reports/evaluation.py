"""Page of a model against the calculations of a database."""

from pathlib import Path

from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.location import Location
from ..evaluation.environments import Group
from ..evaluation.evaluate import Comparison, choose_ids, evaluate
from .page import facts, figure, page, section, table

WORST = 15
"""Sites and groups that are listed."""


def evaluation_page(model: Path, location: Location, ids: Path | None = None) -> str:
    """Errors, by element and coordination too, worst sites and a page of spectra.

    Args:
        model: model file, training folder, or name of a model that ships with the package.
        location: database.
        ids: file of record ids; None: the model's validation part, else all.

    Returns:
        The page.

    Raises:
        XanesError: see ``evaluate``.
    """
    trained = TrainedModel.load(model)
    info = trained.info
    database = Database(location)
    names, chosen = choose_ids(ids, database, info)
    compared = evaluate(trained, database, names)
    result = compared.result
    figures = [
        ("records", chosen),
        ("energies", str(compared.axis)),
        ("unit", info.unit or "not stated"),
        ("mean squared error", f"{result.mean_mse:.6f}"),
        ("its median over sites", f"{result.median_mse:.6f}"),
        ("mean absolute error", f"{result.mae:.5f}"),
        ("of the mean training spectrum", f"{result.baseline_mse:.6f}"),
    ]
    features = [
        (name, error.sites, *(f"{value:.4g}" for value in
         (error.mean_absolute, error.median_absolute, error.bias)))
        for name, error in compared.features.items()
    ]  # fmt: skip
    feature_head = ("quantity", "sites", "mean absolute", "median absolute", "bias")
    origin = [
        ("model", f"{model}, sha256 {trained.sha256}"),
        ("database", f"{database.path}, content {database.digest}"),
    ]
    sections = [
        section("Errors", facts(figures), table(feature_head, features)),
        section(
            "Spectra",
            figure(compared.plot, "Calculated and predicted spectra, from best to worst."),
        ),
        section("Worst sites", _worst(compared)),
        _groups("element nearby", compared.elements),
        _groups("coordination", compared.coordination),
        section("Provenance", facts(origin)),
    ]
    return page(f"Evaluation of {model}", "Predicted against calculated spectra", sections)


def _worst(compared: Comparison) -> str:
    """The sites with the largest errors."""
    result, around = compared.result, compared.around
    order = sorted(range(len(result.ids)), key=lambda k: -result.mse[k])[:WORST]
    rows = [
        (result.ids[k], f"{result.mse[k]:.6f}", around[k].coordination,
         " ".join(sorted(around[k].elements)))
        for k in order
    ]  # fmt: skip
    return table(("site", "mse", "coordination", "elements nearby"), rows)


def _groups(what: str, groups: list[Group]) -> str:
    """Groups of sites, the worst first."""
    rows = [(group.name, group.sites, f"{group.mse:.6f}") for group in groups[:WORST]]
    return section(f"By {what}", table((what, "sites", "mse"), rows))

"""Page of a model against the calculations of a database."""

from pathlib import Path

from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.location import Location
from ..evaluation.evaluate import Comparison, choose_ids, evaluate
from ..evaluation.table import Group
from ..plot import plot_predictions
from ..xas.features import FEATURES
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
    half = None if compared.bands is None else compared.bands.half_width

    def draw(path: Path) -> None:
        plot_predictions(
            *(result.ids, compared.axis.energy, compared.prediction, compared.target, path),
            mask=compared.mask,
            unit=info.unit,
            relative=info.reference_energy is None,
            half_width=half,
        )

    sections = [
        section("Errors", facts(figures), *_feature_table(compared)),
        section("Spectra", figure(draw, "Calculated and predicted spectra, from best to worst.")),
        section("Worst sites", _worst(compared)),
        *(
            section(f"By {what}", table((what, "sites", "mse"), _groups(groups)))
            for what, groups in (
                ("element nearby", compared.details.elements),
                ("coordination", compared.details.coordination),
            )
        ),
        section(
            "Provenance",
            facts(
                [
                    ("model", f"{model}, sha256 {trained.sha256}"),
                    ("database", f"{database.path}, content {database.digest}"),
                ]
            ),
        ),
    ]
    return page(f"Evaluation of {model}", "Predicted against calculated spectra", sections)


def _feature_table(compared: Comparison) -> list[str]:
    """Errors of e0, white line and moments."""
    found = compared.details.features
    rows = [
        (name, found[name].sites, *(f"{getattr(found[name], kind):.4g}" for kind in
         ("mean_absolute", "median_absolute", "bias")))
        for name in FEATURES
    ]  # fmt: skip
    return [table(("quantity", "sites", "mean absolute", "median absolute", "bias"), rows)]


def _worst(compared: Comparison) -> str:
    """The sites with the largest errors."""
    result, around = compared.result, compared.details.around
    order = sorted(range(len(result.ids)), key=lambda k: -result.mse[k])[:WORST]
    rows = [
        (result.ids[k], f"{result.mse[k]:.6f}", around[k].coordination,
         " ".join(sorted(around[k].elements)))
        for k in order
    ]  # fmt: skip
    return table(("site", "mse", "coordination", "elements nearby"), rows)


def _groups(groups: list[Group]) -> list[tuple[object, ...]]:
    """Rows of groups of sites, the worst first."""
    return [(group.name, group.sites, f"{group.mse:.6f}") for group in groups[:WORST]]

"""Pages of what ``compare`` and ``fit`` wrote as JSON."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..comparison.fit import Bounds, Fit
from ..comparison.linear_combination import Common, Mixture
from ..comparison.plot import plot_mixture, plot_ranking
from ..comparison.ranking import Ranking
from ..comparison.tables import (
    OF_COMPONENTS,
    describe_errors,
    describe_limits,
    fit_cells,
    mixture_cells,
)
from ..errors import ConfigError
from ..xas.spectrum import Spectrum
from .page import facts, figure, page, paragraph, section, table


def result_page(path: Path) -> str:
    """Page of a JSON file that ``compare -o`` or ``fit -o`` wrote.

    Raises:
        ConfigError: it is not such a file, or a value is missing or of a wrong kind.
    """
    try:
        values = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON ({error})") from error
    kind = values.get("kind") if isinstance(values, dict) else None
    pages = {"comparison": comparison_page, "mixture": mixture_page}
    if kind not in pages:
        raise ConfigError(f"{path}: its `kind` is {kind!r}, expected one of {', '.join(pages)}")
    try:
        return pages[kind](values)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ConfigError(f"{path}: a {kind} with a value missing or wrong ({error!r})") from error


def comparison_page(values: dict[str, Any]) -> str:
    """Ranking of structures against a measurement."""
    candidates = values["candidates"]
    fits = [_fit(one) for one in candidates]
    bounds = Bounds(**values["bounds"])
    ranking = Ranking(values["measure"], _spectrum(values), fits, bounds, values["first_in_draws"])
    head = "candidate", "shift (eV)", "broadening (eV)", "scale", "weight", *fits[0].measures
    rows = [(*fit_cells(fit), ", ".join(fit.at_bound) or "none") for fit in fits]
    novel = [
        (one["name"], ", ".join(k for k, site in one["sites"].items() if site["novel"]) or "none",
         ", ".join(sorted({e for site in one["sites"].values() for e in site["unseen"]})) or "none")
        for one in candidates
    ]  # fmt: skip
    labels = {one["name"]: one.get("label", one["name"]) for one in candidates}
    known = ("candidate", "sites unlike the training set", "elements absent from it")
    model = ("model", f"{values['model']['name']}, {values['model']['digest']}")
    library = [("library", values["library"])] if values.get("library") else []
    sections = [
        section("Answer", paragraph(values["verdict"], "verdict")),
        section(
            "Ranking",
            table((*head, "at bound"), rows),
            *(paragraph(f"{line}.", "note") for line in describe_limits(ranking)),
            figure(lambda path: plot_ranking(ranking, path, labels), "Measurement and fits."),
        ),
        section("What the model knows", table(known, novel)),
        section(
            "Provenance", facts([model, *library, *values["structures"].items(), *_origin(values)])
        ),
    ]
    name = Path(values["measured_file"]["path"]).name
    return page(f"Which structure is {name}?", "Comparison", sections)


def mixture_page(values: dict[str, Any]) -> str:
    """A measurement as a mixture."""
    names = [part["name"] for part in values["components"]]
    columns: dict[str, Any] = {}
    for name, key in OF_COMPONENTS.items():
        column = [part.get(key) for part in values["components"]]
        columns[name] = None if None in column else np.array(column)
    mixture = Mixture(
        fitted=np.array(values["fitted"]),
        r_factor=values["r_factor"],
        correlation_points=values["correlation_points"],
        common=Common(**values["common"]) if values.get("common") else None,
        **columns,
    )
    measured = _spectrum(values)
    figures = [
        ("sum", f"{mixture.fractions.sum():.4f}"),
        ("R-factor", f"{mixture.r_factor:.3g}"),
        ("correlation length of the residuals", f"{mixture.correlation_points:.1f} points"),
    ]
    if mixture.common is not None:
        figures += [
            ("common shift", f"{mixture.common.shift:.2f} eV"),
            ("broadening", f"{mixture.common.broadening:.1f} eV"),
        ]
    head = ("component", "fraction", "error", "by bootstrap", "of the model", "shift (eV)")
    sections = [
        section(
            "Fractions",
            table(head, mixture_cells(names, mixture)),
            facts(figures),
            *(paragraph(f"{line}.", "note") for line in describe_errors(mixture)),
            figure(
                lambda path: plot_mixture(measured, names, mixture, path),
                "The measurement, the mixture and its components.",
            ),
        ),
        section("Provenance", facts(_origin(values))),
    ]
    name = Path(values["measured_file"]["path"]).name
    return page(f"What is in {name}?", "Linear combination", sections)


def _origin(values: dict[str, Any]) -> list[tuple[str, object]]:
    """The measurement, checksums, versions and commands."""
    measured, stated = values["measured_file"], values["provenance"]
    return [
        ("measurement", f"{measured['path']}, {measured['digest']}"),
        ("e0", f"{measured['e0']:.2f} eV"),
        *((name.replace("_", " "), stated[name]) for name in stated if name != "model"),
    ]


def _spectrum(values: dict[str, Any]) -> Spectrum:
    energy, mu = np.array(values["energy"]), np.array(values["measured"])
    return Spectrum(energy=energy, mu=mu, e0=values["measured_file"]["e0"])


def _fit(values: dict[str, Any]) -> Fit:
    """A candidate's fit; null stands for NaN."""
    half, measures = values["half_width"], values["measures"]
    arrays = {
        "measures": {k: np.nan if value is None else value for k, value in measures.items()},
        "fitted": np.array(values["fitted"]),
        "half_width": None if half is None else np.array(half, dtype=float),
    }
    known = {field.name: values[field.name] for field in fields(Fit) if field.name in values}
    return Fit(**known | arrays)

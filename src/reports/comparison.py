"""Pages of what ``compare`` and ``fit`` wrote as JSON."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..comparison.fit import Bounds, Fit
from ..comparison.linear_combination import Mixture
from ..comparison.plot import plot_mixture, plot_ranking
from ..comparison.ranking import Ranking
from ..comparison.tables import fit_cells, mixture_cells
from ..errors import ConfigError
from ..xas.spectrum import Spectrum
from .page import facts, figure, page, paragraph, section, table

KINDS = ("comparison", "mixture")
"""What `kind` of a file may be."""


def result_page(path: Path) -> str:
    """Page of a result.

    Args:
        path: JSON that ``compare -o`` or ``fit -o`` wrote.

    Returns:
        The page.

    Raises:
        ConfigError: no such JSON, or a value of it is missing or of a wrong kind.
    """
    try:
        values = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON ({error})") from error
    kind = values.get("kind") if isinstance(values, dict) else None
    if kind not in KINDS:
        raise ConfigError(f"{path}: its `kind` is {kind!r}, expected one of {', '.join(KINDS)}")
    try:
        return comparison_page(values) if kind == "comparison" else mixture_page(values)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ConfigError(f"{path}: a {kind} with a value missing or wrong ({error!r})") from error


def comparison_page(values: dict[str, Any]) -> str:
    """Ranking of structures against a measurement."""
    measured, candidates = values["measured_file"], values["candidates"]
    fits = [_fit(one) for one in candidates]
    bounds = Bounds(**{name: tuple(pair) for name, pair in values["bounds"].items()})
    ranking = Ranking(values["measure"], _spectrum(values), fits, bounds, values["first_in_draws"])
    head = ("candidate", "shift (eV)", "broadening (eV)", "scale", *fits[0].measures)
    rows = [(*fit_cells(fit), ", ".join(fit.at_bound) or "none") for fit in fits]
    novel = [
        (one["name"], ", ".join(k for k, site in one["sites"].items() if site["novel"]) or "none",
         ", ".join(sorted({e for site in one["sites"].values() for e in site["unseen"]})) or "none")
        for one in candidates
    ]  # fmt: skip
    known = table(("candidate", "sites unlike its training", "elements never seen"), novel)
    origin = [
        ("measurement", measured["path"]),
        ("e0", f"{measured['e0']:.2f} eV, edge step {measured['edge_step']:.4g}"),
        ("model", f"{values['model']['name']}, {values['model']['digest']}"),
        *values["structures"].items(),
        *_origin(values),
    ]
    sections = [
        section("Answer", paragraph(values["verdict"], "verdict")),
        section(
            "Ranking",
            table((*head, "bound reached"), rows),
            paragraph("Of all measures less is more alike.", "note"),
            figure(lambda path: plot_ranking(ranking, path), "The measurement and each fit."),
        ),
        section("What the model knows", known),
        section("Provenance", facts(origin)),
    ]
    return page(f"Which structure is {Path(measured['path']).name}?", "Comparison", sections)


def mixture_page(values: dict[str, Any]) -> str:
    """A measurement as a mixture."""
    measured, parts = values["measured_file"], values["components"]
    names, fractions, errors, spread, shifts, spectra = (
        [part[key] for part in parts]
        for key in ("name", "fraction", "error", "bootstrap", "shift", "mu")
    )
    mixture = Mixture(
        np.array(fractions),
        np.array(errors),
        None if None in spread else np.array(spread),
        np.array(values["fitted"]),
        values["r_factor"],
        values["correlation_points"],
    )
    figures = [
        ("sum", f"{mixture.fractions.sum():.4f}"),
        ("R-factor", f"{mixture.r_factor:.3g}"),
        ("points over which residuals go together", f"{mixture.correlation_points:.1f}"),
    ]
    origin = [
        ("measurement", measured["path"]),
        ("e0", f"{measured['e0']:.2f} eV"),
        *_origin(values),
    ]
    drawn = _spectrum(values), names, np.array(spectra), mixture
    head = ("component", "fraction", "error", "by bootstrap", "shift (eV)")
    sections = [
        section(
            "Fractions",
            table(head, mixture_cells(names, mixture, shifts)),
            facts(figures),
            figure(
                lambda path: plot_mixture(*drawn, path),
                "The measurement, the mixture and its parts.",
            ),
        ),
        section("Provenance", facts(origin)),
    ]
    return page(f"What is in {Path(measured['path']).name}?", "Linear combination", sections)


def _origin(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Checksums, version and commands of a result; of files of version 0.1 there are none."""
    stated = values.get("provenance") or {}
    digest = values["measured_file"].get("digest")
    return [
        *([("measurement's file", str(digest))] if digest else []),
        *((name.replace("_", " "), str(stated[name])) for name in stated if name != "model"),
    ]


def _spectrum(values: dict[str, Any]) -> Spectrum:
    """The measurement of a result."""
    energy, mu = np.array(values["energy"]), np.array(values["measured"])
    return Spectrum(energy=energy, mu=mu, e0=values["measured_file"]["e0"])


def _fit(values: dict[str, Any]) -> Fit:
    """A candidate's fit."""
    half = values["half_width"]
    arrays = {
        "fitted": np.array(values["fitted"]),
        "half_width": None if half is None else np.array(half, dtype=float),
    }
    return Fit(**{field.name: values[field.name] for field in fields(Fit)} | arrays)

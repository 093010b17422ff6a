"""Pages of what ``compare``, ``fit`` and ``explain`` wrote as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..comparison.fit import Bounds, Fit
from ..comparison.linear_combination import Mixture
from ..comparison.plot import plot_mixture, plot_ranking
from ..comparison.ranking import Ranking
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
    measured, measure = values["measured_file"], values["measure"]
    spectrum = _spectrum(values)
    fits = [_fit(one) for one in values["candidates"]]
    bounds = Bounds(**{name: tuple(pair) for name, pair in values["bounds"].items()})
    ranking = Ranking(
        measure=measure,
        measured=spectrum,
        fits=fits,
        bounds=bounds,
        first_in_draws=values["first_in_draws"],
    )
    names = list(fits[0].measures)
    rows = [
        (f.name, f"{f.shift:.2f}", f"{f.broadening:.2f}", f"{f.scale:.3f}",
         *(f"{f.measures[name]:.5f}" for name in names), ", ".join(f.at_bound) or "none")
        for f in fits
    ]  # fmt: skip
    head = ("candidate", "shift (eV)", "broadening (eV)", "scale", *names, "bound reached")
    novel = [
        (one["name"], ", ".join(k for k, site in one["sites"].items() if site["novel"]) or "none",
         ", ".join(sorted({e for site in one["sites"].values() for e in site["unseen"]})) or "none")
        for one in values["candidates"]
    ]  # fmt: skip
    files = [(str(name), str(digest)) for name, digest in values["structures"].items()]
    sections = [
        section("Answer", paragraph(values["verdict"], "verdict")),
        section(
            "Ranking",
            table(head, rows),
            paragraph("Of all measures less is more alike.", "note"),
            figure(lambda path: plot_ranking(ranking, path), "The measurement and each fit."),
        ),
        section(
            "What the model knows",
            table(("candidate", "sites unlike its training", "elements never seen"), novel),
        ),
        section(
            "Provenance",
            facts(
                [
                    ("measurement", measured["path"]),
                    ("e0", f"{measured['e0']:.2f} eV, edge step {measured['edge_step']:.4g}"),
                    ("model", f"{values['model']['name']}, {values['model']['digest']}"),
                    *files,
                    *origin(values),
                ]
            ),
        ),
    ]
    return page(f"Which structure is {Path(measured['path']).name}?", "Comparison", sections)


def mixture_page(values: dict[str, Any]) -> str:
    """A measurement as a mixture."""
    measured, parts = values["measured_file"], values["components"]
    spread = [part["bootstrap"] for part in parts]
    mixture = Mixture(
        fractions=np.array([part["fraction"] for part in parts]),
        errors=np.array([part["error"] for part in parts]),
        bootstrap=None if None in spread else np.array(spread),
        fitted=np.array(values["fitted"]),
        r_factor=values["r_factor"],
        correlation_points=values["correlation_points"],
    )
    names = [str(part["name"]) for part in parts]
    spectra = np.array([part["mu"] for part in parts])
    spectrum = _spectrum(values)
    rows = [
        (part["name"], f"{part['fraction']:.4f}", f"{part['error']:.4f}",
         "" if part["bootstrap"] is None else f"{part['bootstrap']:.4f}", f"{part['shift']:.2f}")
        for part in parts
    ]  # fmt: skip
    sections = [
        section(
            "Fractions",
            table(("component", "fraction", "error", "by bootstrap", "shift (eV)"), rows),
            facts(
                [
                    ("sum", f"{mixture.fractions.sum():.4f}"),
                    ("R-factor", f"{mixture.r_factor:.3g}"),
                    ("points over which residuals go together",
                     f"{mixture.correlation_points:.1f}"),
                ]
            ),
            figure(lambda path: plot_mixture(spectrum, names, spectra, mixture, path),
                   "The measurement, the mixture and its parts."),
        ),
        section(
            "Provenance",
            facts(
                [
                    ("measurement", measured["path"]),
                    ("e0", f"{measured['e0']:.2f} eV"),
                    *origin(values),
                ]
            ),
        ),
    ]  # fmt: skip
    return page(f"What is in {Path(measured['path']).name}?", "Linear combination", sections)


def origin(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Checksums, version and commands of a result; of files of version 0.1 there are none."""
    told = values.get("provenance") or {}
    digest = values["measured_file"].get("digest")
    return [
        *([("measurement's file", str(digest))] if digest else []),
        *((name.replace("_", " "), str(told[name])) for name in told if name != "model"),
    ]


def _spectrum(values: dict[str, Any]) -> Spectrum:
    """The measurement of a result."""
    where = values["measured_file"]
    return Spectrum(
        energy=np.array(values["energy"]), mu=np.array(values["measured"]), e0=where["e0"]
    )


def _fit(values: dict[str, Any]) -> Fit:
    """A candidate's fit."""
    half = values["half_width"]
    return Fit(
        name=str(values["name"]),
        shift=values["shift"],
        broadening=values["broadening"],
        scale=values["scale"],
        at_bound=tuple(values["at_bound"]),
        fitted=np.array(values["fitted"]),
        half_width=None if half is None else np.array(half, dtype=float),
        measures=values["measures"],
    )

"""Comparisons and mixtures as text, and as values for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..xas.measured import measured_digest
from ..xas.normalization import Normalized
from ..xas.spectrum import Spectrum
from .candidates import Candidate
from .fit import WIDER, Fit
from .linear_combination import Mixture
from .ranking import Ranking

POOR = 0.02
"""An R-factor above this means that the fit does not describe the measurement."""
SURE = 0.95
"""A lead that persists in this fraction of the draws exceeds the model's own uncertainty."""

OF_COMPONENTS = {"fractions": "fraction", "errors": "error", "bootstrap": "bootstrap",
                 "model_errors": "model_error", "shifts": "shift", "components": "mu"}  # fmt: skip
"""Arrays of a ``Mixture``, and what a component's value is called in JSON."""


def fit_cells(fit: Fit) -> list[str]:
    """Candidate, shift and broadening (eV), scale, weight and metrics, as tables show them."""
    parameters = f"{fit.shift:.2f}", f"{fit.broadening:.1f}", f"{fit.scale:.3f}"
    weight = f"{fit.weight:.2f}" if fit.weight < 1e4 else f"{fit.weight:.0e}"
    return [fit.name, *parameters, weight, *(f"{v:.5f}" for v in fit.measures.values())]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table: the name on the left, cut to its width, then numbers."""
    numbers = zip(cells[1:], widths[1:], strict=True)
    name = f"{cells[0][: widths[0]]:{widths[0]}s}"
    return " ".join([name, *(f"{cell:>{width}s}" for cell, width in numbers)])


def ranking_table(ranking: Ranking, candidates: Sequence[Candidate], top: int = 20) -> str:
    """Candidates, the most similar first, ``top`` at most, with their parameters and metrics.

    Names what was compared, who is at a bound, and which of them are unlike the training set.
    """
    fits = ranking.fits[:top]
    names = list(fits[0].measures)
    widths = [max(16, *(min(len(fit.name), 32) for fit in fits)), 7, 6, 6, 7, *(14 for _ in names)]
    head = ["candidate", "shift", "broad", "scale", "weight", *names]
    lines = [_line(row, widths) for row in [head, *map(fit_cells, fits)]]
    if rest := len(ranking.fits) - len(fits):
        lines.append(f"and {rest} more")
    lines += describe_limits(ranking)
    if stopped := [f"{fit.name} ({', '.join(fit.at_bound)})" for fit in fits if fit.at_bound]:
        lines.append(f"at a bound: {', '.join(stopped)}")
    unlike = {c.name for c in candidates if any(s.novel or s.unseen for s in c.sites)}
    if doubtful := [fit.name for fit in fits if fit.name in unlike]:
        lines.append(
            f"less reliable, unlike anything the model was trained on: {', '.join(doubtful)}"
        )
    return "\n".join(lines)


def describe_limits(ranking: Ranking) -> list[str]:
    """What was compared, within which limits, and what the weight is, one line each."""
    bounds, energy = ranking.bounds, ranking.measured.energy
    lines = [
        f"{energy[0]:.1f} to {energy[-1]:.1f} eV compared, {len(energy)} points; shift"
        f" {bounds.shift[0]:.2f} to {bounds.shift[1]:.2f} eV, broadening {bounds.broadening[0]:g}"
        f" to {bounds.broadening[1]:g} eV (a bound that is reached is moved by {WIDER:g} eV once),"
        f" scale {bounds.scale[0]:g} to {bounds.scale[1]:g}"
    ]
    if bounds.expected is None:
        weight = "the model knows no expected shift, so every shift counts the same"
    else:
        expected, spread = bounds.expected
        weight = (
            f"a shift of {expected:.1f} +- {spread:.1f} eV is expected; the order is by"
            f" {ranking.measure} times weight, which grows with the distance from it"
        )
    return [*lines, f"{weight}; for all metrics, lower means more similar"]


def verdict(ranking: Ranking) -> str:
    """How far the best candidate leads, and whether that exceeds the model's own uncertainty.

    That is a ranking of the candidates and no identification: without the true structure another
    one leads, often as clearly.
    """
    best, r_factor = ranking.fits[0], ranking.fits[0].measures["r_factor"]
    if best.stopped:
        return (
            f"{best.name} comes first, but its {best.stopped} is at its bound, so this is no"
            " answer; choose other bounds, or other candidates"
        )
    text = f"{best.name} is the only candidate"
    if ranking.lead is not None:
        metric = ("" if ranking.bounds.expected is None else "weighted ") + ranking.measure
        text = (
            f"{best.name} leads the {len(ranking.fits)} candidates: {metric} of"
            f" {ranking.fits[1].name} is {ranking.lead:.2f} times as large; "
        )
        first = ranking.first_in_draws
        if first is None:
            text += "the model is not calibrated, so the significance of the lead is unknown"
        else:
            text += f"it stays first in {first:.0%} of draws of the model's errors: "
            text += (
                "beyond the model's own uncertainty"
                if first >= SURE
                else "within the model's own uncertainty, so the ranking is not significant"
            )
    text += ". This only ranks the given candidates; the true structure may not be among them"
    if r_factor > POOR:
        text += f", and an R-factor of {r_factor:.3f}, above {POOR:g}, suggests that it is not"
    return text


def ranking_values(ranking: Ranking, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """All of a ranking for JSON."""
    known = {
        candidate.name: {
            "label": candidate.label,
            "sites": {
                str(site.site): {
                    "equivalent": site.equivalent, "novel": site.novel, "unseen": site.unseen,
                    "reasons": site.reasons,
                }
                for site in candidate.sites
            },
        }
        for candidate in candidates
    }  # fmt: skip
    return {
        "measure": ranking.measure,
        "lead": ranking.lead,
        "first_in_draws": ranking.first_in_draws,
        "verdict": verdict(ranking),
        "bounds": vars(ranking.bounds),
        "energy": ranking.measured.energy,
        "measured": ranking.measured.mu,
        "candidates": [{**vars(fit), **known[fit.name]} for fit in ranking.fits],
    }


def measured_values(path: Path, measured: Normalized) -> dict[str, Any]:
    """The file of a measurement and what it contains, for JSON."""
    return {
        "path": str(path),
        "digest": measured_digest(path),
        "columns": measured.norm.made_from,
        "e0": measured.e0,
        "edge_step": measured.edge_step,
        "element": measured.norm.element,
        "edge": measured.norm.edge,
    }


def mixture_cells(names: Sequence[str], mixture: Mixture) -> list[list[str]]:
    """Component, fraction, its three errors and shift (eV), as tables show them."""
    columns = (mixture.fractions, mixture.errors, mixture.bootstrap, mixture.model_errors)
    return [
        [
            name,
            *("" if values is None else f"{values[k]:.4f}" for values in columns),
            f"{mixture.shifts[k]:.2f}",
        ]
        for k, name in enumerate(names)
    ]


def mixture_table(names: Sequence[str], mixture: Mixture, max_shift: float) -> str:
    """Fractions with their errors, what these are, and what makes the fractions doubtful.

    Args:
        names: of the components.
        mixture: the fit.
        max_shift: largest shift of a component, eV; for predictions relative to the common one.
    """
    head = ["component", "fraction", "+-", "bootstrap", "model", "shift"]
    lines = [_line(row, (20, 9, 7, 9, 7, 7)) for row in [head, *mixture_cells(names, mixture)]]
    lines += [f"sum {mixture.fractions.sum():.4f}, R-factor {mixture.r_factor:.3g}"]
    common, relative, warnings = mixture.common, mixture.shifts, []
    if common is not None:
        lines.append(
            f"common shift {common.shift:.2f} eV, broadening {common.broadening:.1f} eV; the"
            f" shifts above are total ones, within {max_shift:g} eV of the common one"
        )
        relative = relative - common.shift
        warnings = [f"common {name} is at its bound" for name in common.at_bound]
    at_bound = (mixture.fractions > 0) & (np.abs(relative) >= max_shift - 1e-9) & (max_shift > 0)
    warnings += [f"{names[k]}: shift is at its bound" for k in map(int, np.flatnonzero(at_bound))]
    if mixture.r_factor > POOR:
        warnings.append(
            f"R-factor above {POOR:g}: the components do not describe the measurement, so the"
            " fractions mean little"
        )
    lines += [*describe_errors(mixture), *(f"warning: {warning}" for warning in warnings)]
    return "\n".join(lines)


def describe_errors(mixture: Mixture) -> list[str]:
    """What the errors of the fractions are."""
    lines = [
        "+-: one standard deviation from the residuals, which are correlated over"
        f" {mixture.correlation_points:.1f} points, at these shifts"
    ]
    if mixture.bootstrap is not None:
        lines.append("bootstrap: the same from resampled residuals")
    if mixture.model_errors is not None:
        lines.append("model: one standard deviation over draws of the model's errors")
    elif mixture.common is not None:
        lines.append("the model's own errors are not included, since it is not calibrated")
    return lines


def mixture_values(measured: Spectrum, names: Sequence[str], mixture: Mixture) -> dict[str, Any]:
    """All of a mixture for JSON."""
    columns = {key: getattr(mixture, name) for name, key in OF_COMPONENTS.items()}
    return {
        "energy": measured.energy,
        "measured": measured.mu,
        "r_factor": mixture.r_factor,
        "correlation_points": mixture.correlation_points,
        "fitted": mixture.fitted,
        "common": None if mixture.common is None else vars(mixture.common),
        "components": [
            {"name": name, **{key: v if v is None else v[k] for key, v in columns.items()}}
            for k, name in enumerate(names)
        ],
    }

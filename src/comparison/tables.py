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


def ranking_table(ranking: Ranking, top: int = 20) -> str:
    """Candidates, the most similar first, ``top`` at most, with their parameters and metrics."""
    fits, names = ranking.fits[:top], list(ranking.fits[0].measures)
    widths = [max(16, *(min(len(fit.name), 32) for fit in fits)), 7, 6, 6, 7, *(14 for _ in names)]
    head = ["candidate", "shift", "broad", "scale", "weight", *names]
    rest = len(ranking.fits) - len(fits)
    stopped = [f"{fit.name} ({', '.join(fit.at_bound)})" for fit in fits if fit.at_bound]
    return "\n".join([
        *(_line(row, widths) for row in [head, *map(fit_cells, fits)]),
        *([f"and {rest} more"] if rest else []),
        *describe_limits(ranking),
        *([f"at a bound: {', '.join(stopped)}"] if stopped else []),
    ])  # fmt: skip


def unlike_training(ranking: Ranking, candidates: Sequence[Candidate], top: int) -> list[str]:
    """Names of the first candidates with sites that are unlike the training set."""
    doubtful = {c.name for c in candidates if any(s.novel or s.unseen for s in c.sites)}
    return [fit.name for fit in ranking.fits[:top] if fit.name in doubtful]


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
    """How far the best candidate leads, and whether that exceeds the model's own uncertainty."""
    best, poor = ranking.fits[0], ""
    if best.stopped:
        return (
            f"{best.name} comes first, but its {best.stopped} is at its bound, so this is no"
            " answer; choose other bounds, or other candidates"
        )
    if best.measures["r_factor"] > POOR:
        poor = (
            f". Its R-factor {best.measures['r_factor']:.3f} is above {POOR:g}: perhaps the"
            " structure of the scan is not among the candidates"
        )
    if ranking.lead is None:
        return f"{best.name} is the only candidate{poor}"
    second, first = ranking.fits[1].name, ranking.first_in_draws
    metric = ranking.measure if ranking.bounds.expected is None else f"weighted {ranking.measure}"
    text = f"{best.name} leads: {metric} of {second} is {ranking.lead:.2f} times as large"
    if first is None:
        unknown = "the model is not calibrated, so the significance of the lead is unknown"
        return f"{text}; {unknown}{poor}"
    text += f"; it stays first in {first:.0%} of draws of the model's errors"
    if first >= SURE:
        return f"{text}: beyond the model's own uncertainty{poor}"
    return f"{text}: within the model's own uncertainty, so the ranking is not significant{poor}"


def ranking_values(ranking: Ranking, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """All of a ranking for JSON."""
    sites = {
        candidate.name: {
            str(site.site): {
                "equivalent": site.equivalent, "novel": site.novel, "unseen": site.unseen,
                "reasons": site.reasons,
            }
            for site in candidate.sites
        }
        for candidate in candidates
    }  # fmt: skip
    labels = {candidate.name: candidate.label for candidate in candidates}
    return {
        "measure": ranking.measure,
        "lead": ranking.lead,
        "first_in_draws": ranking.first_in_draws,
        "verdict": verdict(ranking),
        "bounds": vars(ranking.bounds),
        "energy": ranking.measured.energy,
        "measured": ranking.measured.mu,
        "candidates": [
            {**vars(fit), "label": labels[fit.name], "sites": sites[fit.name]}
            for fit in ranking.fits
        ],
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
    """Component, fraction, its errors by ``error_names`` and shift (eV), as tables show them."""
    errors = mixture.errors, mixture.bootstrap, mixture.model_errors
    return [
        [name, f"{mixture.fractions[k]:.4f}",
         *("" if error is None else f"{error[k]:.4f}" for error in errors),
         f"{mixture.shifts[k]:.2f}"]
        for k, name in enumerate(names)
    ]  # fmt: skip


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
    if mixture.common is not None:
        lines.append(
            f"common shift {mixture.common.shift:.2f} eV, broadening"
            f" {mixture.common.broadening:.1f} eV; the shifts above are total ones, within"
            f" {max_shift:g} eV of the common one"
        )
    return "\n".join([*lines, *describe_errors(mixture), *doubts(names, mixture, max_shift)])


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


def doubts(names: Sequence[str], mixture: Mixture, max_shift: float) -> list[str]:
    """Warnings: parameters at a bound, and a fit that does not describe the measurement."""
    common = mixture.common
    lines = (
        [f"warning: common {name} is at its bound" for name in common.at_bound] if common else []
    )
    relative = mixture.shifts - (common.shift if common else 0.0)
    at_bound = (mixture.fractions > 0) & (np.abs(relative) >= max_shift - 1e-9) & (max_shift > 0)
    lines += [
        f"warning: {names[k]}: shift is at its bound" for k in map(int, np.flatnonzero(at_bound))
    ]
    if mixture.r_factor > POOR:
        lines.append(
            f"warning: R-factor above {POOR:g}: the components do not describe the measurement, so"
            " the fractions mean little"
        )
    return lines


def mixture_values(measured: Spectrum, names: Sequence[str], mixture: Mixture) -> dict[str, Any]:
    """All of a mixture for JSON."""
    resampled, of_model = mixture.bootstrap, mixture.model_errors
    return {
        "energy": measured.energy,
        "measured": measured.mu,
        "r_factor": mixture.r_factor,
        "correlation_points": mixture.correlation_points,
        "fitted": mixture.fitted,
        "common": None if mixture.common is None else vars(mixture.common),
        "components": [
            {
                "name": name,
                "fraction": mixture.fractions[k],
                "error": mixture.errors[k],
                "bootstrap": None if resampled is None else resampled[k],
                "model_error": None if of_model is None else of_model[k],
                "shift": mixture.shifts[k],
                "mu": mixture.components[k],
            }
            for k, name in enumerate(names)
        ],
    }

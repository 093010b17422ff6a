"""Comparisons and mixtures as text, and as values for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..xas.measured import measured_digest
from ..xas.normalization import Normalized
from ..xas.spectrum import Spectrum
from .fit import Fit
from .linear_combination import Mixture
from .ranking import Candidate, Ranking

SURE = 0.95
"""A lead that persists in this fraction of the draws exceeds the model's own uncertainty."""


def fit_cells(fit: Fit) -> list[str]:
    """Candidate, shift and broadening (eV), scale and metrics of a fit, as tables show them."""
    parameters = f"{fit.shift:.2f}", f"{fit.broadening:.2f}", f"{fit.scale:.3f}"
    return [fit.name, *parameters, *(f"{value:.5f}" for value in fit.measures.values())]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table: the name on the left, cut to its width, then numbers."""
    numbers = zip(cells[1:], widths[1:], strict=True)
    name = f"{cells[0][: widths[0]]:{widths[0]}s}"
    return " ".join([name, *(f"{cell:>{width}s}" for cell, width in numbers)])


def ranking_table(ranking: Ranking) -> str:
    """Candidates, the most similar first, with their parameters and metrics."""
    names = list(ranking.fits[0].measures)
    widths = [16, 7, 6, 6, *(14 for _ in names)]
    rows = [["candidate", "shift", "broad", "scale", *names], *map(fit_cells, ranking.fits)]
    bounds, energy = ranking.bounds, ranking.measured.energy
    return "\n".join([
        *(_line(row, widths) for row in rows),
        f"shift {bounds.shift[0]:.2f} to {bounds.shift[1]:.2f} eV, broadening"
        f" {bounds.broadening[0]:g} to {bounds.broadening[1]:g} eV, scale {bounds.scale[0]:g} to"
        f" {bounds.scale[1]:g}; {energy[0]:.1f} to {energy[-1]:.1f} eV, {len(energy)} points; for"
        " all metrics, lower means more similar",
        *(f"{fit.name}: at its bound: {', '.join(fit.at_bound)}" for fit in ranking.fits
          if fit.at_bound),
    ])  # fmt: skip


def verdict(ranking: Ranking) -> str:
    """How far the best candidate leads, and whether that exceeds the model's own uncertainty."""
    best = ranking.fits[0].name
    if ranking.lead is None:
        return f"{best} is the only candidate"
    second, first = ranking.fits[1].name, ranking.first_in_draws
    text = f"{best} leads: {ranking.measure} of {second} is {ranking.lead:.2f} times as large"
    if first is None:
        return f"{text}; the model is not calibrated, so the significance of the lead is unknown"
    text += f"; it stays first in {first:.0%} of draws of the model's errors"
    if first >= SURE:
        return f"{text}: beyond the model's own uncertainty"
    return f"{text}: within the model's own uncertainty, so the ranking is not significant"


def ranking_values(ranking: Ranking, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """All of a ranking for JSON."""
    sites = {
        candidate.name: {
            str(site.site): {
                "equivalent": site.equivalent, "novel": site.novel, "unseen": site.unseen
            }
            for site in candidate.sites
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
        "candidates": [{**vars(fit), "sites": sites[fit.name]} for fit in ranking.fits],
    }


def measured_values(path: Path, measured: Normalized) -> dict[str, Any]:
    """The file of a measurement and what it contains, for JSON."""
    return {
        "path": str(path),
        "digest": measured_digest(path),
        "e0": measured.e0,
        "edge_step": measured.edge_step,
        "element": measured.norm.element,
        "edge": measured.norm.edge,
    }


def mixture_cells(names: Sequence[str], mixture: Mixture) -> list[list[str]]:
    """Component, fraction, its error, that by bootstrap, and shift (eV), as tables show them."""
    resampled = mixture.bootstrap
    return [
        [name, f"{mixture.fractions[k]:.4f}", f"{mixture.errors[k]:.4f}",
         "" if resampled is None else f"{resampled[k]:.4f}", f"{mixture.shifts[k]:.2f}"]
        for k, name in enumerate(names)
    ]  # fmt: skip


def mixture_table(names: Sequence[str], mixture: Mixture, max_shift: float) -> str:
    """Fractions with their errors; ``max_shift``, eV, is the bound of the shifts."""
    head = ["component", "fraction", "+-", "bootstrap", "shift"]
    lines = [_line(row, (20, 9, 7, 9, 7)) for row in [head, *mixture_cells(names, mixture)]]
    lines.append(
        f"sum {mixture.fractions.sum():.4f}, R-factor {mixture.r_factor:.3g}; residuals are"
        f" correlated over {mixture.correlation_points:.1f} points, which the errors account for"
    )
    at_bound = (mixture.fractions > 0) & (np.abs(mixture.shifts) >= max_shift) & (max_shift > 0)
    lines += [f"{names[k]}: shift is at its bound" for k in map(int, np.flatnonzero(at_bound))]
    return "\n".join(lines)


def mixture_values(measured: Spectrum, names: Sequence[str], mixture: Mixture) -> dict[str, Any]:
    """All of a mixture for JSON."""
    resampled = mixture.bootstrap
    return {
        "energy": measured.energy,
        "measured": measured.mu,
        "r_factor": mixture.r_factor,
        "correlation_points": mixture.correlation_points,
        "fitted": mixture.fitted,
        "components": [
            {
                "name": name,
                "fraction": mixture.fractions[k],
                "error": mixture.errors[k],
                "bootstrap": None if resampled is None else resampled[k],
                "shift": mixture.shifts[k],
                "mu": mixture.components[k],
            }
            for k, name in enumerate(names)
        ],
    }

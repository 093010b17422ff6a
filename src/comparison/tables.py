"""Comparisons and mixtures as text and as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .fit import Fit
from .linear_combination import Mixture
from .ranking import Candidate, Ranking

SURE = 0.95
"""A lead that holds in this part of the draws exceeds the model's own uncertainty."""


def fit_cells(fit: Fit) -> list[str]:
    """Candidate, shift and broadening (eV), scale and measures, as tables show them."""
    parameters = f"{fit.shift:.2f}", f"{fit.broadening:.2f}", f"{fit.scale:.3f}"
    return [fit.name, *parameters, *(f"{value:.5f}" for value in fit.measures.values())]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table: the name on the left, cut to its width, then numbers."""
    numbers = zip(cells[1:], widths[1:], strict=True)
    name = f"{cells[0][: widths[0]]:{widths[0]}s}"
    return " ".join([name, *(f"{cell:>{width}s}" for cell, width in numbers)])


def ranking_table(ranking: Ranking) -> str:
    """Candidates, the most alike first, with their parameters and measures."""
    names = list(ranking.fits[0].measures)
    widths = [16, 7, 6, 6, *(14 for _ in names)]
    rows = [["candidate", "shift", "broad", "scale", *names], *map(fit_cells, ranking.fits)]
    lines = [_line(row, widths) for row in rows]
    bounds, energy = ranking.bounds, ranking.measured.energy
    lines.append(
        f"shift {bounds.shift[0]:.2f} .. {bounds.shift[1]:.2f} eV, broadening"
        f" {bounds.broadening[0]:g} .. {bounds.broadening[1]:g} eV, scale {bounds.scale[0]:g} .."
        f" {bounds.scale[1]:g}; {energy[0]:.1f} .. {energy[-1]:.1f} eV, {len(energy)} points; of"
        " all measures less is more alike"
    )
    for fit in ranking.fits:
        if fit.at_bound:
            lines.append(f"{fit.name}: a bound has stopped {', '.join(fit.at_bound)}")
    return "\n".join(lines)


def verdict(ranking: Ranking) -> str:
    """How far the best leads, and whether that exceeds the model's own uncertainty."""
    best = ranking.fits[0].name
    if ranking.lead is None:
        return f"{best} is the only candidate"
    second = ranking.fits[1].name
    text = f"{best} leads: {ranking.measure} of {second} is {ranking.lead:.2f} times as large"
    if ranking.first_in_draws is None:
        return f"{text}; the model is not calibrated, so it can't be said whether that is much"
    part = f"it stays first in {ranking.first_in_draws:.0%} of draws of the model's errors"
    if ranking.first_in_draws >= SURE:
        return f"{text}; {part}: beyond the model's own uncertainty"
    return f"{text}; {part}: within the model's own uncertainty, so {best} is not proven"


def ranking_values(ranking: Ranking, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """All of a ranking as plain values."""
    sites = {candidate.name: candidate.sites for candidate in candidates}
    return {
        "measure": ranking.measure,
        "lead": ranking.lead,
        "first_in_draws": ranking.first_in_draws,
        "verdict": verdict(ranking),
        "bounds": {k: list(v) for k, v in vars(ranking.bounds).items()},
        "energy": ranking.measured.energy.tolist(),
        "measured": ranking.measured.mu.tolist(),
        "candidates": [
            {
                **{name: _plain(value) for name, value in vars(fit).items()},
                "sites": {
                    str(site.site): {
                        "equivalent": site.equivalent,
                        "novel": site.novel,
                        "unseen": list(site.unseen),
                    }
                    for site in sites[fit.name]
                },
            }
            for fit in ranking.fits
        ],
    }


def _plain(value: Any) -> Any:
    """A list in place of an array."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def mixture_cells(
    names: Sequence[str], mixture: Mixture, shifts: Sequence[float]
) -> list[list[str]]:
    """Component, fraction, its error, that by bootstrap, and shift (eV), as tables show them."""
    n = len(names)
    spread = [""] * n if mixture.bootstrap is None else [f"{s:.4f}" for s in mixture.bootstrap]
    parts = zip(names, mixture.fractions, mixture.errors, spread, shifts, strict=True)
    return [[name, f"{f:.4f}", f"{e:.4f}", s, f"{shift:.2f}"] for name, f, e, s, shift in parts]


def mixture_table(names: Sequence[str], mixture: Mixture, shifts: Sequence[float]) -> str:
    """Fractions with their errors."""
    head = ["component", "fraction", "+-", "bootstrap", "shift"]
    rows = [head, *mixture_cells(names, mixture, shifts)]
    lines = [_line(row, (20, 9, 7, 9, 7)) for row in rows]
    lines.append(
        f"sum {mixture.fractions.sum():.4f}, R-factor {mixture.r_factor:.3g}; residuals go together"
        f" over {mixture.correlation_points:.1f} points, which the errors take into account"
    )
    return "\n".join(lines)


def mixture_values(
    names: Sequence[str], mixture: Mixture, shifts: Sequence[float], components: np.ndarray
) -> dict[str, Any]:
    """All of a mixture as plain values; ``components`` has shape (n_components, n_energies)."""
    spread = [None] * len(names) if mixture.bootstrap is None else mixture.bootstrap.tolist()
    return {
        "r_factor": mixture.r_factor,
        "correlation_points": mixture.correlation_points,
        "fitted": mixture.fitted.tolist(),
        "components": [
            {
                "name": name,
                "fraction": float(mixture.fractions[k]),
                "error": float(mixture.errors[k]),
                "bootstrap": spread[k],
                "shift": float(shifts[k]),
                "mu": components[k].tolist(),
            }
            for k, name in enumerate(names)
        ],
    }

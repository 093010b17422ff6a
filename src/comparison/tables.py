"""Comparisons and mixtures as text and as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .linear_combination import Mixture
from .ranking import Candidate, Ranking

SURE = 0.95
"""A lead that holds in this part of the draws exceeds the model's own uncertainty."""


def ranking_table(ranking: Ranking) -> str:
    """Candidates, the most alike first, with their parameters and measures."""
    names = list(ranking.fits[0].measures)
    header = f"{'candidate':16s} {'shift':>7s} {'broad':>6s} {'scale':>6s}"
    lines = [header + "".join(f" {name:>14s}" for name in names)]
    for fit in ranking.fits:
        values = f"{fit.name[:16]:16s} {fit.shift:7.2f} {fit.broadening:6.2f} {fit.scale:6.3f}"
        lines.append(values + "".join(f" {fit.measures[name]:14.5f}" for name in names))
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
                "name": fit.name,
                "shift": fit.shift,
                "broadening": fit.broadening,
                "scale": fit.scale,
                "at_bound": list(fit.at_bound),
                "measures": fit.measures,
                "fitted": fit.fitted.tolist(),
                "half_width": None if fit.half_width is None else fit.half_width.tolist(),
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


def mixture_table(names: Sequence[str], mixture: Mixture, shifts: Sequence[float]) -> str:
    """Fractions with their errors."""
    lines = [f"{'component':20s} {'fraction':>9s} {'+-':>7s} {'bootstrap':>9s} {'shift':>7s}"]
    for k, name in enumerate(names):
        spread = "" if mixture.bootstrap is None else f"{mixture.bootstrap[k]:9.4f}"
        lines.append(
            f"{name[:20]:20s} {mixture.fractions[k]:9.4f} {mixture.errors[k]:7.4f} {spread:>9s}"
            f" {shifts[k]:7.2f}"
        )
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

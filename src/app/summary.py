"""What the page says of a spectrum in a line."""

import numpy as np

from ..xas.features import vertex
from .figures import on_axis
from .state import State


def highest(energy: np.ndarray, mu: np.ndarray) -> float:
    """Energy of the maximum, eV, see ``vertex``; at an end that of its point."""
    k = int(mu.argmax())
    return vertex(energy, mu, k)[0] if 0 < k < len(mu) - 1 else float(energy[k])


def summary(state: State) -> str:
    """Where the shown spectrum is highest, how far a distortion moved that, and its band.

    Where neighbors moved, also by how much per distance.
    """
    result, before = state.result, state.undistorted
    if result is None:
        return ""
    sites = result.chosen(state.site)
    top = highest(on_axis(state, sites.energy), sites.mean)
    name = "Mean" if len(sites) > 1 else sites[0].label
    text = f"{name}: maximum at {top:.2f} eV"
    if before is not None and before is not result:
        plain = before.chosen(state.site)
        moved = top - highest(on_axis(state, plain.energy), plain.mean)
        text += f", moved by {moved:+.2f} eV"
        if state.geometry.moves:
            text += f" ({moved / state.geometry.shift:+.1f} eV/Å)"
    band = sites[0].labels.mean_width(sites.half_width).replace("+-", "±")
    if band and sites.half_width is not None:
        band += f", {100 * np.nanmean(sites.half_width) / sites.mean.max():.0f} % of the maximum"
    return text + band

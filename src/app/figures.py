"""The spectrum as a Plotly figure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np

from ..checkpoints.energy_scale import energy_label
from ..checkpoints.trained_model import TrainedModel
from ..plot import SITE_LABELS
from .crystal import site_color
from .state import Result, State

INK, QUIET = "#7d8590", "#8a9099"
DASHES = ("solid", "dash", "dot", "dashdot")
"""Of the first model, the second and so on."""
UNITS = {"1e-3 a0^2": "10<sup>-3</sup> a<sub>0</sub><sup>2</sup>", "not stated": "unit not stated"}
"""How a unit is typeset."""


@dataclass(frozen=True)
class Overlay:
    """A further curve next to the predictions, such as a measured scan."""

    name: str
    """For the legend."""
    energy: np.ndarray
    """eV, as on the page's axis before a zero is subtracted, shape (n_energies,)."""
    mu: np.ndarray
    """Unit of the predictions, shape (n_energies,)."""
    color: str = INK
    """Color of the line."""
    width: float = 2.0
    """Of the line, pixels."""


def spectrum_figure(state: State, overlays: Iterable[Overlay] = ()) -> dict[str, Any]:
    """Plotly figure of the chosen site's spectrum or the mean, with bands, and other curves."""
    data: list[dict[str, Any]] = []
    result, before = state.result, state.undistorted
    if result is not None:
        if before is not None and result is not before:
            row = before.row(state.site)
            mu = before.sites.mean if row is None else before.sites[row].mu
            data.append(line(state, before.models[0], before.sites.energy, mu, "undistorted"))
        for number in range(len(result.models)):
            data += model_traces(state, result, number)
        for one in overlays:
            how = escape(one.name), one.color, one.width
            data.append(line(state, result.models[0], one.energy, one.mu, *how))
    return {"data": data, "layout": layout(state), "config": {"displayModeBar": False}}


def model_traces(state: State, result: Result, number: int) -> list[dict[str, Any]]:
    """Curves of one model: the chosen site and the mean; or the mean and every site."""
    sites, model = result.spectra[number], result.models[number]
    row, dash = result.row(state.site), DASHES[number % len(DASHES)]
    of_model = f", {escape(model.name)}" if len(result.models) > 1 else ""
    draw = partial(line, state, model, sites.energy)
    table = state.table or result
    colors = [site_color(table.row(one.site) or 0) for one in sites]
    traces = []
    if row is not None:
        one = sites[row]
        if len(sites) > 1:
            traces.append(draw(sites.mean, f"mean{of_model}", dash=dash))
        name = escape(one.label) + (", novel" if one.novel else "") + of_model
        dash, width, center = "dot" if one.novel else dash, one.half_width, one.mu
        return [*traces, *banded(draw(center, name, colors[row], 2.4, dash), center, width)]
    if len(sites) > 1:
        for one, color in zip(sites, colors, strict=True):
            name, style = escape(one.label) + of_model, "dot" if one.novel else dash
            traces.append(draw(one.mu, name, color, 1.2, style, len(sites) <= SITE_LABELS))
    count = sum(len(one.equivalent) for one in sites)
    name = f"mean of {count} sites" if len(sites) > 1 else escape(sites[0].label)
    color = INK if len(sites) > 1 else colors[0]
    curve = draw(sites.mean, name + of_model, color, 2.4, dash)
    return [*traces, *banded(curve, sites.mean, sites.half_width)]


def banded(curve: dict[str, Any], mu: np.ndarray, half: np.ndarray | None) -> list[dict[str, Any]]:
    """A curve and the band around it; the derivative, which is not mu, has none."""
    if half is None or curve["meta"] == "derivative":
        return [curve]
    known = np.isfinite(half)
    energy, low, high = curve["x"][known], (mu - half)[known], (mu + half)[known]
    band = {
        "type": "scatter", "mode": "lines", "line": {"width": 0}, "fill": "toself",
        "x": np.concatenate([energy, energy[::-1]]),
        "y": np.concatenate([low, high[::-1]]).round(5),
        "fillcolor": translucent(curve["line"]["color"]), "hoverinfo": "skip",
        "showlegend": False,
    }  # fmt: skip
    return [band, curve]


def translucent(color: str) -> str:
    """A color of bands."""
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def line(
    state: State,
    model: TrainedModel,
    energy: np.ndarray,
    mu: np.ndarray,
    name: str,
    color: str = QUIET,
    width: float = 1.2,
    dash: str = "solid",
    named: bool = True,
) -> dict[str, Any]:
    """Trace of a curve or its derivative, on the page's energy axis."""
    zero = model.info.reference_energy or 0.0 if state.axis == "relative" else 0.0
    y = np.gradient(mu, energy) if state.derivative else mu
    return {
        "type": "scatter", "mode": "lines", "x": (energy - zero).round(3), "y": y.round(5),
        "name": name, "meta": "derivative" if state.derivative else "absorption",
        "line": {"color": color, "width": width, "dash": dash}, "showlegend": named,
        "hovertemplate": "%{x:.2f} eV: %{y:.4g}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def layout(state: State) -> dict[str, Any]:
    """Axes, legend and a warning; text and grid get their colors from the page's style."""
    x_title, y_title = "Energy (eV)", "Absorption"
    if state.result is not None:
        model = state.result.models[0]
        unit = UNITS.get(model.info.unit or "", escape(model.info.unit or ""))
        y_title = f"Absorption ({unit})" if unit else y_title
        x_title = energy_label(model)
        if state.axis == "relative" and model.info.reference_energy is not None:
            x_title = f"Energy relative to {model.info.reference_energy:.1f} eV (eV)"
    if state.derivative:
        y_title = "Derivative of the absorption, d mu / dE"
    novel = any(one.novel for one in state.result.chosen(state.site)) if state.result else False
    warning = {
        "text": "novel: expect<br>larger errors", "align": "left", "showarrow": False,
        "xref": "paper", "x": 0.02, "yref": "paper", "y": 0.98, "xanchor": "left", "yanchor": "top",
    }  # fmt: skip
    axis = {"ticks": "outside", "ticklen": 4, "zeroline": False, "showline": True}
    return {
        "uirevision": f"{state.axis} {state.derivative}", "hovermode": "closest",
        "margin": {"l": 64, "r": 12, "t": 8, "b": 48}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": "zoom",
        "xaxis": {**axis, "title": {"text": x_title}, "showgrid": False},
        "yaxis": {**axis, "title": {"text": y_title}},
        "legend": {"x": 1, "xanchor": "right", "y": 0.02, "yanchor": "bottom",
                   "bgcolor": "rgba(0,0,0,0)"},
        "annotations": [warning] if novel else [],
        "font": {"family": "system-ui, sans-serif", "size": 13},
    }  # fmt: skip

"""The spectrum as a Plotly figure."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..checkpoints.energy_scale import energy_label
from ..plot import SITE_LABELS
from ..prediction.structure_prediction import Banded
from .crystal import site_color
from .state import Result, State, slope, zero_of

INK, QUIET = "#7d8590", "#9aa1ab"
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


def spectrum_figure(state: State, overlays: list[Overlay] | None = None) -> dict[str, Any]:
    """Plotly figure of the chosen site's spectrum or the mean, with bands."""
    data: list[dict[str, Any]] = []
    result = state.result
    if result is not None:
        for number in range(len(result.models)):
            data += model_traces(state, result, number)
        zero = zero_of(result.models[0]) if state.axis == "relative" else 0.0
        for one in overlays or []:
            data.append(line(state, one.energy - zero, one.mu, escape(one.name), one.color, 2.0))
    return {"data": data, "layout": layout(state), "config": {"displayModeBar": False}}


def model_traces(state: State, result: Result, number: int) -> list[dict[str, Any]]:
    """Curves of one model: the chosen site and the mean; or the mean and every site."""
    sites, model = result.spectra[number], result.models[number]
    energy = sites.energy - (zero_of(model) if state.axis == "relative" else 0.0)
    row, dash = result.row(state.site), DASHES[number % len(DASHES)]
    of_model = f", {escape(model.name)}" if len(result.models) > 1 else ""
    traces = []
    if row is None and len(sites) > 1:
        for k, one in enumerate(sites):
            named = len(sites) <= SITE_LABELS
            name, style = escape(one.label) + of_model, "dot" if one.novel else dash
            traces.append(line(state, energy, one.mu, name, site_color(k), 1.2, style, named))
    if row is None:
        count = sum(len(one.equivalent) for one in sites)
        name = f"mean of {count} sites" if count > 1 else escape(sites[0].label)
        color = INK if len(sites) > 1 else site_color(0)
        traces += banded(state, energy, sites, name + of_model, color, dash)
    else:
        one = sites[row]
        if len(sites) > 1:
            traces.append(line(state, energy, sites.mean, f"mean{of_model}", QUIET, 1.2, dash=dash))
        dash = "dot" if one.novel else dash
        name = one.label + (", novel" if one.novel else "")
        traces += banded(state, energy, one, escape(name) + of_model, site_color(row), dash)
    return traces


def banded(
    state: State, energy: np.ndarray, spectrum: Any, name: str, color: str, dash: str
) -> list[dict[str, Any]]:
    """A spectrum's band and line; the derivative has no band."""
    is_site = isinstance(spectrum, Banded)
    mu, half = spectrum.mu if is_site else spectrum.mean, spectrum.half_width
    curve = line(state, energy, mu, name, color, 2.4, dash=dash)
    if half is None or state.derivative:
        return [curve]
    known = np.isfinite(half)
    around = energy[known], (mu - half)[known], (mu + half)[known]
    band = {
        "type": "scatter", "mode": "lines", "line": {"width": 0}, "fill": "toself",
        "x": np.concatenate([around[0], around[0][::-1]]).round(3),
        "y": np.concatenate([around[1], around[2][::-1]]).round(5),
        "fillcolor": translucent(color), "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip
    return [band, curve]


def translucent(color: str) -> str:
    """A color of bands."""
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def line(
    state: State,
    energy: np.ndarray,
    mu: np.ndarray,
    name: str,
    color: str,
    width: float,
    dash: str = "solid",
    named: bool = True,
) -> dict[str, Any]:
    """Trace of a curve or, if the page says so, of its derivative."""
    y = slope(energy, mu) if state.derivative else mu
    return {
        "type": "scatter", "mode": "lines", "x": energy.round(3), "y": y.round(5), "name": name,
        "line": {"color": color, "width": width, "dash": dash}, "showlegend": named,
        "hovertemplate": "%{x:.2f} eV: %{y:.4g}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def layout(state: State) -> dict[str, Any]:
    """Axes and legend; text and grid get their colors from the page's style."""
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
    axis = {"ticks": "outside", "ticklen": 4, "zeroline": False, "showline": True}
    return {
        "uirevision": f"{state.axis} {state.derivative}", "hovermode": "closest",
        "margin": {"l": 64, "r": 12, "t": 8, "b": 48}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": "zoom",
        "xaxis": {**axis, "title": {"text": x_title}, "showgrid": False},
        "yaxis": {**axis, "title": {"text": y_title}},
        "legend": {"x": 1, "xanchor": "right", "y": 0.02, "yanchor": "bottom",
                   "bgcolor": "rgba(0,0,0,0)"},
        "font": {"family": "system-ui, sans-serif", "size": 13},
    }  # fmt: skip

"""The spectrum as a Plotly figure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from ..plot import SITE_LABELS
from .crystal import site_color
from .state import Result, State

INK, QUIET = "#7d8590", "#8a9099"
DASHES = ("solid", "dash", "dot", "dashdot")
"""Of the first model, the second and so on."""
START = "Drop a structure, give its path, or choose an example."
TYPESET = r"$10^{-3}\,a_0^2$", "10<sup>-3</sup> a<sub>0</sub><sup>2</sup>"
"""A unit for matplotlib and for Plotly."""


@dataclass(frozen=True)
class Line:
    """A curve of the figure: a prediction, or what a panel adds to it, such as a measured scan."""

    name: str
    """For the legend."""
    energy: np.ndarray
    """eV, shape (n_energies,)."""
    mu: np.ndarray
    """Unit of the predictions, or that per eV, same shape."""
    color: str = QUIET
    width: float = 1.2
    """Pixels."""
    dash: str = "solid"
    half_width: np.ndarray | None = None
    """Half width of the band, same unit and shape. None: no band."""
    named: bool = True
    """Whether the legend has it."""


def lines_of(state: State, more: Iterable[Line] = ()) -> list[Line]:
    """Curves as the page shows them, the last on top; the derivative has no bands."""
    result, before = state.result, state.undistorted
    if result is None:
        return []
    lines = []
    if before is not None and result is not before:
        mu = before.chosen(state.site).mean
        lines.append(Line("undistorted", on_axis(state, before.sites.energy), mu))
    for number in range(len(result.models)):
        lines += predicted_lines(state, result, number)
    lines += [replace(line, energy=on_axis(state, line.energy)) for line in more]
    if state.derivative:
        slopes = [np.gradient(line.mu, line.energy) for line in lines]
        lines = [replace(a, mu=b, half_width=None) for a, b in zip(lines, slopes, strict=True)]
    return lines


def on_axis(state: State, energy: np.ndarray, number: int = 0) -> np.ndarray:
    """Energies of one of the models as the page shows them, eV, shape (n_energies,).

    With a scan, energies of the experiment are those of the scan, else those that are expected.
    """
    if state.result is None:
        return energy
    model = state.result.models[number]
    if state.axis == "relative":
        return energy - (model.info.reference_energy or 0.0)
    if state.on_scan:
        return energy + (state.shift or 0.0) - (model.moved_by or 0.0)
    return energy


def predicted_lines(state: State, result: Result, number: int) -> Iterator[Line]:
    """Curves of one model: the mean and the chosen site; or every site and the mean."""
    sites, model, table = result.spectra[number], result.models[number], state.table or result
    energy, dash = on_axis(state, sites.energy, number), DASHES[number % len(DASHES)]
    row = sites.row_of(state.site)
    of_model = f", {model.name}" if len(result.models) > 1 else ""
    colors = [site_color(table.sites.row_of(one.site) or 0) for one in sites]
    if row is not None:
        one, color = sites[row], colors[row]
        if len(sites) > 1:
            yield Line(f"mean{of_model}", energy, sites.mean, dash=dash)
        name = one.label + (", novel" if one.novel else "") + of_model
        style = "dot" if one.novel else dash
        yield Line(name, energy, one.mu, color, 2.4, style, one.half_width)
        return
    name, color = sites[0].label, colors[0]
    if len(sites) > 1:
        for one, shade in zip(sites, colors, strict=True):
            style, few = "dot" if one.novel else dash, len(sites) <= SITE_LABELS
            yield Line(one.label + of_model, energy, one.mu, shade, dash=style, named=few)
        name, color = f"mean of {sum(len(one.equivalent) for one in sites)} sites", INK
    yield Line(name + of_model, energy, sites.mean, color, 2.4, dash, sites.half_width)


def spectrum_figure(state: State, more: Iterable[Line] = ()) -> dict[str, Any]:
    """Plotly figure of the chosen site's spectrum or the mean, with bands, and other curves."""
    data = [trace for line in lines_of(state, more) for trace in traces_of(line)]
    return {"data": data, "layout": layout(state), "config": {"displayModeBar": False}}


def traces_of(line: Line) -> Iterator[dict[str, Any]]:
    """A curve, after the band around it."""
    if line.half_width is not None:
        known = np.isfinite(line.half_width)
        energy, mu, half = line.energy[known], line.mu[known], line.half_width[known]
        yield {
            "type": "scatter", "mode": "lines", "line": {"width": 0}, "fill": "toself",
            "x": np.concatenate([energy, energy[::-1]]).round(3),
            "y": np.concatenate([mu - half, (mu + half)[::-1]]).round(5),
            "fillcolor": f"{line.color}2e", "hoverinfo": "skip", "showlegend": False,
        }  # fmt: skip
    yield {
        "type": "scatter", "mode": "lines", "x": line.energy.round(3), "y": line.mu.round(5),
        "name": escape(line.name), "showlegend": line.named,
        "line": {"color": line.color, "width": line.width, "dash": line.dash},
        "hovertemplate": "%{x:.2f} eV: %{y:.4g}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def titles(state: State) -> tuple[str, str]:
    """Of the axes, as matplotlib typesets them."""
    if state.result is None:
        return "Energy (eV)", "Absorption"
    labels, zero = state.result.sites[0].labels, state.result.models[0].info.reference_energy
    relative = state.axis == "relative" and zero is not None
    energy = f"Energy relative to {zero:.1f} eV (eV)" if relative else labels.energy
    if state.on_scan:
        energy = f"Energy of the scan (eV), predictions shifted by {state.shift:+.2f} eV"
    return energy, "Derivative of the absorption, d mu / dE" if state.derivative else labels.mu


def warning(state: State) -> str:
    """What is said in the figure of a spectrum that is novel to the model."""
    novel = state.result is not None and any(s.novel for s in state.result.chosen(state.site))
    return "novel: expect\nlarger errors" if novel else ""


def layout(state: State) -> dict[str, Any]:
    """Axes, legend and a remark; text and grid get their colors from the page's style."""
    x_title, y_title = map(escape, titles(state))
    empty = state.result is None
    text = START if empty else warning(state).replace("\n", "<br>")
    remark = {
        "text": text, "align": "left", "showarrow": False,
        "xref": "paper", "x": 0.02, "yref": "paper", "y": 0.98, "xanchor": "left", "yanchor": "top",
    }  # fmt: skip
    axis = {"ticks": "outside", "ticklen": 4, "zeroline": False, "showline": True,
            "visible": not empty}  # fmt: skip
    return {
        "uirevision": f"{state.axis} {state.derivative}", "hovermode": "closest",
        "margin": {"l": 64, "r": 12, "t": 8, "b": 48}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": "zoom",
        "xaxis": {**axis, "title": {"text": x_title}, "showgrid": False},
        "yaxis": {**axis, "title": {"text": y_title.replace(*TYPESET)}},
        "legend": {"orientation": "h", "x": 0, "yref": "container", "y": 1, "yanchor": "top",
                   "maxheight": 0.3, "bgcolor": "rgba(0,0,0,0)", "font": {"size": 12}},
        "annotations": [remark] if text else [],
        "font": {"family": "system-ui, sans-serif", "size": 13},
    }  # fmt: skip

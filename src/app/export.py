"""What leaves the page: figures, data, and the lines and the link that bring it back."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from io import StringIO
from pathlib import Path
from typing import get_args
from urllib.parse import urlencode

import numpy as np
from ase.io import write

from ..errors import ConfigError, XanesError
from ..plot import COLUMN, Curve, draw_curves, new_figure, save
from ..prediction.predicted import Predicted
from ..prediction.spectra_files import check_format, content_of
from ..runtime.provenance import PROGRAM
from ..structures.names import title_of
from ..xas.tabular import label_axes
from .figures import Overlay
from .geometry import Geometry
from .state import MEAN, Axis, Result, State, load_model


def result_of(state: State) -> Result:
    """The prediction; ConfigError: there is none."""
    if state.result is None:
        raise ConfigError("there is no spectrum to export; open a structure first")
    return state.result


def data_file(state: State, ending: str) -> bytes:
    """Spectra of the first model as `predict` writes them to a file of an ending, such as ".csv".

    Raises:
        ConfigError: there is no spectrum, or the format can't contain it.
    """
    result, path = result_of(state), Path(f"page{ending}")
    source = state.structure.source if state.structure else path
    model, sites = result.models[0], result.chosen(state.site)
    check_format(path, model.info)
    content = content_of(path, Predicted(model, [sites], [result.atoms], [source]), [])
    return content if isinstance(content, bytes) else content.encode()


def figure_file(state: State, overlays: Iterable[Overlay], path: Path) -> None:
    """Draw what the page shows, at the width of a journal's column, into SVG or PNG.

    Raises:
        ConfigError: there is no spectrum.
    """
    result = result_of(state)
    figure, axes = new_figure(COLUMN, 2.6)
    for number in range(len(result.models)):
        sites = result.chosen(state.site, number)
        curves, energy = [site.curve() for site in sites], on_axis(state, sites.energy)
        if state.derivative:
            curves = [derivative(curve, energy) for curve in curves]
        draw_curves(axes[0, 0], energy, curves, sites[0].labels.band)
    for one in overlays:
        mu = np.gradient(one.mu, one.energy) if state.derivative else one.mu
        axes[0, 0].plot(on_axis(state, one.energy), mu, "k", linewidth=0.8, label=one.name)
    labels, sites = result.sites[0].labels, result.sites
    energy_text = "Energy relative to reference (eV)" if state.axis == "relative" else labels.energy
    mu_text = "d mu / dE" if state.derivative else labels.mu
    label_axes(axes[0, 0], energy_text, mu_text, title_of(sites.name, sites[0].formula))
    axes[0, 0].locator_params(axis="x", nbins=4)
    save(figure, path)


def on_axis(state: State, energy: np.ndarray) -> np.ndarray:
    """Energies as the page shows them, eV, shape (n_energies,)."""
    zero = result_of(state).models[0].info.reference_energy or 0.0
    return energy - zero if state.axis == "relative" else energy


def derivative(curve: Curve, energy: np.ndarray) -> Curve:
    """The derivative of a curve, without a band."""
    return curve._replace(mu=np.gradient(curve.mu, energy), half_width=None)


def structure_file(state: State) -> str:
    """The structure as it is shown, distorted, as extended xyz."""
    text = StringIO()
    write(text, result_of(state).atoms, format="extxyz")
    return text.getvalue()


def file_name(state: State) -> str:
    """File whose prediction the page shows: the one that was read, or `structure_file`."""
    one = state.structure
    if one is None:
        return "structure.cif"
    as_read = state.geometry == Geometry() and len(one.frames) == 1
    return str(one.source) if as_read else f"{one.name}-shown.extxyz"


def command_lines(state: State) -> list[str]:
    """Commands that predict what the page shows, one per model."""
    lines, request = [], state.result.request if state.result else None
    for name in request.models if request else ():
        words = ["predict", name, file_name(state), "-o", f"{Path(file_name(state)).stem}.csv"]
        if state.site != MEAN:
            words += ["--site", str(state.site)]
        if load_model(name).info.edges is not None and request is not None:
            words += ["--element", request.element, "--edge", request.edge]
        words += ["--align", "experiment"] if state.axis == "experiment" else []
        lines.append(shlex.join([PROGRAM, *words]))
    return lines


def python_lines(state: State) -> str:
    """Python that predicts what the page shows with the first model."""
    one, result = state.structure, state.result
    if one is None or result is None:
        return ""
    request, atoms = result.request, f"named_structures({str(one.source)!r})[{one.frame}][1]"
    lines = [
        "from src import XANESPredictor",
        "from src.structures.files import named_structures",
        f"atoms = {atoms}",
    ]
    if state.geometry != Geometry():
        values = {k: v for k, v in asdict(state.geometry).items() if v != getattr(Geometry, k)}
        made = ", ".join(f"{key}={value!r}" for key, value in values.items())
        lines.insert(1, "from src.app.geometry import Geometry, distort")
        lines.append(f"atoms = distort(atoms, Geometry({made}), site={state.site})")
    only = "" if state.site == MEAN else f", sites=[{state.site}]"
    lines.append(f"sites = XANESPredictor({request.one_edge!r})(atoms{only})")
    return "\n".join(lines)


def link(state: State) -> str:
    """Address, without host, that restores the page from files, models and settings."""
    values: dict[str, str] = {}
    if state.structure is not None:
        values = {"structure": str(state.structure.source), "frame": str(state.structure.frame)}
    values |= {"model": ",".join(state.models), "scan": str(state.scan or "")}
    values |= {"edge": "-".join(state.edge or ()), "site": str(state.site), "axis": state.axis}
    values |= {"derivative": "1" if state.derivative else ""}
    if state.geometry != Geometry():
        values["geometry"] = json.dumps(asdict(state.geometry), separators=(",", ":"))
    defaults = {"frame": "0", "site": str(MEAN), "axis": "absolute"}
    kept = {name: v for name, v in values.items() if v and v != defaults.get(name)}
    return f"/?{urlencode(kept)}"


def restore(state: State, values: Mapping[str, str]) -> None:
    """Set a state from the values of a ``link``.

    Raises:
        StructureError: the structure can't be read.
        ConfigError: a value is none that a link contains.
    """
    known = "structure", "frame", "model", "scan", "edge", "site", "axis", "derivative", "geometry"
    try:
        if unknown := [name for name in values if name not in known]:
            raise ValueError(f"{unknown[0]} is no setting")
        state.models = values["model"].split(",") if values.get("model") else state.models
        state.scan = Path(values["scan"]) if values.get("scan") else state.scan
        state.derivative = bool(values.get("derivative"))
        axes = {name: name for name in get_args(Axis)}
        state.axis = axes[values.get("axis", state.axis)]
        if values.get("structure"):
            state.add(Path(values["structure"]))
            one = state.structures[state.current]
            one.frame = range(len(one.frames))[int(values.get("frame", 0))]
            state.site = int(values.get("site", MEAN))
        if values.get("edge"):
            element, edge = values["edge"].split("-")
            state.edge = element, edge
        if values.get("geometry"):
            state.geometry = geometry_of(json.loads(values["geometry"]))
    except XanesError:
        raise
    except (LookupError, ValueError, TypeError) as error:
        raise ConfigError(f"the link can't be restored: {error}") from error


def geometry_of(values: dict[str, object]) -> Geometry:
    """Geometry from a link, its numbers checked."""
    made = Geometry(**values)  # type: ignore[arg-type]
    numbers = [getattr(made, f.name) for f in fields(made) if f.name != "moved"]
    if not np.isfinite(np.array(numbers, dtype=float)).all() or made.along not in (0, 1, 2):
        raise ValueError(f"geometry is {values}")
    return replace(made, moved=tuple(int(k) for k in made.moved))

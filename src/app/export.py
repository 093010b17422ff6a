"""What leaves the page: figures, data, and the lines and the link that bring it back."""

import json
import shlex
from argparse import ArgumentError
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ase.io import write
from jsonargparse import ArgumentParser

from ..errors import ConfigError, StructureError
from ..plot import COLUMN, band_handle, draw_band, new_figure, save
from ..prediction.predicted import Predicted
from ..prediction.spectra_files import check_format, content_of
from ..prediction.structure_prediction import StructurePrediction
from ..runtime.atomic_files import write_text_durably
from ..runtime.options import changed, make_options
from ..runtime.provenance import PROGRAM
from ..structures.distortion import Distortion
from ..structures.names import title_of
from ..xas.normalization import Ranges
from ..xas.tabular import label_axes
from .figures import Line, lines_of, on_axis, titles, warning
from .state import MEAN, Result, Settings, State

FIGURES, DATA, STRUCTURE = (".svg", ".png"), (".csv", ".xdi", ".json"), ".extxyz"
"""Endings of files."""
STYLES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
"""Of lines, as matplotlib calls them."""
PIXEL = 0.5
"""Width of a line in a figure for print, points."""


def save_file(state: State, path: Path, more: Iterable[Line] = ()) -> None:
    """Write what the page shows: figure, structure as extended xyz, or spectra as `predict` does.

    ConfigError: there is no spectrum, or the format can't contain it.
    """
    result = state.result
    if result is None or state.structure is None:
        raise ConfigError("there is no spectrum to export; open a structure first")
    if path.suffix in FIGURES:
        save(draw(state, result, more), path)
    elif path.suffix == STRUCTURE:
        write(path, result.atoms, format="extxyz")
    else:
        model, sites = result.models[0], result.chosen(state.site)
        check_format(path, model.info)
        if state.on_scan:
            model = replace(
                model, moved_by=state.shift, info=replace(model.info, shift_spread=None)
            )
            moved = [replace(site, energy=on_axis(state, site.energy)) for site in sites]
            sites = StructurePrediction(moved)
        found = Predicted(model, [sites], [result.atoms], [state.structure.source])
        write_text_durably(path, content_of(path, found, []))


def draw(state: State, result: Result, more: Iterable[Line]) -> Any:
    """What the page shows as a figure of matplotlib, at the width of a journal's column."""
    figure, axes = new_figure(COLUMN, 2.6)
    ax, sites = axes[0, 0], result.sites
    lines = lines_of(state, more)
    for line in lines:
        how = {"color": line.color, "linestyle": STYLES[line.dash], "linewidth": PIXEL * line.width}
        ax.plot(line.energy, line.mu, label=line.name if line.named else None, **how)
        if line.half_width is not None:
            draw_band(ax, line.energy, line.mu, line.half_width, color=line.color)
    label_axes(ax, *titles(state), title_of(sites.name, sites[0].formula))
    handles, _ = ax.get_legend_handles_labels()
    bands = (
        [band_handle(sites[0].labels.band)]
        if any(one.half_width is not None for one in lines)
        else []
    )
    ax.legend(handles=[*handles, *bands], frameon=False, fontsize=6.5, loc="lower right")
    made = state.geometry.text.replace(", ", "\n")
    about = *(model.name for model in result.models), made, warning(state)
    remark = "\n".join(filter(None, about))
    ax.text(0.03, 0.97, remark, transform=ax.transAxes, fontsize=6.5, va="top")
    ax.locator_params(axis="x", nbins=4)
    return figure


def file_name(state: State) -> str:
    """File whose prediction the page shows: the one that was read, or the exported one."""
    one = state.structure
    if one is None:
        return "structure.cif"
    as_read = state.geometry == Distortion() and len(one.frames) == 1
    return str(one.source) if as_read else f"{one.name}-shown{STRUCTURE}"


def command_lines(state: State) -> list[str]:
    """Commands that predict what the page shows, one per model, and compare it with the scan."""
    if state.result is None:
        return []
    lines, file = [], file_name(state)
    if file.endswith(f"-shown{STRUCTURE}"):
        lines.append(f"# {file} is what Export, Structure saves")
    for model in state.result.request.model_names():
        words = ["predict", model, file, "-o", f"{Path(file).stem}.csv"]
        words += [] if state.site == MEAN else ["--site", str(state.site)]
        words += ["--align", "experiment"] if state.axis == "experiment" else []
        lines.append(shlex.join([PROGRAM, *words]))
    return lines + (scan_lines(state, state.result) if state.scan.path else [])


def scan_lines(state: State, result: Result) -> list[str]:
    """Commands `compare` and `fit` with the numbers of the page, and in what these differ."""
    scan, files = state.scan.by_name, [str(one.source) for one in state.structures]
    words = [str(scan.path), *files, "--model", result.request.model_names()[0]]
    words += ["--column", scan.mu] if scan.mu else []
    words += ["--energy_column", scan.energy] if scan.energy else []
    fixed = ["--e0", f"{scan.e0:g}"] if scan.e0 else []
    lines = [shlex.join([PROGRAM, "compare", *words, *fixed])]
    if len(state.structures) > 1 and not fixed:
        lines.append(shlex.join([PROGRAM, "fit", *words]))
    for one in state.structures:
        if len(one.frames) > 1:
            lines.append(f"# of {one.source} the page compares frame {one.frame} alone")
    if scan.ranges != Ranges():
        lines.append(f"# the page normalizes with {scan.ranges}, the commands as larch does")
    return lines


def python_lines(state: State) -> str:
    """Python that predicts what the page shows with the first model."""
    one, result = state.structure, state.result
    if one is None or result is None:
        return ""
    lines = [
        "from src import XANESPredictor",
        "from src.structures.files import named_structures",
        f"atoms = named_structures({str(one.source)!r})[{one.frame}][1]",
    ]
    if state.geometry != Distortion():
        made = ", ".join(f"{key}={value!r}" for key, value in changed(state.geometry).items())
        lines.insert(1, "from src.structures.distortion import Distortion, distort")
        lines.append(f"atoms = distort(atoms, Distortion({made}), site={state.site})")
    only = "" if state.site == MEAN else f", sites=[{state.site}]"
    lines.append(f"sites = XANESPredictor({result.request.model_names()[0]!r})(atoms{only})")
    return "\n".join(lines)


@dataclass
class Link(Settings):
    """The values of a link."""

    structure: Path | None = None
    """File of the structure that is shown."""
    frame: int = 0
    """Its frame."""


def link(state: State) -> str:
    """Address, without host, that restores the page from files, models and settings."""
    shown = Link(**{one.name: getattr(state, one.name) for one in fields(Settings)})
    shown.scan = state.scan.by_name
    if state.structure is not None:
        shown.structure, shown.frame = state.structure.source, state.structure.frame
    values = {k: str(v) if isinstance(v, Path) else v for k, v in changed(shown).items()}
    texts = {k: v if isinstance(v, str) else json.dumps(v, default=str) for k, v in values.items()}
    return f"/?{urlencode(texts)}"


def restore(state: State, values: Mapping[str, str]) -> None:
    """Set a state from the values of a ``link``.

    Raises:
        StructureError: the structure can't be read.
        ConfigError: a value is none that a link contains.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Link, "link")
    try:
        parsed = parser.parse_args([f"--link.{name}={value}" for name, value in values.items()])
        made: Link = make_options(Link, parsed.link)
    except (ArgumentError, StructureError) as error:
        text = " ".join(str(error).split())
        raise ConfigError(f"the link can't be restored: {text}") from error
    if made.structure is not None:
        state.add(made.structure)
        one = state.structures[state.current]
        if made.frame not in range(len(one.frames)):
            raise ConfigError(f"the link can't be restored: {one.source} has no frame {made.frame}")
        one.frame = made.frame
    for setting in {one.name for one in fields(Settings)} & set(values):
        setattr(state, setting, getattr(made, setting))

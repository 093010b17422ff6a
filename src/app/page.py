"""Layout of the page, and what happens when something on it is changed."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import app, background_tasks, events, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ..checkpoints.pretrained import models
from ..errors import XanesError
from ..prediction.site_prediction import describe_reasons
from ..prediction.structure_prediction import SitePrediction
from . import export
from .crystal import Drawing, crystal_figure, draw_explanation, draw_structure, site_color
from .figures import Line, spectrum_figure
from .geometry_panel import GeometryPanel
from .scan_panel import ScanPanel
from .state import MEAN, Result, Scan, State, Structure, predict_both
from .style import CSS
from .summary import summary
from .trajectory import TrajectoryPanel
from .widgets import Latest, Table, box, button, choice, errors_to, file_input, heading, in_thread

SITES = ("Site", "Multiplicity", "Coordination", "Mean distance", "Training set")
"""Heads of the table of distinct sites."""
REST = 0.15
"""Time without a move after which the crystal is drawn, seconds."""
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "copper"
"""Structures at hand where the repository is."""
AXES = {"absolute": "calculated", "relative": "relative", "experiment": "aligned to experiment"}


class Page:
    """The page of one tab.

    Its panels have an ``update()``, called after each change of what is shown.
    """

    def __init__(self, state: State) -> None:
        """Build the page of a state."""
        self.state, self.refresh = state, Latest(self._predict)
        self.drawing: Drawing | None = None
        temporary = tempfile.TemporaryDirectory(prefix="e3gnn-xanes-")
        ui.context.client.on_delete(temporary.cleanup)
        self.folder = Path(temporary.name)
        ui.add_css(CSS)
        with ui.element("header").classes("bar"):
            ui.html("E3GNN-XANES", sanitize=False, tag="h1")
            self.error = ui.label().classes("bad grow").props("role=alert")
        with box("page"):
            with ui.element("section").classes("column").props('aria-label="Structure"'):
                self._build_input()
                self.crystal = ui.plotly(crystal_figure(None)).classes("crystal")
                self.crystal.on("plotly_click", self._click_atom, args=["points"])
                self._build_table()
                with box("column"):
                    self.geometry = GeometryPanel(self)
                heading("Lines that reproduce this")
                self.lines = ui.label().classes("lines")
            with ui.element("section").classes("column").props('aria-label="Spectrum"'):
                self._build_spectrum()
                self._build_export()
                with box("column"):
                    self.scan = ScanPanel(self)
                self.trajectory = TrajectoryPanel(self)

    def _build_input(self) -> None:
        with box("bar"):
            file_input(self, "Open a structure", "Path, then Enter", self.open, self.say)
            examples = {path: path.stem for path in sorted(EXAMPLES.glob("*.vasp"))}
            choice("Example", self.open, examples).classes("choice")
        self.structures = choice("Structure", partial(self.after, self.state.show))

    def _build_table(self) -> None:
        self.sites, self.cells = list[int](), list[tuple[str, ...]]()
        self.table = Table(SITES, lambda row: self.after(self.state.choose, self.sites[row]))
        self.table.table.props('aria-label="Distinct sites"')
        for key, by in (("up", -1), ("down", 1)):
            step = partial(self.after, self.state.step, by)
            self.table.table.on(f"keydown.{key}.prevent", step, args=[])

    def _build_spectrum(self) -> None:
        state = self.state
        with box("bar"):
            names = list(dict.fromkeys([*models(), *state.models]))
            self.models = choice("Models", lambda v: self.set(models=v), names, multiple=True)
            self.models.classes("grow")
            self.edge = choice("Edge", lambda v: self.set(edge=v, site=MEAN)).classes("choice")
            axis = choice("Energies", lambda v: self.set(axis=v), AXES, value=state.axis)
            axis.classes("choice")
            derivative = ui.checkbox("Derivative", value=state.derivative)
            derivative.on_value_change(lambda e: self.set(derivative=e.value))
        with box("stay"):
            self.spectrum = ui.plotly(spectrum_figure(state)).classes("spectrum")
            self.summary = ui.label().classes("quiet summary")
            self.fitted = ui.label().classes("result").props("role=status")
            self.doubt = ui.label().classes("warn doubt").props("role=status")

    def _build_export(self) -> None:
        with box("bar"):
            heading("Export")
            endings = {ending[1:].upper(): ending for ending in (*export.FIGURES, *export.DATA)}
            for name, ending in {**endings, "Structure": export.STRUCTURE}.items():
                button(name, partial(self.download, ending), "flat", f"Export {name}")
            self.link = ui.link("Link to this view", "/").classes("quiet")

    def download(self, ending: str) -> None:
        """Send a file with what is shown."""
        path = self.folder / f"{Path(export.file_name(self.state)).stem}{ending}"
        with errors_to(self.say):
            export.save_file(self.state, path, self.overlays())
            ui.download.file(path)
            ui.notify(f"{path.name} is saved")

    async def open(self, path: Path, uploaded: bool = False) -> None:
        """Read a structure file and show it."""
        with errors_to(self.say):
            self.state.add(path, uploaded)
            await self.refresh()

    def say(self, message: str, where: Any = None) -> None:
        """Show an error in a label, in one line, without the folder of files that were dropped."""
        text = " ".join(message.replace(f"{self.folder}/", "").split())
        (where or self.error).text = text

    async def set(self, **values: Any) -> None:
        """Change fields of the state and show what follows."""
        if any(getattr(self.state, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self.state, name, value)
            await self.refresh()

    async def after(self, change: Callable[[int], None], number: int) -> None:
        """Show what follows from a change of the state."""
        change(number)
        await self.refresh()

    async def _click_atom(self, event: events.GenericEventArguments) -> None:
        for point in event.args["points"]:
            atom = None if self.drawing is None else self.drawing.atom(point)
            if atom is None or self.state.table is None:
                continue
            absorbs = self.state.table.sites.row_of(atom) is not None
            choose = partial(self.after, self.state.choose) if absorbs else self.geometry.choose
            await choose(atom)

    async def _predict(self) -> None:
        state = self.state
        try:
            request = state.request()
            if request is not None:
                known = state.undistorted, state.result
                state.accept(*await in_thread(predict_both, request, *known))
            self.say("")
        except (XanesError, OSError) as error:
            state.accept(None, None)
            self.say(str(error))
        self.show(moved=self.refresh.is_last())

    def show(self, moved: bool = False) -> None:
        """Draw the state; ``moved``: the atoms may be elsewhere, and no move follows at once."""
        state, result = self.state, self.state.result
        for panel in (self.geometry, self.scan, self.trajectory):
            panel.update()
        self.draw_spectrum()
        reasons = [] if result is None else describe_reasons(result.chosen(state.site))
        self.doubt.text = f"Less reliable, novel: {'; '.join(reasons)}" if reasons else ""
        if moved:
            self._show_table()
            self._show_choices()
            self.show_lines()
            background_tasks.create(self._rest(result))

    async def _rest(self, result: Result | None) -> None:
        """Draw the crystal, which takes longer, unless something else is to be shown by then."""
        await asyncio.sleep(REST)
        latest = result is self.state.result and not self.refresh.lock.locked()
        if latest and not self.crystal.is_deleted:
            self._show_crystal()

    def overlays(self) -> list[Line]:
        """Curves of the panels."""
        return [*self.scan.lines(), *self.trajectory.lines()]

    def draw_spectrum(self) -> None:
        """Draw predictions and what the panels add, and say what they show."""
        self.summary.text = summary(self.state)
        self.spectrum.update_figure(spectrum_figure(self.state, self.overlays()))

    def show_lines(self) -> None:
        """Bring the lines and the link that reproduce the page to its state."""
        state = self.state
        text = "\n".join([*export.command_lines(state), "", export.python_lines(state)])
        self.lines.text = text.strip()
        self.link.props(f'href="{export.link(state)}"')

    def _show_crystal(self) -> None:
        state, table, explained = self.state, self.state.table, self.geometry.work.result
        if state.structure is None:
            return
        atoms, chosen = state.structure.atoms, list[int]()
        row = None if table is None else table.sites.row_of(state.site)
        if table is not None and row is not None and explained is None:
            moves = state.geometry.moves  # around this site alone
            chosen = [state.site] if moves else table.sites[row].equivalent
        if explained is not None:
            self.drawing = draw_explanation(explained, state.site, site_color(row or 0))
        else:
            shown = atoms if state.result is None else state.result.atoms
            self.drawing = draw_structure(shown, len(atoms), table)
        self.crystal.update_figure(crystal_figure(self.drawing, chosen))

    def _show_table(self) -> None:
        """Show the sites of the last prediction, and which is chosen."""
        table, result = self.state.table, self.state.result
        moved = {one.site: one for one in result.sites} if result else {}
        sites = [moved.get(one.site, one) for one in table.sites] if table else []
        cells = [site_cells(one) for one in sites]
        marks = [(site_color(row), "; ".join(one.reasons)) for row, one in enumerate(sites)]
        if len(sites) > 1:
            cells.insert(0, ("Mean", str(sum(len(one.equivalent) for one in sites)), "", "", ""))
            marks.insert(0, ("", ""))
        if self.cells != cells:
            self.cells, self.sites = cells, self.state.order
            self.table.show(cells, marks)
        for site, row in zip(self.sites, self.table.rows, strict=False):  # no rows: none is chosen
            row.props(f"aria-selected={'true' if site == self.state.site else 'false'}")

    def _show_choices(self) -> None:
        """Bring the choices of structure, models and edge to the state."""
        state, names = self.state, {k: one.name for k, one in enumerate(self.state.structures)}
        self.structures.set_options(names, value=state.current if names else None)
        self.models.value = state.chosen_models()
        request = None if state.result is None else state.result.request
        shown = None if request is None else (request.element, request.edge)
        self.edge.set_options({pair: " ".join(pair) for pair in state.edges()}, value=shown)


def site_cells(site: SitePrediction) -> tuple[str, ...]:
    """Texts of a site's row, see ``SITES``."""
    around = site.environment
    return (
        f"{site.element or ''} {site.site}".strip(),
        str(len(site.equivalent)),
        str(around.coordination) if around else "",
        f"{around.bond_length:.3f} Å" if around else "",
        "novel" if site.novel else "similar",
    )


def serve(
    structures: list[Structure], models: list[str], scan: Path | None, port: int, show: bool
) -> None:
    """Serve the page on this machine until Ctrl-C."""

    async def root() -> None:
        query, error = dict(ui.context.client.request.query_params), ""
        state = State(models=list(models), scan=Scan(scan))
        if "structure" not in query:  # each tab has a frame of its own
            state.structures = [replace(one) for one in structures]
            state.current = max(len(structures) - 1, 0)
        try:
            export.restore(state, query)
        except (XanesError, OSError) as failure:
            error = str(failure)
        page = Page(state)

        async def begin() -> None:
            await page.refresh()
            if error:
                page.say(error)

        ui.timer(0, begin, once=True)

    app.on_startup(lambda: print(f"http://127.0.0.1:{port}  (Ctrl-C ends)", flush=True))
    hosts = ["127.0.0.1", "localhost"]  # a name of another site must not lead here
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    try:
        ui.run(
            root, host=hosts[0], port=port, title="E3GNN-XANES", dark=None, reload=False,
            show=show, show_welcome_message=False, reconnect_timeout=60.0,
        )  # fmt: skip
    except KeyboardInterrupt:
        print()

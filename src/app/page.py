"""Layout of the page, and what happens when something on it is changed."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import app, events, run, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ..checkpoints.pretrained import models
from ..errors import XanesError
from ..explanation.attribution import Explanation
from ..prediction.site_prediction import describe_reasons
from . import export
from .crystal import Drawing, crystal_figure, draw_explanation, draw_structure, site_color
from .figures import Overlay, spectrum_figure
from .geometry_panel import GeometryPanel
from .scan_panel import ScanPanel
from .sites import SiteTable
from .state import LARGEST, State, predict_both
from .style import CSS
from .trajectory import TrajectoryPanel

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "copper"
"""Structures at hand where the repository is."""
AXES = {"absolute": "calculated", "relative": "relative", "experiment": "aligned to experiment"}
DATA = (".csv", ".xdi", ".json")
FIGURES = (".svg", ".png")


class Page:
    """The page of one tab.

    A panel has ``update()``, called after each change of what is shown; it may have ``commands()``,
    lines that reproduce it. It is built in ``scan_place`` or ``trajectory_place`` and appended to
    ``panels``. ``overlays`` are curves that panels add to the spectrum, by name of the panel.
    """

    def __init__(self, state: State) -> None:
        """Build the page of a state."""
        self.state = state
        self.overlays: dict[str, Overlay] = {}
        self.panels: list[Any] = []
        self.explained: Explanation | None = None
        self.drawing: Drawing | None = None
        self.folder = tempfile.TemporaryDirectory(prefix="e3gnn-xanes-")
        self._busy, self._again = False, False
        ui.add_css(CSS)
        with ui.element("header").classes("bar"):
            ui.html("E3GNN-XANES", sanitize=False, tag="h1")
            self.error = ui.label().classes("bad grow").props("role=alert")
        with ui.element("div").classes("page"):
            with ui.element("section").classes("column").props('aria-label="Structure"'):
                self._build_input()
                self.crystal = ui.plotly(crystal_figure(None)).classes("crystal")
                self.crystal.on("plotly_click", self._click_atom, args=["points"])
                self.table = SiteTable(state, self.choose, self.step)
                geometry = ui.element("div").classes("column")
                ui.html("Lines that reproduce this", sanitize=False, tag="h2")
                self.lines = ui.label().classes("lines")
            with ui.element("section").classes("column").props('aria-label="Spectrum"'):
                self._build_spectrum()
                self._build_export()
                self.scan_place = ui.element("div").classes("column")
                self.trajectory_place = ui.element("div").classes("column")
        with geometry:
            self.geometry = GeometryPanel(self)
            self.panels.append(self.geometry)
        with self.scan_place:
            self.panels.append(ScanPanel(self, state.scan))
        with self.trajectory_place:
            self.panels.append(TrajectoryPanel(self))

    def _build_input(self) -> None:
        with ui.element("div").classes("bar"):
            self.upload = ui.upload(
                label="Drop a structure",
                auto_upload=True,
                multiple=True,
                max_file_size=LARGEST,
                on_upload=self._uploaded,
                on_rejected=lambda: self.say(f"a file is larger than {LARGEST // 10**6} MB"),
            ).props("flat")
            self.path = ui.input("Path").props("dense").classes("grow")
            self.path.on("keydown.enter", lambda: self.open(Path(self.path.value)))
            examples = {str(path): path.stem for path in sorted(EXAMPLES.glob("*.vasp"))}
            example = ui.select(examples, label="Example")
            example.props("dense").classes("choice")
            example.on_value_change(lambda e: self.open(Path(e.value)) if e.value else None)
        self.structures = ui.select({}, label="Structure").props("dense")
        self.structures.on_value_change(lambda e: self._show_structure(e.value))

    def _build_spectrum(self) -> None:
        state = self.state
        with ui.element("div").classes("bar"):
            names = list(dict.fromkeys([*models(), *state.models]))
            self.models = ui.select(names, label="Models", multiple=True, value=[]).props("dense")
            self.models.classes("grow").on_value_change(lambda e: self._choose_models(e.value))
            self.edge = ui.select({}, label="Edge").props("dense").classes("choice")
            self.edge.on_value_change(lambda e: self._choose_edge(e.value))
            self.axis = ui.select(AXES, label="Energies", value=state.axis).props("dense")
            self.axis.classes("choice").on_value_change(lambda e: self.set(axis=e.value))
            box = ui.checkbox("Derivative", value=state.derivative)
            box.on_value_change(lambda e: self.set(derivative=e.value))
        self.spectrum = ui.plotly(spectrum_figure(state)).classes("spectrum")
        self.doubt = ui.label().classes("warn doubt").props("role=status")

    def _build_export(self) -> None:
        with ui.element("div").classes("bar"):
            ui.html("<h2>Export</h2>", sanitize=False)
            for ending in (*FIGURES, *DATA):
                name = ending[1:].upper()
                button = ui.button(name, on_click=partial(self.download, ending))
                button.props(f'flat dense no-caps aria-label="Export {name}"')
            self.shown = ui.button("Structure", on_click=partial(self.download, ".extxyz"))
            self.shown.props('flat dense no-caps aria-label="Export structure"')
            self.link = ui.link("Link to this view", "/").classes("quiet")

    def download(self, ending: str) -> None:
        """Send a file with what is shown."""
        state = self.state
        stem = Path(export.file_name(state)).stem
        path = Path(self.folder.name) / f"{stem}{ending}"

        def content() -> bytes:
            if ending == ".extxyz":
                return export.structure_file(state).encode()
            if ending in DATA:
                return export.data_file(state, ending)
            export.figure_file(state, self.overlays.values(), path)
            return path.read_bytes()

        self.attempt(lambda: ui.download.content(content(), path.name))

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        path = Path(self.folder.name) / (Path(event.file.name).name or "structure")
        await event.file.save(path)
        await self.open(path, uploaded=True)

    async def open(self, path: Path, uploaded: bool = False) -> None:
        """Read a structure file and show it."""
        if self.attempt(lambda: self.state.add(path, uploaded)):
            self.explained = None
            await self.refresh()

    def say(self, message: str) -> None:
        """Show an error in its line; nothing: take it away."""
        self.error.text = " ".join(message.split())

    def attempt(self, work: Callable[[], Any]) -> bool:
        """Do something, with the library's errors in the page's line; whether it went well."""
        try:
            work()
        except (XanesError, OSError) as error:
            self.say(str(error))
            return False
        self.say("")
        return True

    async def set(self, **values: Any) -> None:
        """Change fields of the state and show what follows."""
        if any(getattr(self.state, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self.state, name, value)
            await self.refresh()

    async def _choose_models(self, names: list[str]) -> None:
        if names != self.state.chosen_models():
            await self.set(models=names)

    async def _choose_edge(self, name: str | None) -> None:
        if name and self.state.result is not None:
            request = self.state.result.request
            if name != f"{request.element} {request.edge}":
                element, edge = name.split()
                await self.set(edge=(element, edge), site=-1)

    async def _show_structure(self, number: int | None) -> None:
        if number is not None and number != self.state.current:
            self.state.show(number)
            self.explained = None
            await self.refresh()

    async def choose(self, site: int) -> None:
        """Choose a site."""
        await self._chosen(self.state.choose(site))

    async def step(self, by: int) -> None:
        """Choose the next site of the table."""
        await self._chosen(self.state.step(by))

    async def _chosen(self, changed: bool) -> None:
        if changed:
            self.explained = None
            await self.refresh()

    async def _click_atom(self, event: events.GenericEventArguments) -> None:
        for point in event.args["points"]:
            atom = None if self.drawing is None else self.drawing.atom(point)
            if atom is None or self.state.table is None:
                continue
            if self.state.table.row(atom) is not None:
                await self.choose(atom)
            else:
                self.geometry.choose_neighbor(atom)

    async def refresh(self) -> None:
        """Predict what the state asks for, and show it; of many calls at once the last counts."""
        self._again = True
        if self._busy:
            return
        self._busy = True
        try:
            while self._again:
                self._again = False
                await self._predict()
        finally:
            self._busy = False

    async def _predict(self) -> None:
        state = self.state
        try:
            request = state.request()
            if request is not None:
                both = await run.io_bound(predict_both, request, state.undistorted)
                state.accept(*(both or (None, None)))  # nothing: the server ends
            self.say("")
        except (XanesError, OSError) as error:
            state.accept(None, None)
            self.say(str(error))
        self.show(moved=not self._again)

    def show(self, moved: bool = False) -> None:
        """Draw the state; ``moved``: the atoms may be elsewhere, and no move follows at once."""
        state, result = self.state, self.state.result
        for panel in self.panels:
            panel.update()
        self.draw_spectrum()
        reasons = [] if result is None else describe_reasons(result.chosen(state.site))
        self.doubt.text = f"Novel: {'; '.join(reasons)}" if reasons else ""
        if not moved:
            return
        self._show_crystal()
        self.table.update()
        self._show_choices()
        self.show_lines()

    def draw_spectrum(self) -> None:
        """Draw predictions and overlays."""
        self.spectrum.update_figure(spectrum_figure(self.state, self.overlays.values()))

    def show_lines(self) -> None:
        """Bring the lines and the link that reproduce the page to its state."""
        state = self.state
        lines = [*export.command_lines(state)]
        lines += [line for p in self.panels for line in getattr(p, "commands", list)()]
        self.lines.text = "\n".join([*lines, "", export.python_lines(state)]).strip()
        self.link.props(f'href="{export.link(state)}"')

    def _show_crystal(self) -> None:
        state, table = self.state, self.state.table
        if state.structure is None:
            return
        atoms = state.structure.atoms
        shown = atoms if state.result is None else state.result.atoms
        row = None if table is None else table.row(state.site)
        chosen = [] if row is None or table is None else table.sites[row].equivalent
        if self.explained is not None:
            self.drawing = draw_explanation(self.explained, state.site, site_color(row or 0))
            chosen = []
        else:
            self.drawing = draw_structure(shown, len(atoms), table)
        self.crystal.update_figure(crystal_figure(self.drawing, chosen))

    def _show_choices(self) -> None:
        """Bring the choices of structure, models and edge to the state."""
        state = self.state
        names = {number: one.name for number, one in enumerate(state.structures)}
        self.structures.set_options(names, value=state.current if names else None)
        self.models.value = state.chosen_models()
        edges = [" ".join(pair) for pair in state.edges()]
        request = None if state.result is None else state.result.request
        chosen = None if request is None else f"{request.element} {request.edge}"
        self.edge.set_options(edges, value=chosen)


def serve(
    structures: list[Path], models: list[str], scan: Path | None, port: int, show: bool
) -> None:
    """Serve the page on this machine until Ctrl-C."""

    async def root() -> None:
        client = ui.context.client
        page = Page(State(models=list(models), scan=scan))
        client.on_delete(page.folder.cleanup)
        query = dict(client.request.query_params)
        for path in [] if "structure" in query else structures:
            page.attempt(partial(page.state.add, path))
        page.attempt(partial(export.restore, page.state, query))
        ui.timer(0, page.refresh, once=True)

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

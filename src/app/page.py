"""Layout of the page, and what happens when something on it is changed."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import events, run, ui

from ..errors import XanesError
from .crystal import Drawing, crystal_figure, draw, empty_crystal
from .figures import Overlay, spectrum_figure
from .sites import SiteTable
from .state import State, predict
from .style import CSS

LARGEST = 50_000_000
"""Files beyond this are refused before they are read, bytes."""
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "copper"
"""Structures at hand where the repository is."""
AXES = {"absolute": "calculated", "relative": "relative", "experiment": "aligned to experiment"}


class Page:
    """The page of one tab.

    A panel is an object with ``update()``, called after each prediction; it is built by a function
    of the page and appended to ``panels``. ``overlays`` are curves that panels add to the spectrum.
    """

    def __init__(self, state: State) -> None:
        """Build the page of a state."""
        self.state = state
        self.overlays: dict[str, Overlay] = {}
        self.panels: list[Any] = []
        self.folder = tempfile.TemporaryDirectory(prefix="e3gnn-xanes-")
        self.drawing: Drawing | None = None
        self._busy, self._again = False, False
        ui.add_css(CSS)
        ui.dark_mode(None)
        with ui.element("header").classes("bar"):
            ui.html("<h1>E3GNN-XANES</h1>", sanitize=False)
            self._build_input()
        self.error = ui.label().classes("bad").props("role=alert")
        with ui.element("main").classes("page"):
            with ui.element("section").classes("column"):
                self.crystal = ui.plotly(empty_crystal()).classes("crystal")
                self.crystal.on("plotly_click", self._click_atom, args=["points"])
                self.table = SiteTable(state, self.choose, self.step)
            with ui.element("section").classes("column"):
                self._build_spectrum()
                self.scan_place = ui.element("div").classes("column")
                self.trajectory_place = ui.element("div").classes("column")

    def _build_input(self) -> None:
        self.upload = ui.upload(
            label="Drop a structure: CIF, POSCAR, xyz",
            auto_upload=True,
            multiple=True,
            max_file_size=LARGEST,
            on_upload=self._uploaded,
            on_rejected=lambda: self.say(f"a file is larger than {LARGEST // 10**6} MB"),
        )
        path = ui.input("or a path")
        path.on("keydown.enter", lambda: self.open(Path(path.value)))
        examples = sorted(EXAMPLES.glob("*.vasp"))
        if examples:
            names = {str(example): example.stem for example in examples}
            select = ui.select(names, label="Examples")
            select.on_value_change(lambda: self.open(Path(str(select.value))))

    def _build_spectrum(self) -> None:
        with ui.element("div").classes("bar"):
            toggle = ui.toggle(AXES, value=self.state.axis)
            toggle.on_value_change(lambda e: self.set(axis=e.value))
            box = ui.checkbox("Derivative", value=self.state.derivative)
            box.on_value_change(lambda e: self.set(derivative=e.value))
        self.doubt = ui.label().classes("warn").props("role=status")
        self.spectrum = ui.plotly(spectrum_figure(self.state)).classes("spectrum")

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        name = Path(event.file.name).name or "structure"
        path = Path(self.folder.name) / name
        await event.file.save(path)
        await self.open(path)
        self.upload.reset()

    async def open(self, path: Path) -> None:
        """Read a structure file and show it."""
        if self.attempt(lambda: self.state.add(path)):
            await self.refresh()

    def say(self, message: str) -> None:
        """Show an error in its line; nothing: take it away."""
        self.error.text = message

    def attempt(self, work: Callable[[], Any]) -> bool:
        """Do something, with the library's errors in the page's line; whether it went well."""
        try:
            work()
        except (XanesError, OSError) as error:
            self.say(" ".join(str(error).split()))
            return False
        self.say("")
        return True

    async def set(self, **values: Any) -> None:
        """Change fields of the state and show what follows."""
        for name, value in values.items():
            setattr(self.state, name, value)
        await self.refresh()

    def choose(self, site: int) -> None:
        """Choose a site."""
        self.state.choose(site)
        self.show()

    def step(self, by: int) -> None:
        """Choose the next site of the table."""
        self.state.step(by)
        self.show()

    def _click_atom(self, event: events.GenericEventArguments) -> None:
        for point in event.args["points"]:
            atom = None if self.drawing is None else self.drawing.atom(point)
            if atom is not None:
                self.choose(atom)

    async def refresh(self) -> None:
        """Predict what the state asks for, and show it; of many calls at once the last counts."""
        if self._busy:
            self._again = True
            return
        self._busy = True
        try:
            self._again = True
            while self._again:
                self._again = False
                await self._predict()
        finally:
            self._busy = False

    async def _predict(self) -> None:
        try:
            request = self.state.request()
            if request is not None:
                self.state.result = await run.io_bound(predict, request)
                self.state.choose(self.state.site)
            self.say("")
        except (XanesError, OSError) as error:
            self.state.result = None
            self.say(" ".join(str(error).split()))
        self.show(moved=True)

    def show(self, moved: bool = False) -> None:
        """Draw the state; ``moved``: the structure may be another one."""
        state, result = self.state, self.state.result
        if state.structure is not None:
            atoms = state.structure.atoms if result is None else result.atoms
            if moved or self.drawing is None:
                self.drawing = draw(atoms, result)
            self.crystal.update_figure(crystal_figure(atoms, result, state.site, self.drawing))
        row = None if result is None else result.row(state.site)
        doubted = [] if result is None else result.spectra[0]
        doubted = doubted if row is None else [doubted[row]]
        self.doubt.text = "; ".join(
            f"{one.label} is novel, expect larger errors: {', '.join(one.reasons)}"
            for one in doubted
            if one.novel
        )
        self.spectrum.update_figure(spectrum_figure(state, list(self.overlays.values())))
        self.table.update()
        for panel in self.panels:
            panel.update()


def serve(
    structures: list[Path], models: list[str], scan: Path | None, port: int, show: bool
) -> None:
    """Serve the page on this machine until Ctrl-C."""

    async def root() -> None:
        page = Page(State(models=list(models), scan=scan))
        ui.context.client.on_delete(page.folder.cleanup)
        for path in structures:
            page.attempt(partial(page.state.add, path))
        ui.timer(0, page.refresh, once=True)

    try:
        ui.run(
            root, host="127.0.0.1", port=port, title="E3GNN-XANES", dark=None, reload=False,
            show=show, show_welcome_message=False,
        )  # fmt: skip
    except KeyboardInterrupt:
        print()

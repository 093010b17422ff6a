"""The panel of the measured scan: file, normalization, sliders, R-factor, ranking, mixture."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from nicegui import events, run, ui

from ..comparison.candidates import Candidate
from ..comparison.fit import WIDER
from ..comparison.ranking import Ranking
from ..comparison.tables import fit_cells, mixture_cells, mixture_table, ranking_table, verdict
from ..errors import XanesError
from ..xas.normalization import Ranges
from .scan import MAX_SHIFT, Knobs, Prepared, Scan
from .state import LARGEST, Result

SLIDERS = {
    "shift": ("Shift", 0.0025),
    "broadening": ("Broadening", 0.05),
    "scale": ("Scale", 0.001),
}
RANGES = {"pre1": "Pre-edge from", "pre2": "to", "norm1": "Post-edge from", "norm2": "to"}
OVERLAYS = ("scan", "fitted", "difference")
RANKED = ("Structure", "Shift (eV)", "Broadening (eV)", "Scale", "Weight", "R-factor")
MIXED = ("Structure", "Fraction", "±", "Bootstrap", "Model", "Shift (eV)")

T = TypeVar("T")


class ScanPanel:
    """Controls of a scan; ``page`` is the ``Page`` whose spectrum it overlays."""

    def __init__(self, page: Any, path: Path | None = None) -> None:
        """Build the panel; ``path`` is a scan to begin with."""
        self.page, self.scan = page, None if path is None else Scan(path)
        self.prepared: Prepared | None = None
        self.candidate: Candidate | None = None
        self.candidates: list[Candidate] = []
        self.done: Any = None, None
        self.of_scan: Any = None
        self.of_fit: Any = None
        self.shown: dict[str, float] = {}
        self.busy = self.setting = False
        with ui.element("div").classes("bar"):
            ui.html("<h2>Measured scan</h2>", sanitize=False)
            self.upload = ui.upload(
                label="Drop a scan", auto_upload=True,
                max_file_size=LARGEST, on_upload=self._uploaded,
                on_rejected=lambda: self.say(f"the file is larger than {LARGEST // 10**6} MB"),
            ).props("flat")  # fmt: skip
            self.path = ui.input("Path: XDI, columns, or Athena", value=str(path or ""))
            self.path.props("dense").classes("grow").on(
                "keydown.enter", lambda: self.open(Path(self.path.value.strip()))
            )
        self.error = ui.label().classes("bad").props("role=alert")
        with ui.element("div").classes("column") as self.body:
            self._build_normalization()
        with ui.element("div").classes("column") as self.results:
            self._build_sliders()
            self.ranked = ui.element("div").classes("column")
            with ui.element("div").classes("bar") as self.mix:
                button = ui.button("Fit a mixture of the structures", on_click=self._mixture)
                button.props("outline dense no-caps")
            self.mixed = ui.element("div").classes("column")
        self.body.set_visibility(False)
        self.results.set_visibility(False)

    def _build_normalization(self) -> None:
        with ui.element("div").classes("fields"):
            self.mu = ui.input("Mu, or its formula")
            self.energy = ui.input("Energy")
        self.made_from = ui.label().classes("quiet")
        self.numbers = {}
        with ui.element("div").classes("fields"):
            for name, label in {"e0": "Edge e0", **RANGES}.items():
                self.numbers[name] = ui.number(f"{label} (eV)")
        for field in (self.mu, self.energy, *self.numbers.values()):
            field.props("dense stack-label placeholder=inferred").on("blur", self._changed).on(
                "keydown.enter", self._changed
            )

    def _build_sliders(self) -> None:
        self.sliders, self.readings = {}, {}
        with ui.element("div").classes("sliders"):
            for name, (label, step) in SLIDERS.items():
                with ui.element("div").classes("bar"):
                    ui.label(label)
                slider = ui.slider(min=0, max=1, step=step, on_change=self._moved)
                self.sliders[name] = slider.props(f'aria-label="{label}"')
                self.readings[name] = ui.label().classes("number")
        with ui.element("div").classes("bar"):
            self.r_factor = ui.label().classes("result").props("role=status")
            ui.button("Back to the fit", on_click=self._fit).props("outline dense no-caps")
            self.difference = ui.checkbox("Difference", on_change=self._moved)

    def say(self, message: str) -> None:
        """Show an error in the panel's line; nothing: take it away."""
        self.error.text = " ".join(message.replace(f"{self.page.folder.name}/", "").split())

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        path = Path(self.page.folder.name) / (Path(event.file.name).name or "scan")
        await event.file.save(path)
        self.upload.reset()
        await self.open(path)

    async def open(self, path: Path) -> None:
        """Read another scan, with columns and ranges that are inferred."""
        self.scan, uploaded = Scan(path), str(path.parent) == self.page.folder.name
        self.page.state.scan = None if uploaded else path  # of the link
        self.mu.value = self.energy.value = ""
        await self.refresh()

    async def _changed(self) -> None:
        """Read the scan with the columns and ranges of the fields; what is empty is inferred."""
        if self.scan is None:
            return
        values: dict[str, Any] = {"e0": self.scan.e0, **vars(self.scan.ranges)}
        for name, field in self.numbers.items():
            if field.value != self.shown.get(name):  # else it may be one that was inferred
                values[name] = field.value
        mu, energy = (field.value.strip() or None for field in (self.mu, self.energy))
        e0 = values.pop("e0")
        self.scan = replace(self.scan, mu=mu, energy=energy, e0=e0, ranges=Ranges(**values))
        await self.refresh()

    def update(self) -> None:
        """Follow the page's prediction."""
        if self._behind():
            ui.timer(0, self.refresh, once=True)

    def commands(self) -> list[str]:
        """Lines that reproduce the numbers of the panel."""
        return (
            []
            if self.prepared is None or self.scan is None
            else self.scan.commands(self.page.state)
        )

    def _behind(self) -> bool:
        """Whether the scan, or the prediction on the page, is another one than was worked on."""
        result = self.page.state.result
        same = self.done[0] == self.scan and self.done[1] is result
        return self.scan is not None and result is not None and not same

    async def refresh(self) -> None:
        """Read and fit what has changed; errors are shown, and the page goes on."""
        if self.busy or self.scan is None:
            return
        self.busy = True
        try:
            while self._behind():
                self.done = self.scan, self.page.state.result
                try:
                    await self._work(*self.done)
                    self.say("")
                except (XanesError, OSError) as error:
                    self.candidate = self.prepared = self.of_scan = self.of_fit = None
                    self._show_normalization(None)
                    self.say(str(error))
                    with suppress(XanesError, OSError):  # the first error says more
                        self.mu.set_autocomplete(await in_thread(self.scan.columns))
        finally:
            self.busy = False
        self.body.set_visibility(True)
        self.results.set_visibility(self.candidate is not None)
        self.draw()
        self.page.show_lines()

    async def _work(self, scan: Scan, result: Result) -> None:
        state, request = self.page.state, result.request
        named = [(one.name, one.atoms) for one in state.structures]
        named[state.current] = request.name, request.atoms
        of_scan = scan, request.models[0], request.element, request.edge
        prepared = self.prepared
        if prepared is None or of_scan != self.of_scan:
            prepared = self.prepared = await in_thread(Prepared.read, scan, request)
            self.of_scan = of_scan
            self._show_normalization(prepared)
        self.candidate = await in_thread(prepared.candidate, request.name, result.atoms)
        of_fit = of_scan, state.current, tuple(id(atoms) for _, atoms in named)
        if of_fit != self.of_fit:
            self.candidates = [await in_thread(prepared.candidate, *one) for one in named]
            ranking = await in_thread(prepared.rank, self.candidates)
            self.of_fit = of_fit
            self._show_ranking(ranking)
            await self._fit()

    def _show_normalization(self, prepared: Prepared | None) -> None:
        self.made_from.text, self.shown = "", {}
        if prepared is not None:
            measured = prepared.measured
            self.made_from.text = f"{measured.norm.made_from}; edge step {measured.edge_step:.4g}"
            values = {
                "e0": measured.e0,
                **{name: getattr(measured.ranges, name) for name in RANGES},
            }
            self.shown = {name: round(value, 2) for name, value in values.items()}
        for name, field in self.numbers.items():
            field.value = self.shown.get(name)

    async def _fit(self) -> None:
        """Move the sliders to the fit of the structure that is shown."""
        prepared, candidate = self.prepared, self.candidate
        if prepared is None or candidate is None:
            return
        fitted, bounds = await in_thread(prepared.fit, candidate), prepared.bounds
        limits = {"shift": bounds.shift, "broadening": bounds.broadening, "scale": bounds.scale}
        self.setting = True
        for name, (low, high) in limits.items():
            below, above = WIDER * (name == "shift"), WIDER * (name != "scale")
            self.sliders[name].props.update(min=low - below, max=high + above)
            self.sliders[name].update()
            self.sliders[name].value = getattr(fitted, name)
        self.setting = False
        self.draw()

    def _moved(self) -> None:
        if not self.setting:
            self.draw()

    def _overlay(self) -> None:
        """Make curves and numbers of what the sliders say."""
        page, prepared, candidate = self.page, self.prepared, self.candidate
        for name in OVERLAYS:
            page.overlays.pop(name, None)
        if prepared is None or candidate is None or page.state.result is None:
            return
        knobs = Knobs(**{name: float(slider.value) for name, slider in self.sliders.items()})
        for name, value in vars(knobs).items():
            self.readings[name].text = f"{value:.3f}" + ("" if name == "scale" else " eV")
        self.r_factor.text = f"R-factor {prepared.r_factor(candidate, knobs):.5f}"
        try:
            curves = prepared.overlays(page.state.result, candidate, knobs, self.difference.value)
        except XanesError as error:
            self.say(str(error))
            return
        page.overlays |= curves

    def draw(self) -> None:
        """Draw the page's spectrum with the scan."""
        self._overlay()
        self.page.draw_spectrum()

    def _show_ranking(self, ranking: Ranking) -> None:
        self.ranked.clear()
        self.mixed.clear()
        self.mix.set_visibility(len(ranking.fits) > 1)
        rows = [fit_cells(fit)[: len(RANKED)] for fit in ranking.fits]
        lines = ranking_table(ranking, self.candidates, len(rows)).splitlines()[len(rows) + 1 :]
        with self.ranked:
            ui.label(verdict(ranking))
            table(RANKED, rows)
            with ui.expansion("What was compared").props("dense"):
                remarks(lines)

    async def _mixture(self) -> None:
        prepared, candidates = self.prepared, self.candidates
        if prepared is None:
            return
        try:
            mixture = await in_thread(prepared.mixture, candidates)
        except XanesError as error:
            self.say(str(error))
            return
        names = [one.name for one in candidates]
        lines = mixture_table(names, mixture, MAX_SHIFT).splitlines()[len(names) + 1 :]
        self.mixed.clear()
        with self.mixed:
            table(MIXED, mixture_cells(names, mixture))
            remarks(lines)


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Do something that takes a while, with the page alive."""
    return cast(T, await run.io_bound(work, *arguments))


def remarks(lines: Sequence[str]) -> None:
    """Remarks below a table, one below the other."""
    ui.label("\n".join(lines)).classes("quiet").style("white-space: pre-line")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of text and numbers."""
    with (
        ui.element("div").classes("scroll"),
        ui.element("table").classes("sites"),
        ui.element("tbody"),
    ):
        for tag, cells in [("th", heads), *(("td", row) for row in rows)]:
            with ui.element("tr"):
                for text in cells:
                    with ui.element(tag):
                        ui.label(text)

"""The panel of the measured scan: file, normalization, sliders, R-factor, ranking, mixture."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ..comparison import MAX_SHIFT
from ..comparison.candidates import Candidate, predict_named
from ..comparison.comparison import Comparison
from ..comparison.tables import fit_cells, mixture_cells, mixture_table, ranking_table, verdict
from ..errors import XanesError
from ..xas.columns import read_columns
from .figures import Line
from .scan import KNOBS, overlays, read
from .state import Result, Scan
from .widgets import Latest, Table, box, button, errors_to, file_input, heading, in_thread, slider

if TYPE_CHECKING:
    from .page import Page

NUMBERS = {"e0": "Edge e0", "pre1": "Pre-edge from", "pre2": "to", "norm1": "Post-edge from",
           "norm2": "to"}  # fmt: skip
RANKED = ("Structure", "Shift (eV)", "Broadening (eV)", "Scale", "Weight", "R-factor")
MIXED = ("Structure", "Fraction", "±", "Bootstrap", "Model", "Shift (eV)")


class ScanPanel:
    """Controls of a scan that is drawn over the page's spectrum."""

    def __init__(self, page: "Page") -> None:
        """Build the panel."""
        self.page, self.state = page, page.state
        self.comparison: Comparison | None = None
        self.candidate: Candidate | None = None
        self.candidates: list[Candidate] = []
        self.done: Any = None
        self.of_scan: Any = None
        self.of_fit: Any = None
        self.knobs: dict[str, float] = {}
        self.refresh = Latest(self._follow)
        with box("bar"):
            heading("Measured scan")
            names = "Open a scan", "Path: XDI, columns, or Athena"
            field = file_input(page, *names, self.open, self.say)
            field.value = str(self.state.scan.path or "")
        self.error = ui.label().classes("bad").props("role=alert")
        with box("column") as self.body:
            self._build_normalization()
        with box("column") as self.results:
            self._build_sliders()
            self.ranked = box("column")
            with box("bar") as self.mix:
                button("Fit a mixture of the structures", self._mixture)
            self.mixed = box("column")
        self.body.set_visibility(False)
        self.results.set_visibility(False)

    def _build_normalization(self) -> None:
        with box("fields"):
            self.fields: dict[str, Any] = {"mu": ui.input("Mu, or its formula")}
            self.fields["energy"] = ui.input("Energy")
        self.made_from = ui.label().classes("quiet")
        with box("fields"):
            self.fields |= {k: ui.number(f"{label} (eV)") for k, label in NUMBERS.items()}
        for name, field in self.fields.items():
            field.value = getattr(self.state.scan, name)
            field.props("dense stack-label placeholder=inferred")
            field.on("blur", self.changed).on("keydown.enter", self.changed)

    def _build_sliders(self) -> None:
        self.sliders = {}
        with box("sliders"):
            for name, (step, unit) in KNOBS.items():
                label, turn = name.capitalize(), partial(self._turn, name)
                box("bar", label)
                self.sliders[name] = slider(label, (0.0, 1.0), step, unit, turn)
        with box("bar"):
            button("Back to the fit", self.fit)
            self.difference = ui.checkbox("Difference", on_change=self._draw)

    def say(self, message: str) -> None:
        """Show an error in the panel's line."""
        self.page.say(message, self.error)

    async def open(self, path: Path, uploaded: bool = False) -> None:
        """Read another scan, with columns and ranges that are inferred."""
        for field in self.fields.values():
            field.value = None
        self.state.scan = Scan(path, uploaded)
        await self.refresh()

    async def changed(self) -> None:
        """Read the scan with the columns and ranges of the fields; what is empty is inferred."""
        if self.state.scan.path is not None:
            values = {name: field.value for name, field in self.fields.items()}
            texts = {name: (values[name] or "").strip() or None for name in ("mu", "energy")}
            self.state.scan = replace(self.state.scan, **values | texts)
            await self.refresh()

    def update(self) -> None:
        """Follow the page's prediction."""
        if self.state.scan.path is not None:
            ui.timer(0, self.refresh, once=True)

    async def _follow(self) -> None:
        """Read and fit what has changed; errors are shown, and the page goes on."""
        scan, result = self.state.scan, self.state.result
        if scan.path is None or result is None or self.done == (scan, result):
            return
        self.done = scan, result
        try:
            await self._work(scan, result)
            self.say("")
        except (XanesError, OSError) as error:
            self.candidate = self.comparison = self.of_scan = self.of_fit = None
            self._show_normalization(None)
            self.say(str(error))
            with suppress(XanesError, OSError):  # the first error says more
                self.fields["mu"].set_autocomplete(read_columns(scan.path).names)
        self.body.set_visibility(True)
        self.results.set_visibility(self.candidate is not None)
        self._draw()
        self.page.show_lines()

    async def _work(self, scan: Scan, result: Result) -> None:
        state, request, one = self.state, result.request, self.comparison
        structures = [(each.name, each.atoms) for each in state.structures]
        structures[state.current] = request.name, request.atoms
        of_scan = scan, request.models[0], request.element, request.edge
        if one is None or of_scan != self.of_scan:
            one = await in_thread(read, scan, request)
            self._show_normalization(one)
        shown_only = [(request.name, result.atoms)]
        shown = (await in_thread(predict_named, one.model, shown_only))[0]
        of_fit = of_scan, state.current, tuple(id(atoms) for _, atoms in structures)
        if of_fit != self.of_fit:
            self.candidates = await in_thread(predict_named, one.model, structures)
            await self._rank(one)
            await self._fit(one, shown)
        self.comparison, self.candidate, self.of_scan, self.of_fit = one, shown, of_scan, of_fit

    def _show_normalization(self, comparison: Comparison | None) -> None:
        """Show what is inferred where a field is empty."""
        shown, self.made_from.text = {}, ""
        if comparison is not None:
            measured = comparison.measured
            self.made_from.text = f"{measured.norm.made_from}; edge step {measured.edge_step:.4g}"
            shown = {**vars(measured.ranges), "e0": measured.e0}
        for name in NUMBERS:
            text = f"{shown[name]:.2f}" if name in shown else "inferred"
            self.fields[name].props(f'placeholder="{text}"')

    async def _fit(self, comparison: Comparison, shown: Candidate) -> None:
        """Move the sliders to the fit of a structure."""
        fitted = (await in_thread(comparison.rank, [shown])).fits[0]
        bounds = comparison.bounds.widened(KNOBS)
        self.knobs = {name: getattr(fitted, name) for name in KNOBS}
        for name, knob in self.sliders.items():
            low, high = getattr(bounds, name)
            knob.props.update(min=low, max=high)
            knob.update()
            knob.value = self.knobs[name]

    async def fit(self) -> None:
        """Move the sliders to the fit of the structure that is shown."""
        if self.comparison is not None and self.candidate is not None:
            await self._fit(self.comparison, self.candidate)
            self._draw()

    def _turn(self, name: str, value: float) -> None:
        """Follow a slider, unless it is one that follows a fit."""
        if self.knobs.get(name, value) != value:
            self.knobs[name] = float(value)
            self._draw()

    def lines(self) -> list[Line]:
        """Curves of the scan and of what the sliders make of the prediction."""
        one, shown, result = self.comparison, self.candidate, self.state.result
        if one is None or shown is None or result is None:
            return []
        try:
            return overlays(one, shown, self.knobs, result)[: 3 if self.difference.value else 2]
        except XanesError as error:
            self.say(str(error))
            return []

    def _draw(self) -> None:
        """Show what the sliders say: R-factor and curves."""
        self.state.shift, self.page.fitted.text = None, ""
        if self.comparison is not None and self.candidate is not None:
            knobs = self.knobs
            self.state.shift = knobs["shift"]
            self.page.fitted.text = (
                f"R-factor {self.comparison.r_factor(self.candidate, **knobs):.5f} with the"
                f" prediction shifted by {knobs['shift']:+.2f} eV and broadened by"
                f" {knobs['broadening']:.2f} eV"
            )
        self.page.draw_spectrum()

    async def _rank(self, one: Comparison) -> None:
        ranking = await in_thread(one.rank, self.candidates)
        rows = [fit_cells(fit)[: len(RANKED)] for fit in ranking.fits]
        text = ranking_table(ranking, self.candidates, len(rows))
        self.mix.set_visibility(len(rows) > 1)
        self.mixed.clear()
        self.ranked.clear()
        with self.ranked:
            ui.label(verdict(ranking))
            Table(RANKED).show(rows)
            with ui.expansion("What was compared").props("dense"):
                remarks(text, len(rows))

    async def _mixture(self) -> None:
        if self.comparison is None:
            return
        names = [one.name for one in self.candidates]
        with errors_to(self.say):
            mixture = await in_thread(self.comparison.mixture, self.candidates)
            self.mixed.clear()
            with self.mixed:
                Table(MIXED).show(mixture_cells(names, mixture))
                remarks(mixture_table(names, mixture, MAX_SHIFT), len(names))


def remarks(table: str, rows: int) -> None:
    """The lines below the head and the rows of a table of text."""
    text = "\n".join(table.splitlines()[rows + 1 :])
    ui.label(text).classes("quiet").style("white-space: pre-line")

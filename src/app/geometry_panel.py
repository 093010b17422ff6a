"""Sliders that distort the structure, and what `explain` says of the chosen site."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ase import Atoms
from nicegui import ui

from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError
from ..explanation.attribution import Explanation, explain
from ..structures.cluster import Cluster, Shell
from .geometry import REACH, Geometry, surroundings
from .long_work import LongWork, Stopped
from .state import MEAN, own_copy

if TYPE_CHECKING:
    from .page import Page

STRAIN, SHIFT = 5.0, 0.3
"""Ends of the sliders, percent and Angstrom."""


class GeometryPanel:
    """Strain, distances of neighbors, contributions of shells."""

    def __init__(self, page: "Page") -> None:
        """Build the panel."""
        self.page, self.state = page, page.state
        self.around: tuple[Cluster, list[Shell]] | None = None
        self.place: Any = None
        with ui.element("div").classes("bar spread"):
            ui.html("<h2>Geometry</h2>", sanitize=False)
            self.reset = ui.button("Reset", on_click=self._reset).props("flat dense no-caps")
        with ui.element("div").classes("sliders"):
            self.isotropic = self._slider("Isotropic strain", "isotropic", STRAIN, 0.1, "%")
            self.uniaxial = self._slider("Strain along", "uniaxial", STRAIN, 0.1, "%")
            self.shift = self._slider("Distance of", "shift", SHIFT, 0.01, "Å")
        with ui.element("div").classes("bar"):
            self.work = LongWork("Explain this site", self.explain)
            self.hint = ui.label().classes("quiet")

    def _slider(self, text: str, name: str, end: float, step: float, unit: str) -> Any:
        """A slider of a field of ``Geometry`` between -end and end, with a choice in its label."""
        with ui.element("div").classes("bar"):
            ui.label(text)
            if name == "uniaxial":
                self.along = ui.select({0: "a", 1: "b", 2: "c"}, value=0).props(
                    'dense borderless aria-label="Lattice vector"'
                )
                self.along.on_value_change(lambda e: self._set(along=e.value))
            if name == "shift":
                self.moved = ui.select({"": "a shell"}, value="").props(
                    'dense borderless aria-label="Neighbors"'
                )
                self.moved.on_value_change(lambda e: self._choose(e.value))
        slider = ui.slider(min=-end, max=end, step=step, value=0.0)
        slider.props(f'aria-label="{text}, {unit}"')
        slider.on_value_change(lambda e: self._set(**{name: float(e.value)}))
        digits = 1 if unit == "%" else 2
        ui.label().classes("number").bind_text_from(
            slider, "value", lambda value: f"{value:+.{digits}f} {unit}"
        )
        return slider

    async def _set(self, **values: Any) -> None:
        changed = replace(self.state.geometry, **values)
        if changed != self.state.geometry:
            self.page.explained = None
            self.state.geometry = changed
            await self.page.refresh()

    async def _choose(self, value: str) -> None:
        await self._set(moved=tuple(int(part) for part in value.split(",") if part))

    async def _reset(self) -> None:
        self.page.explained, self.state.geometry = None, Geometry()
        await self.page.refresh()

    def choose_neighbor(self, atom: int) -> None:
        """Choose the nearest image of an atom as the neighbor that moves."""
        if self.around is not None:
            cluster = self.around[0]
            numbers = [k for k in range(1, len(cluster.origin)) if cluster.origin[k] == atom]
            if numbers:
                self._offer({str(numbers[0]): self._neighbor(numbers[0])})
                self.moved.value = str(numbers[0])

    def _neighbor(self, number: int) -> str:
        cluster = self.around[0] if self.around else None
        if cluster is None:
            return "a neighbor"
        symbol = cluster.atoms.symbols[number]
        return f"{symbol} {cluster.origin[number]}, {cluster.distance[number]:.2f} Å"

    def _offer(self, more: dict[str, str]) -> None:
        shells = self.around[1] if self.around else []
        options = {",".join(map(str, one.members)): f"{one.label} Å" for one in shells}
        chosen = ",".join(map(str, self.state.geometry.moved))
        if chosen and chosen not in options | more:
            more = {chosen: self._neighbor(int(chosen.split(",")[0]))} | more
        self.moved.set_options({"": "a shell"} | options | more, value=chosen)

    def update(self) -> None:
        """Show the geometry of the state, and the shells of its site."""
        state, place = self.state, (self.state.current, self.state.site)
        if state.structure is not None and self.place != (*place, state.structure.frame):
            self.place = (*place, state.structure.frame)
            chosen = state.site != MEAN
            self.around = surroundings(state.structure.atoms, state.site) if chosen else None
            self.hint.text = "" if chosen else "Choose a site to move its neighbors."
            periodic = bool(state.structure.atoms.pbc.any())
            self.along.set_options(dict(enumerate("abc" if periodic else "xyz")), value=0)
        self._offer({})
        for name in ("isotropic", "uniaxial", "shift", "along"):
            getattr(self, name).value = getattr(state.geometry, name)
        self.shift.set_enabled(bool(state.geometry.moved))
        self.moved.set_enabled(self.around is not None)
        self.work.button.set_enabled(state.site != MEAN)
        back = self.page.explained is not None
        self.work.button.text = "Back to the crystal" if back else "Explain this site"
        self.reset.set_visibility(state.geometry != Geometry())

    async def explain(self) -> None:
        """Explain the chosen site, or go back to the crystal."""
        if self.page.explained is not None:
            self.page.explained = None
            self.page.show(moved=True)
            return
        result, site = self.state.result, self.state.site
        if result is None or site == MEAN:
            return
        try:
            done = await self.work.do(explain_site, result.models[0], result.atoms, site)
            if self.state.result is result and self.state.site == site:
                self.page.explained = done
                self.page.show(moved=True)
        except Stopped:
            self.page.say("")
        except ConfigError as error:
            self.page.say(str(error))


def explain_site(
    model: TrainedModel, atoms: Atoms, site: int, progress: Callable[[float], None]
) -> Explanation:
    """What ``explain`` says of a site within ``REACH``, with progress."""
    return explain(own_copy(model), atoms, site, radius=REACH, progress=progress)

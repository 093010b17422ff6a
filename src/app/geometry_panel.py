"""Sliders that distort the structure, and what `explain` says of the chosen site."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ..errors import ConfigError
from ..explanation.attribution import Explanation, explain
from ..structures.cluster import Cluster, Shell
from ..structures.distortion import REACH, Distortion, surroundings
from .state import MEAN
from .widgets import LongWork, box, button, choice, heading, slider

if TYPE_CHECKING:
    from .page import Page

STRAIN, SHIFT = (-5.0, 5.0), (-0.3, 0.3)
"""Ends of the sliders, percent and Angstrom."""


class GeometryPanel:
    """Strain, distances of neighbors, contributions of shells."""

    def __init__(self, page: "Page") -> None:
        """Build the panel."""
        self.page, self.state = page, page.state
        self.around: tuple[Cluster, list[Shell]] | None = None
        self.place: Any = None
        with box("bar spread"):
            heading("Geometry")
            self.reset = button("Reset", lambda: page.set(geometry=Distortion()), "flat")
        self.sliders: dict[str, Any] = {}
        with box("sliders"):
            box("bar", "Isotropic strain")
            self._slide("isotropic", "Isotropic strain, %", STRAIN, 0.1)
            with box("bar", "Strain along"):
                self.along = self._choice("Lattice vector", lambda v: self._set(along=v), {0: "a"})
            self._slide("uniaxial", "Strain along the vector, %", STRAIN, 0.1)
            with box("bar", "Distance of"):
                self.moved = self._choice("Neighbors", lambda v: self._set(moved=v), {(): ""})
            self._slide("shift", "Distance of the neighbors, Å", SHIFT, 0.01)
        with box("bar"):
            texts = "Explain this site", "Back to the crystal"
            self.work = LongWork(
                page, texts, self._explain, lambda: (self.state.result, self.state.site)
            )
            self.hint = ui.label().classes("quiet")

    def _choice(self, label: str, change: Callable[[Any], Any], options: dict[Any, str]) -> Any:
        return choice(None, change, options).props(f'borderless aria-label="{label}"')

    def _slide(self, name: str, label: str, ends: tuple[float, float], step: float) -> None:
        """Add a slider of a field of ``Distortion``, with the unit that its label ends with."""
        how = label, ends, step, label.rpartition(" ")[2]
        self.sliders[name] = slider(*how, lambda value: self._set(**{name: value}))

    async def _set(self, **values: Any) -> None:
        await self.page.set(geometry=replace(self.state.geometry, **values))

    async def choose(self, atom: int) -> None:
        """Choose the nearest image of an atom as the neighbor that moves."""
        origin = self.around[0].origin[1:].tolist() if self.around else []
        if atom in origin:
            await self._set(moved=(1 + origin.index(atom),))

    def _offer(self) -> None:
        """The shells, and the neighbor that was clicked, to choose from."""
        options: dict[tuple[int, ...], str] = {(): "a shell"}
        moved = self.state.geometry.moved
        if self.around is not None:
            cluster, shells = self.around
            options |= {shell.members: f"{shell.label} Å" for shell in shells}
            for k in moved[: moved not in options]:
                distance = f"{cluster.distance[k]:.2f} Å"
                options[moved] = f"{cluster.atoms.symbols[k]} {cluster.origin[k]}, {distance}"
        self.hint.text = (
            self._distances() if self.around else "Choose a site to move its neighbors."
        )
        self.moved.set_options(options, value=moved)
        self.moved.set_enabled(self.around is not None)

    def _distances(self) -> str:
        """What the numbers of an explanation are, else how far the neighbors are that move."""
        geometry = self.state.geometry
        if self.work.result is not None:
            return "Numbers: change of the spectrum without the shell, root mean square"
        if self.around is None or not geometry.moves:
            return ""
        mean = self.around[0].distance[list(geometry.moved)].mean()
        return f"{mean:.3f} Å, now {mean + geometry.shift:.3f} Å, around this site alone"

    def update(self) -> None:
        """Show the geometry of the state, and the shells of its site."""
        state, structure = self.state, self.state.structure
        place = state.current, structure and structure.frame, state.site
        if structure is not None and self.place != place:
            self.place, chosen = place, state.site != MEAN
            self.around = surroundings(structure.atoms, state.site) if chosen else None
        periodic = structure is None or structure.atoms.pbc.any()
        names = dict(enumerate("abc" if periodic else "xyz"))
        self.along.set_options(names, value=state.geometry.along)
        self._offer()
        for name, one in self.sliders.items():
            one.value = getattr(state.geometry, name)
        self.sliders["shift"].set_enabled(bool(state.geometry.moved))
        self.work.update(state.site != MEAN)
        self.reset.set_visibility(state.geometry != Distortion())

    def _explain(self) -> Callable[[Callable[[float], None]], Explanation]:
        """What ``explain`` says of the chosen site within ``REACH``."""
        result, site = self.state.result, self.state.site
        if result is None:
            raise ConfigError("there is no spectrum to explain")
        model, atoms = result.models[0], result.atoms
        return lambda progress: explain(model, atoms, site, radius=REACH, progress=progress)

"""The frames of a trajectory: a slider, and their mean spectrum with its spread."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ase import Atoms
from nicegui import ui

from ..checkpoints.energy_scale import aligned
from ..errors import XanesError
from ..prediction.site_prediction import predict_each, raise_errors
from ..prediction.trajectory import TrajectorySpectrum, average_frames
from ..predictor import AT_ONCE, name_frames
from .figures import INK, Overlay
from .long_work import LongWork, Stopped
from .state import Request, load_model, own_copy


def average(
    request: Request, frames: Sequence[Atoms], progress: Callable[[float], None]
) -> TrajectorySpectrum:
    """Mean over frames as ``XANESPredictor.trajectory`` has it, with the first model of the page.

    ``progress`` gets the fraction of the frames that is begun, and may raise to stop.

    Raises:
        StructureError: a frame can't be predicted; its number, from 0, is named.
        ConfigError: the model knows no shift to measured energies.
    """
    model = load_model(request.models[0]).of(request.element, request.edge)
    model = aligned(model) if request.aligned else model
    model = own_copy(model)

    def counted() -> Iterator[tuple[str, Any]]:
        for number, named in enumerate(name_frames(frames)):
            progress(number / len(frames))
            yield named

    return average_frames(raise_errors(predict_each(model, counted(), at_once=AT_ONCE)))


def overlays(spectrum: TrajectorySpectrum) -> dict[str, Overlay]:
    """Curves of the mean, and of one standard deviation over frames above and below."""
    mean, spread, energy = spectrum.mean, spectrum.spread, spectrum.energy
    curves = {
        f"mean of {spectrum.n_frames} frames": (mean, 2.4),
        "mean + deviation over frames": (mean + spread, 1.0),
        "mean - deviation over frames": (mean - spread, 1.0),
    }
    return {
        f"trajectory {k}": Overlay(name, energy, mu, INK, width)
        for k, (name, (mu, width)) in enumerate(curves.items())
    }


class TrajectoryPanel:
    """Controls of the shown structure's frames; hidden where there is one."""

    def __init__(self, page: Any) -> None:
        """Build the panel of a ``Page``."""
        self.page = page
        self.spectrum: TrajectorySpectrum | None = None
        self.key: Any = None
        with ui.element("div").classes("column") as self.body:
            ui.html("<h2>Trajectory</h2>", sanitize=False)
            with ui.element("div").classes("sliders"):
                with ui.element("div").classes("bar"):
                    ui.label("Frame")
                self.slider = ui.slider(min=0, max=1, step=1, value=0).props('aria-label="Frame"')
                self.slider.on_value_change(lambda e: self.show_frame(int(e.value)))
                ui.label().classes("number").bind_text_from(
                    self.slider, "value", lambda value: f"{value:.0f}"
                )
            with ui.element("div").classes("bar"):
                self.work = LongWork("Mean over frames", self.average)
                self.text = ui.label().classes("quiet")
        self.update()

    def update(self) -> None:
        """Follow the structure that is shown; a mean of another one, or model, is taken away."""
        structure, result = self.page.state.structure, self.page.state.result
        frames = [] if structure is None else structure.frames
        self.body.set_visibility(len(frames) > 1)
        self.slider.props["max"] = max(len(frames) - 1, 1)
        self.slider.value = 0 if structure is None else structure.frame
        self.slider.update()
        key = id(structure), None if result is None else self._asked(result.request)
        if key != self.key:
            self.key, self.spectrum, self.text.text = key, None, ""
        for name in [name for name in self.page.overlays if name.startswith("trajectory")]:
            del self.page.overlays[name]
        if self.spectrum is not None:
            self.page.overlays |= overlays(self.spectrum)

    def _asked(self, request: Request) -> Any:
        return request.models[0], request.element, request.edge, request.aligned

    async def show_frame(self, number: int) -> None:
        """Show a frame."""
        structure = self.page.state.structure
        if structure is not None and number != structure.frame:
            structure.frame = number
            await self.page.refresh()

    async def average(self) -> None:
        """Predict every frame, in a thread."""
        state, key = self.page.state, self.key
        if state.structure is None or state.result is None:
            return
        try:
            spectrum = await self.work.do(average, state.result.request, state.structure.frames)
            if self.key == key:
                self.spectrum = spectrum
                self.text.text = repr(spectrum).strip("<>").partition(" ")[2]
        except Stopped:
            self.page.say("")
        except XanesError as error:
            self.page.say(str(error))
        self.update()
        self.page.show()

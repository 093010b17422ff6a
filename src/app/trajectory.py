"""The frames of a trajectory: a slider, and their mean spectrum with its spread."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ..errors import ConfigError
from ..prediction.trajectory import TrajectorySpectrum
from ..predictor import XANESPredictor
from .figures import INK, Line
from .widgets import LongWork, box, heading, slider

if TYPE_CHECKING:
    from .page import Page


def overlays(spectrum: TrajectorySpectrum) -> list[Line]:
    """Curves of the mean, and of one standard deviation over frames above and below."""
    mean, spread, energy = spectrum.mean, spectrum.spread, spectrum.energy
    return [
        Line(f"mean of {spectrum.n_frames} frames", energy, mean, INK, 2.4),
        Line("mean + deviation over frames", energy, mean + spread, INK, 1.0),
        Line("mean - deviation over frames", energy, mean - spread, INK, 1.0),
    ]


class TrajectoryPanel:
    """Controls of the shown structure's frames; hidden where there is one."""

    def __init__(self, page: "Page") -> None:
        """Build the panel."""
        self.page, self.state = page, page.state
        with box("column") as self.body:
            heading("Trajectory")
            with box("sliders"):
                box("bar", "Frame")
                self.slider = slider("Frame", (0, 1), 1, "", self._show_frame)
            with box("bar"):
                texts = "Mean over frames", "Without the mean"
                self.work = LongWork(page, texts, self._average, self._key)
                self.text = ui.label().classes("quiet")
        self.update()

    def _key(self) -> Any:
        """What a mean depends on."""
        asked = self.state.result and self.state.result.request
        return self.state.current, asked and (asked.model_names(), asked.aligned)

    def update(self) -> None:
        """Follow the structure that is shown."""
        structure, mean = self.state.structure, self.work.result
        frames = [] if structure is None else structure.frames
        self.body.set_visibility(len(frames) > 1)
        self.slider.props["max"] = max(len(frames) - 1, 1)
        self.slider.value = 0 if structure is None else structure.frame
        self.slider.update()
        self.work.update()
        self.text.text = "" if mean is None else repr(mean).strip("<>").partition(" ")[2]

    def lines(self) -> list[Line]:
        """Curves of the mean, if it is of the structure and model that are shown."""
        return overlays(self.work.result) if self.work.result else []

    async def _show_frame(self, number: float) -> None:
        structure = self.state.structure
        if structure is not None and int(number) != structure.frame:
            structure.frame = int(number)
            await self.page.refresh()

    def _average(self) -> Callable[[Callable[[float], None]], TrajectorySpectrum]:
        structure, result = self.state.structure, self.state.result
        if structure is None or result is None:
            raise ConfigError("there is no spectrum to average")
        predictor, frames = XANESPredictor(result.request.load()[0]), structure.frames
        return lambda progress: predictor.trajectory(
            frames, progress=lambda number: progress(number / len(frames))
        )

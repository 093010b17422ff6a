"""Long work in a thread: a button that begins it, a bar of progress, a button that stops it."""

import threading
from collections.abc import Callable
from typing import Any

from nicegui import run, ui


class Stopped(Exception):
    """The user stopped long work."""


class LongWork:
    """The buttons and the bar, made where it is called."""

    def __init__(self, text: str, begin: Callable[[], Any]) -> None:
        """Build them; ``begin`` is called by the first button, and calls ``do``."""
        self.stop, self.fraction = threading.Event(), 0.0
        self.button = ui.button(text, on_click=begin).props("outline dense no-caps")
        self.bar = ui.linear_progress(0, show_value=False).classes("progress")
        self.end = ui.button("Stop", on_click=self.stop.set).props("flat dense no-caps")
        self.timer = ui.timer(0.2, lambda: self.bar.set_value(self.fraction), active=False)
        self._show(False)

    async def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Result of ``work(*arguments, progress)``, which gives its fraction to ``progress``.

        Raises:
            Stopped: the user stopped it.
        """
        self.stop.clear()
        self._show(True)
        try:
            return await run.io_bound(work, *arguments, self._advance)
        finally:
            self._show(False)

    def _advance(self, fraction: float) -> None:
        self.fraction = fraction
        if self.stop.is_set():
            raise Stopped

    def _show(self, working: bool) -> None:
        self.fraction = self.bar.value = 0.0
        self.timer.active = working
        self.button.set_visibility(not working)
        self.bar.set_visibility(working)
        self.end.set_visibility(working)

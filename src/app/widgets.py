"""What the panels of the page are made of: sliders, tables, files to drop, long work."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nicegui import binding, events, run, ui

from ..errors import XanesError
from .state import LARGEST

if TYPE_CHECKING:
    from .page import Page

T = TypeVar("T")


def box(classes: str, text: str = "") -> Any:
    """An element with classes of the style, to be filled in a ``with``, and a first label."""
    with ui.element("div").classes(classes) as element:
        if text:
            ui.label(text)
    return element


def heading(text: str) -> None:
    """A heading."""
    ui.html(text, sanitize=False, tag="h2")


def button(text: str, act: Callable[..., Any], kind: str = "outline", label: str = "") -> Any:
    """A button; ``label``: what a screen reader says."""
    made = ui.button(text, on_click=act).props(f"{kind} dense no-caps")
    return made.props(f'aria-label="{label}"') if label else made


def choice(label: str | None, change: Callable[[Any], Any], options: Any = (), **how: Any) -> Any:
    """A list to choose from; ``change`` gets the value when the user chooses, not the program."""
    made = ui.select(options or [], label=label, **how).props("dense")
    made.on("update:model-value", lambda: change(made.value), args=[])
    return made


def slider(
    label: str, ends: tuple[float, float], step: float, unit: str, change: Callable[[float], Any]
) -> Any:
    """A slider and the number that it is at; both follow a label in a box of sliders."""
    made = ui.slider(min=ends[0], max=ends[1], step=step, value=max(ends[0], 0))
    made.props(f'aria-label="{label}"').on_value_change(lambda e: change(e.value))
    form = f"{'+' if ends[0] < 0 else ''}.{max(0, -floor(log10(step)))}f"
    number = ui.label().classes("number")
    number.bind_text_from(made, "value", lambda value: f"{value:{form}} {unit}".strip())
    return made


def file_input(page: "Page", drop: str, path: str, opened: Callable[..., Any], say: Any) -> Any:
    """A place to drop files, and a field for a path, which Enter opens.

    ``opened`` gets a path, and True for a file that was dropped; ``say`` that one is too large.
    """

    async def uploaded(event: events.MultiUploadEventArguments) -> None:
        upload.reset()
        for one in event.files:
            file = page.folder / (Path(one.name).name or "file")
            await one.save(file)
            await opened(file, True)

    upload = ui.upload(
        label=drop, multiple=True, auto_upload=True, max_file_size=LARGEST,
        on_multi_upload=uploaded,
        on_rejected=lambda: say(f"a file is larger than {LARGEST // 10**6} MB"),
    ).props("flat")  # fmt: skip
    field = ui.input(path).props("dense").classes("grow")
    return field.on("keydown.enter", lambda: opened(Path(field.value.strip())))


class Table:
    """A table of texts, whose rows, by ``choose``, can be chosen by click, Enter or space."""

    def __init__(self, heads: Sequence[str], choose: Callable[[int], Any] | None = None) -> None:
        """Build a table without rows; ``choose`` gets the number of a row."""
        self.choose, self.rows = choose, list[Any]()
        with box("scroll"), ui.element("table").classes("sites") as self.table:
            with ui.element("thead"), ui.element("tr"):
                for head in heads:
                    with ui.element("th").props("scope=col"):
                        ui.label(head)
            self.body = ui.element("tbody")

    def show(self, rows: Sequence[Sequence[str]], marks: Sequence[tuple[str, str]] = ()) -> None:
        """Show other rows, each marked by a color before the first text, a doubt at the last."""
        self.body.clear()
        self.rows = []
        with self.body:
            for cells, (color, doubt) in zip_longest(rows, marks, fillvalue=("", "")):
                with ui.element("tr") as row:
                    for k, text in enumerate(cells):
                        with ui.element("td"):
                            if color and k == 0:
                                swatch = ui.element("span").classes("swatch")
                                swatch.style(f"background:{color}")
                            cell = ui.label(text).style("display:inline")
                if doubt:
                    cell.classes("warn").tooltip(doubt)
                if self.choose is not None:
                    chosen = partial(self.choose, len(self.rows))
                    for event in ("click", "keydown.enter", "keydown.space.prevent"):
                        row.props("tabindex=0").on(event, chosen, args=[])
                self.rows.append(row)


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Do something that takes a while, and has a result, with the page alive."""
    result = await run.io_bound(work, *arguments)
    if result is None:  # the server ends
        raise asyncio.CancelledError
    return result


@contextmanager
def errors_to(say: Callable[[str], None]) -> Iterator[None]:
    """Errors of the library go to a line of the page, which is empty before."""
    say("")
    try:
        yield
    except (XanesError, OSError) as error:
        say(str(error))


class Stopped(XanesError):
    """The user stopped long work."""


class LongWork:
    """Work in a thread: a button that begins it or takes its result away, progress, and Stop."""

    working = binding.BindableProperty()

    def __init__(
        self,
        page: "Page",
        texts: tuple[str, str],
        work: Callable[[], Callable[[Callable[[float], None]], Any]],
        key: Callable[[], Any],
    ) -> None:
        """Build the buttons and the bar.

        ``work`` makes of what is shown a function, which gets what to call with its fraction; the
        result is that of ``key``, and none where that is another; ``texts`` are the button's.
        """
        self.page, self.texts, self.work, self.key = page, texts, work, key
        self.working, self.stopped, self.fraction = False, False, 0.0
        self.made: tuple[Any, Any] | None = None
        self.button = button(texts[0], self._act).bind_visibility_from(self, "working", value=False)
        bar = ui.linear_progress(show_value=False).classes("progress")
        bar.bind_value_from(self, "fraction").bind_visibility_from(self, "working")
        button("Stop", self._stop, "flat").bind_visibility_from(self, "working")

    @property
    def result(self) -> Any:
        """Result for what is shown; None: there is none."""
        return self.made[1] if self.made and self.made[0] == self.key() else None

    def update(self, possible: bool = True) -> None:
        """Say what the button does."""
        self.button.text = self.texts[self.result is not None]
        self.button.set_enabled(possible)

    async def _act(self) -> None:
        key, begins, self.made = self.key(), self.result is None, None
        if begins:
            self.working, self.stopped, self.fraction = True, False, 0.0
            try:
                with errors_to(self.page.say):
                    self.made = key, await in_thread(self.work(), self._advance)
            finally:
                self.working = False
        self.page.show(moved=True)

    def _advance(self, fraction: float) -> None:
        self.fraction = fraction
        if self.stopped:
            raise Stopped("stopped")

    def _stop(self) -> None:
        self.stopped = True


class Latest:
    """Something that takes a while; of many calls at once the last counts."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        """Take the work, which finds out by itself what is to be done."""
        self.work, self.lock = work, asyncio.Lock()
        self.caller: asyncio.Task[Any] | None = None

    async def __call__(self) -> None:
        """Do it after what is going on, unless it is called again until then."""
        self.caller = asyncio.current_task()
        async with self.lock:
            if self.is_last():
                await self.work()

    def is_last(self) -> bool:
        """Whether nothing has called since the task that asks."""
        return self.caller is asyncio.current_task()

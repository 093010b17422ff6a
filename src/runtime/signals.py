"""Ctrl-C and SIGTERM: noted until the state can be written, or turned into an exception."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from ..errors import Terminated

ENDINGS = signal.SIGINT, signal.SIGTERM
SAME_SECONDS = 5.0
"""A signal that comes again so soon is the same request: torchrun passes on to its processes what
a terminal or a queue has already sent to all of them."""


def handle(handler: Callable[[int, FrameType | None], None], *numbers: int) -> dict[int, Any]:
    """Handle signals, in the main thread, as no other may; return the handlers of before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in numbers}


class Pause:
    """Within its context the first Ctrl-C or SIGTERM is only noted; a later one acts at once."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.number: int | None = None
        self._noted = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Pause":
        """Take over the signals."""
        self._before = handle(self._note, *ENDINGS)
        return self

    def __exit__(self, *_error: object) -> None:
        """Restore the signals' handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether to stop at the next good moment."""
        return self.number is not None

    def stop(self) -> NoReturn:
        """Stop as the signal would have done.

        Raises:
            KeyboardInterrupt: it came from the keyboard, or to another process.
            Terminated: it was SIGTERM.
        """
        raise Terminated if self.number == signal.SIGTERM else KeyboardInterrupt

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if not self.asked:
            self.number, self._noted = number, time.monotonic()
        elif time.monotonic() - self._noted >= SAME_SECONDS:
            self.stop()


@contextmanager
def orderly_end() -> Iterator[None]:
    """Turn SIGTERM into ``Terminated``, so that files are closed and child processes ended."""

    def terminate(_number: int, _frame: object) -> NoReturn:
        raise Terminated

    before = handle(terminate, signal.SIGTERM)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

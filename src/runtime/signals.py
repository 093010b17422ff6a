"""Requests to stop, from the keyboard or a signal, delayed until the state can be written."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn

from ..errors import Terminated

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
"""What asks a program to end: the keyboard, a queue, a closed terminal, the notice of a queue."""
ENDINGS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
"""Those of them that this system has."""
SAME_SECONDS = 5.0
"""A signal that comes again so soon is the same request: torchrun, and a training of several
members, pass on what a terminal or a queue has already sent to all processes."""


class Pause:
    """Within its context the first of ``ENDINGS`` is only noted; a later one acts at once."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.number: int | None = None
        self._noted = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Pause":
        """Take over the signals; only the main thread of a program may."""
        if threading.current_thread() is threading.main_thread():
            for number in filter(_is_free, ENDINGS):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether to stop at the next good moment."""
        return self.number is not None

    def stop(self) -> None:
        """Stop as the signal would have done.

        Raises:
            KeyboardInterrupt: it came from the keyboard, or to another process.
            Terminated: it was another signal.
        """
        if self.number in (None, signal.SIGINT):
            raise KeyboardInterrupt
        raise Terminated

    def _note(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal, or obey one that comes long after it."""
        if not self.asked:
            self.number, self._noted = number, time.monotonic()
        elif time.monotonic() - self._noted >= SAME_SECONDS:
            self.stop()


def _is_free(number: int) -> bool:
    """Whether a signal may be taken over: not ignored (nohup), SIGUSR1 not used by the program."""
    before = signal.getsignal(number)
    if number in (signal.SIGINT, signal.SIGTERM):
        return True
    if number == signal.SIGHUP:
        return before not in (signal.SIG_IGN, None)
    return before == signal.SIG_DFL


@contextmanager
def orderly_end() -> Iterator[None]:
    """Turn SIGTERM, and SIGHUP unless it is ignored (nohup), into ``Terminated``.

    So files are closed, and processes that were started are ended.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one may
        yield
        return

    def terminate(_number: int, _frame: object) -> NoReturn:
        raise Terminated

    taken = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        taken.append(signal.SIGHUP)
    before = {number: signal.signal(number, terminate) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

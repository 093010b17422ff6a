"""Requests to stop, from the keyboard or by SIGTERM, that wait until work can be kept."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from .errors import Terminated


class Pause:
    """Within its context the first SIGINT or SIGTERM is only noted; a second one acts at once."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Pause":
        """Take over both signals; only the main thread of a program may."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
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
            Terminated: it was SIGTERM.
        """
        if self.number == signal.SIGTERM:
            raise Terminated
        raise KeyboardInterrupt

    def _note(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal, or obey the second one."""
        again, self.number = self.asked, number
        if again:
            self.stop()

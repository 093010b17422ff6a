"""Standard streams that may fail without ending the work."""

import os
from collections.abc import Callable
from typing import Any, TextIO


class Output:
    """A standard stream; once it fails, such as after `| head`, what is printed is dropped.

    The work goes on and writes its files, and ``error`` says afterwards what happened.
    """

    def __init__(self, stream: TextIO) -> None:
        """Print to ``stream``, line by line, so that a failure is noticed where it occurs."""
        self.stream = stream
        self.error: OSError | None = None
        stream.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[attr-defined]

    def write(self, text: str) -> None:
        """Print a text."""
        self._try(lambda: self.stream.write(text))

    def flush(self) -> None:
        """Print what is buffered."""
        self._try(self.stream.flush)

    def __getattr__(self, name: str) -> Any:
        """Anything else of the stream."""
        return getattr(self.stream, name)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            self.error = error
            # this drops what is still buffered, too, which Python flushes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

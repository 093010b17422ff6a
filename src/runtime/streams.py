"""Standard streams that may be closed, full or unread, and the log on them."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import OutputError


class Stream:
    """A standard stream that goes nowhere once its reader has gone, so that the work is done.

    What its encoding lacks is written as an escape. Where it can't be written for another reason,
    standard output is an error; standard error, where it would be told, is not.
    """

    def __init__(self, stream: Any, name: str | None) -> None:
        """Stand for a stream; ``name``: what to call it in an error, None: there is none."""
        self._stream, self._name = stream, name
        stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write text."""
        with self._guarded():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        with self._guarded():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        """Whatever else the stream has."""
        return getattr(self._stream, name)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what goes wrong into silence or a message; the rest of the stream goes nowhere.

        Raises:
            OutputError: it can't be written.
        """
        try:
            yield
        except OSError as error:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
            if self._name is not None and not isinstance(error, BrokenPipeError):
                raise OutputError(
                    f"{self._name} can't be written, {error.strerror or error}"
                ) from error


def guard_streams() -> None:
    """Put guarded streams in the place of standard output and error.

    One that is closed becomes the null device; its number would else be that of the next file that
    is opened, into which a library's message would be written.
    """
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    for name, told in (("stdout", "standard output"), ("stderr", None)):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        setattr(sys, name, Stream(stream, told))


@contextmanager
def logged_to(handler: logging.Handler | None) -> Iterator[None]:
    """Give what the library logs, information too, to a handler as long as the context lasts.

    Args:
        handler: where to; None: nowhere beside where it goes already.
    """
    package_logger = logging.getLogger("src")
    level = package_logger.level
    package_logger.setLevel(logging.INFO)
    if handler is not None:
        package_logger.addHandler(handler)
    try:
        yield
    finally:
        if handler is not None:
            package_logger.removeHandler(handler)
        package_logger.setLevel(level)


@contextmanager
def messages() -> Iterator[None]:
    """Show what the library logs on standard error; under torchrun only by the first process."""
    first = os.environ.get("RANK", "0") == "0"
    with logged_to(logging.StreamHandler(sys.stderr) if first else None):
        yield

"""Where the library's log goes."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .torchrun import leads


@contextmanager
def logged_to(handler: logging.Handler) -> Iterator[None]:
    """Send what the library logs, from level INFO, to one more handler for the context."""
    package_logger = logging.getLogger("src")
    level = package_logger.level
    package_logger.setLevel(logging.INFO)
    package_logger.addHandler(handler)
    try:
        yield
    finally:
        package_logger.removeHandler(handler)
        package_logger.setLevel(level)


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Show the log on standard error; of torchrun's processes only the first one does."""
    with logged_to(logging.StreamHandler(sys.stderr) if leads() else logging.NullHandler()):
        yield


class LogFile(logging.FileHandler):
    """A log file that may stay incomplete: a full disk ends no training."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, a name of logging's
        """Skip the line; it is on standard error, too."""


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Append what the library logs to a file."""
    handler = LogFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    try:
        with logged_to(handler):
            yield
    finally:
        with suppress(OSError):  # a full disk
            handler.close()

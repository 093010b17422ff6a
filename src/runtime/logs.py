"""Where the library's log goes to for a while."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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

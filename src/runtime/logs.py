"""Where the library's log goes to for a while."""

import logging
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

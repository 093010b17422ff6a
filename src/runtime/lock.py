"""A file that one process at a time holds, so that two do not write the same folder."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)
HELD = {errno.EACCES, errno.EAGAIN}
"""What a system says of a lock that another process holds."""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a file as long as the context lasts; a process that dies holds nothing.

    The lock is POSIX's, which processes that read batches do not inherit, so that none of them
    outlives a killed training with it. The file stays when the context ends.

    Args:
        path: file, made if it is not there.

    Raises:
        ConfigError: another process holds it.
    """
    with path.open("ab") as file:
        try:
            if fcntl is not None:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                raise ConfigError(
                    f"{path.parent}: another process is at work here; end it, or name another"
                    " folder"
                ) from error
            logger.warning(
                "%s: can't be locked (%s); see that no other process trains here",
                *(path.parent, error.strerror),
            )
        yield

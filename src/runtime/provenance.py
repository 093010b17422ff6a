"""Provenance of a result: the command that produced it, and versions of packages."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

PROGRAM = "e3gnn-xanes"
PACKAGES = ("e3gnn-xanes", "torch", "e3nn", "torch-geometric", "numpy", "ase", "vesin")
"""Packages whose versions are printed."""
HIDDEN = "***"
"""Stands for a password. Read back, it means that none is given: libpq then looks for one in
PGPASSWORD and in ~/.pgpass, so a config.yaml that hides a password can be used again."""
_IN_AUTHORITY = re.compile(
    r"(\b[A-Za-z][A-Za-z0-9+.-]*:/{1,2}[^\s/:@]*):(?:\S*@|(?!\d+(?:[/\s]|$)).*@)"
)
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s'\"]*", re.IGNORECASE)
_COMMAND: ContextVar[str | None] = ContextVar("command", default=None)

LONGEST = 60
"""Words; of more, such as thousands of files, some in the middle are left out."""


def hide_passwords(text: str) -> str:
    """Replace the password of every URL in a text.

    A password with unescaped characters is hidden whole: from the colon after the user up to the
    last @ of the word, or, if the word has none and is no port, of the line.
    """
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_AUTHORITY.sub(rf"\1:{HIDDEN}@", text))


def command_line() -> str | None:
    """The command, its passwords hidden; None: the library is used from Python."""
    return _COMMAND.get()


@contextmanager
def record_command(words: Sequence[str]) -> Iterator[None]:
    """Make these words the command line for the context."""
    token = _COMMAND.set(quoted([PROGRAM, *words]))
    try:
        yield
    finally:
        _COMMAND.reset(token)


def quoted(words: Sequence[str]) -> str:
    """Words on one line as a shell takes them, passwords hidden, line ends and the like escaped."""
    if len(words) > LONGEST:
        left_out = len(words) - LONGEST
        return f"{quoted(words[: LONGEST - 9])} [.. {left_out} more ..] {quoted(words[-9:])}"
    text = shlex.join(hide_passwords(word) for word in words)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def package_version(name: str) -> str:
    """Version of an installed distribution; "not installed" if it is not."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def describe_versions() -> str:
    """One line per package."""
    lines = [f"{name} {package_version(name)}" for name in PACKAGES]
    return "\n".join([*lines, f"python {python_version()}"])

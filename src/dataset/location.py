"""Where a database is: a file, or a PostgreSQL URL whose password is never shown."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..runtime.provenance import hide_passwords

USAGE = "a database is a file (SQLite) or a URL postgresql://user@host:port/name"


@dataclass(frozen=True, repr=False)
class DatabaseURL:
    """Address of a PostgreSQL database; as text it is shown without its password."""

    secret: str
    """The URL with its password."""

    def __str__(self) -> str:
        """The URL, its password hidden."""
        return hide_passwords(self.secret)

    __repr__ = __str__


Location = Path | DatabaseURL
"""Where a database is."""


def as_location(value: str | Location) -> Location:
    """Turn text into a path or a URL; a URL must not pass through ``Path``, which drops a slash.

    Raises:
        ConfigError: a URL that is not one of a PostgreSQL database.
    """
    if isinstance(value, DatabaseURL):
        return value
    scheme, separator, rest = str(value).partition("://")
    if not separator:
        return Path(value)
    if scheme not in ("postgresql", "postgres"):
        raise ConfigError(f"{hide_passwords(str(value))}: unknown scheme {scheme!r}; {USAGE}")
    if not rest.partition("/")[2].partition("?")[0]:
        raise ConfigError(f"{hide_passwords(str(value))}: names no database; {USAGE}")
    return DatabaseURL(str(value))


LOCATION = {"convert": as_location}
"""Metadata of a command's field, see ``runtime.options``."""

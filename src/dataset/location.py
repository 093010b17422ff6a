"""Where a database is: a file, or a PostgreSQL URL whose password is never shown."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..runtime.provenance import hide_passwords

SCHEMES = ("postgresql", "postgres")
"""Schemes of the URLs that are understood."""


@dataclass(frozen=True, repr=False)
class DatabaseURL:
    """Address of a PostgreSQL database; as text it is shown without its password."""

    secret: str
    """The URL as given, with its password."""

    def __str__(self) -> str:
        """The URL, its password hidden."""
        return hide_passwords(self.secret)

    def __repr__(self) -> str:
        """As ``str``, so that no log of a job shows the password."""
        return f"DatabaseURL({str(self)!r})"


Location = Path | DatabaseURL
"""Where a database is."""


def as_location(value: "str | Path | DatabaseURL") -> Location:
    """Turn text into a path or a URL.

    Args:
        value: path of a file, or URL as text; a ``Path`` can't hold a URL, for it drops a slash.

    Raises:
        ConfigError: a URL that is not one of a PostgreSQL database.
    """
    if isinstance(value, DatabaseURL):
        return value
    text = str(value)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Path(text)
    if scheme not in SCHEMES:
        raise ConfigError(
            f"{hide_passwords(text)}: scheme {scheme!r}, but a database is a file (SQLite) or a URL"
            " postgresql://user@host:port/name"
        )
    if not rest.partition("/")[2].partition("?")[0]:
        raise ConfigError(
            f"{hide_passwords(text)}: names no database; expected postgresql://user@host:port/name"
        )
    return DatabaseURL(text)


LOCATION = {"convert": as_location}
"""Metadata of a command's field, see ``runtime.options``."""

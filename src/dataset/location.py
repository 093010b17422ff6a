"""Where a database is: a file, or a PostgreSQL URL whose password is never shown."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError

SCHEMES = ("postgresql", "postgres")
"""Schemes of the URLs that are understood."""
HIDDEN = "***"
"""Stands for a password. Read back, it means that none is given: libpq then looks for one in
PGPASSWORD and in ~/.pgpass, so a config.yaml that hides a password can be used again."""

_IN_AUTHORITY = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*:/{1,2}[^\s/:@]*):.*@")
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s'\"]*", re.IGNORECASE)


def hide_passwords(text: str) -> str:
    """Replace the password of every URL in a text.

    A password that holds unescaped characters is hidden whole: all from the colon after the user
    up to the last @ of the line goes.
    """
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_AUTHORITY.sub(rf"\1:{HIDDEN}@", text))


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

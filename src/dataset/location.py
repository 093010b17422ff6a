"""Where a database is: a file, or a PostgreSQL URL whose password is never shown."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import ConfigError

SCHEMES = ("postgresql", "postgres")
"""Schemes of the URLs that are understood."""
HIDDEN = "***"
"""Stands for a password. Read back, it means that none is given: libpq then looks for one in
PGPASSWORD and in ~/.pgpass, so a config.yaml that hides a password can be used again."""
CONNECT_TIMEOUT = 10
"""Longest wait for a server, s, where the URL gives none."""

_IN_AUTHORITY = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*:/{1,2}[^\s/:@]*):.*@")
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s'\"]*", re.IGNORECASE)
_COLLAPSED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")


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

    def __post_init__(self) -> None:
        """Raise ConfigError where the URL can't be one of ours."""
        scheme, _, rest = self.secret.partition("://")
        if scheme not in SCHEMES:
            raise ConfigError(
                f"{self}: scheme {scheme!r}, but a database is a file (SQLite) or a URL"
                " postgresql://user@host:port/name"
            )
        authority, _, path = rest.partition("/")
        if authority.count("@") > 1 or "@" in path.partition("?")[0] or set("?#") & set(authority):
            raise ConfigError(f"{self}: write the characters @ / : ? # of a password as %XX")
        if not path.partition("?")[0]:
            raise ConfigError(
                f"{self}: names no database; expected postgresql://user@host:port/name"
            )

    def __str__(self) -> str:
        """The URL, its password hidden."""
        return hide_passwords(self.secret)

    def __repr__(self) -> str:
        """As ``str``, so that no log of a job shows the password."""
        return f"DatabaseURL({str(self)!r})"

    @property
    def dsn(self) -> str:
        """What libpq is given: with a timeout, and without a password that stands hidden."""
        parts = urlsplit(self.secret)
        options = [word for word in parts.query.split("&") if word]
        options = [word for word in options if word.partition("=")[2] != HIDDEN]
        if not any(word.startswith("connect_timeout=") for word in options):
            options.append(f"connect_timeout={CONNECT_TIMEOUT}")
        authority = parts.netloc.replace(f":{HIDDEN}@", "@")
        return f"{parts.scheme}://{authority}{parts.path}?{'&'.join(options)}"

    @property
    def password(self) -> str | None:
        """The password in the URL; None where there is none, or it stands hidden."""
        parts = urlsplit(self.secret)
        given = [unquote(parts.netloc.rpartition("@")[0].partition(":")[2])]
        given += [value for key, value in parse_qsl(parts.query) if key == "password"]
        return next((value for value in given if value not in ("", HIDDEN)), None)

    def clean(self, text: object) -> str:
        """A message of the server's library on one line, with the password taken out."""
        parts = urlsplit(self.secret)
        message = " ".join(str(text).split())
        password = parts.netloc.rpartition("@")[0].partition(":")[2]
        secrets = [password, unquote(password)]
        secrets += [value for key, value in parse_qsl(parts.query) if "password" in key.lower()]
        for secret in secrets:
            if secret:
                message = message.replace(secret, HIDDEN)
        return hide_passwords(message)


Location = Path | DatabaseURL
"""Where a database is."""


def as_location(value: "str | Path | DatabaseURL") -> Location:
    """Turn text into a path or a URL.

    Args:
        value: path of a file, or URL; a ``Path`` can't hold a URL, for it drops a slash.

    Raises:
        ConfigError: a URL that is not one of PostgreSQL, or one that went through ``Path``.
    """
    if isinstance(value, DatabaseURL):
        return value
    text = str(value)
    if "://" in text:
        return DatabaseURL(text)
    if text.partition(":")[0] in SCHEMES and _COLLAPSED.match(text):
        raise ConfigError(
            f"{hide_passwords(text)}: a URL with one slash; give a URL as text, not as a Path"
        )
    return Path(text)

"""Where a PostgreSQL is, as people write it down."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""Of libpq, which the driver knows as well. `prefer` unless told: encrypted if offered, nothing checked."""
OPTIONS = ("host", "port", "prepared_statement_cache_size", "ssl", "sslmode")
"""What may stand behind `?`. The driver takes anything else for an argument, and fails at the first connection."""
_OPTION_NAME = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where PostgreSQL is. Printing it never shows the password."""

    url: URL

    @classmethod
    def parse(cls, url: str) -> DatabaseAddress:
        """Read a `postgresql://` URL.

        Raises:
            ValueError: not a URL, or not one of PostgreSQL, or with an option that means nothing here; the message
                says what is expected.
        """
        expected = "expected postgresql://user:password@host:5432/database"
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ValueError(f"not a database URL: {expected}") from error
        if parsed.get_backend_name() not in {"postgresql", "postgres"}:
            raise ValueError(f"Hedgerow speaks to PostgreSQL only (ADR 0001): {expected}")
        if "password" in parsed.query:
            raise ValueError(f"the password goes before the host, where it can be hidden: {expected}")
        return cls(_with_tls(parsed).set(drivername="postgresql+asyncpg"))

    @property
    def place(self) -> str:
        """Host, port and database: the same for everybody who works on this database, under whatever name."""
        host = self.url.host or self.url.query.get("host", "")
        return f"{host}:{self.url.port or ''}/{self.url.database}"

    def __str__(self) -> str:
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)


def _with_tls(url: URL) -> URL:
    """The URL as the driver wants it: `sslmode`, which everybody writes, is `ssl` there."""
    for option in url.query:
        if option not in OPTIONS:
            # Something that is no name may be the end of a password with a `?` in it.
            named = f"option {option} is" if _OPTION_NAME.fullmatch(option) else "what stands behind ? is"
            raise ValueError(
                f"the {named} not known; known are {', '.join(OPTIONS)}. Leave it out (the file of an authority "
                "goes into PGSSLROOTCERT; in a password, write ? as %3F)"
            )
    modes = [url.query[name] for name in ("ssl", "sslmode") if name in url.query]
    if len(modes) > 1 or any(mode not in TLS_MODES for mode in modes):
        raise ValueError(f"sslmode is one of {', '.join(TLS_MODES)}, and is said once")
    plain = url.difference_update_query(["sslmode"])
    return plain.update_query_dict({"ssl": modes[0]}) if modes else plain

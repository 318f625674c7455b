"""The database of one context: its engine, its transactions, its reads.

Every connection takes the context's role and sees the context's schema alone, so a statement that touches
another context's table fails in PostgreSQL, not in review.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, AdaptedConnection, Row, Select, event, make_url, text
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hedgerow_core.persistence.failures import Constraints, connecting, speaking_plainly
from hedgerow_core.persistence.observing import Observer, observing, observing_refusals
from hedgerow_core.persistence.short_statements import ShortStatement, is_watched, short_read

POOL_SIZE = 10
"""Connections per context and process: what eight drains, their dispatcher and a renewal of a lease need. All are
kept: with five of them and five more on demand, a busy worker opened connections all the time (p50 130 → 61 ms)."""
POOL_WAIT_S = 1.0
"""A request that waits longer for a connection is answered 503 with Retry-After (reliability rule 41)."""
CONNECT_TIMEOUT_S = 3.0
COMMAND_TIMEOUT_S = 60.0
"""A network that went silent answers nothing and refuses nothing; no statement of ours takes this long."""
IDLE_IN_TRANSACTION = "15s"
"""A stopped process must not hold row locks for longer: PostgreSQL ends its transaction."""

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""Of libpq, which the driver knows as well. `prefer` unless told: encrypted if offered, nothing checked."""
OPTIONS = ("host", "port", "prepared_statement_cache_size", "ssl", "sslmode")
"""What may stand behind `?`. The driver takes anything else for an argument, and fails at the first connection."""
_OPTION_NAME = re.compile(r"[a-z_]{1,40}")


class Isolation(StrEnum):
    """How a context's data is kept apart inside one PostgreSQL."""

    ROLE = "role"
    """Own schema, own role: foreign tables are a permission error."""
    SCHEMA = "schema"
    """Own schema only, because the server let us create no role: foreign tables are a convention."""


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


def role_of(context: str) -> str:
    """The PostgreSQL role under which a context works."""
    return f"hedgerow_{context}"


class Database:
    """One context's access to its own schema. Belongs to one event loop; `close()` it on that loop.

    Nothing connects before the first use; until then `isolation` may still be set to what the server allows.
    """

    def __init__(
        self,
        address: DatabaseAddress,
        context: str,
        *,
        isolation: Isolation = Isolation.ROLE,
        constraints: Constraints | None = None,
        pool_wait_s: float = POOL_WAIT_S,
    ) -> None:
        self.context = context
        self.isolation = isolation
        self._pool_wait_s = pool_wait_s
        self._address = address
        self._constraints = constraints or {}
        self._short_reads: WeakKeyDictionary[Select[Any], ShortStatement | None] = WeakKeyDictionary()
        self.observer: Observer | None = None
        """Told of transactions inside those of others and of refused statements; set before the first use."""

    @cached_property
    def engine(self) -> AsyncEngine:
        """The pool of connections, each under the context's role and with its schema alone in sight."""
        settings = {
            "search_path": self.context,
            "application_name": f"hedgerow/{self.context}",
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
        }
        if self.isolation is Isolation.ROLE:
            settings["role"] = role_of(self.context)
        engine = create_async_engine(
            self._address.url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=self._pool_wait_s,
            hide_parameters=True,  # an error must not carry what somebody wrote into a row
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": COMMAND_TIMEOUT_S,
                "server_settings": settings,
            },
        )
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        return engine

    @cached_property
    def _reading(self) -> AsyncEngine:
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed when left normally, rolled back when left by an exception.

        Raises:
            UnavailableError: the server is away, or no connection came free within a second.
            DomainError: a constraint was broken for which the context declared an error.
        """
        with speaking_plainly(self._constraints), observing(self.context, self.observer):
            async with opened(self.engine) as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for single statements that change nothing: no BEGIN, no COMMIT on the wire.

        Raises:
            UnavailableError: as in `transaction`.
        """
        with speaking_plainly(self._constraints), observing_refusals(self.observer):
            async with opened(self._reading) as connection:
                yield connection

    async def rows(self, statement: Select[Any], parameters: Mapping[str, object]) -> Sequence[Row[Any]]:
        """What a statement finds that is built once, at module level: one read by the short way, nothing around it.

        Parameters that are missing raise a KeyError.

        Raises:
            UnavailableError: as in `transaction`.
        """
        read = self._short_read(statement) if type(self).reading is Database.reading else None
        if read is None:  # what is only known at execution, or a database that reads in a way of its own
            async with self.reading() as connection:
                found: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
                return found
        with speaking_plainly(self._constraints), observing_refusals(self.observer), connecting():
            return await read.rows(self.engine, parameters)

    async def row(self, statement: Select[Any], parameters: Mapping[str, object]) -> Row[Any] | None:
        """The only row that such a statement finds, if there is one.

        Raises:
            UnavailableError: as in `transaction`.
            MultipleResultsFound: there is more than one.
        """
        found = await self.rows(statement, parameters)
        if len(found) > 1:
            raise MultipleResultsFound("a statement that was to find one row has found several")
        return found[0] if found else None

    def _short_read(self, statement: Select[Any]) -> ShortStatement | None:
        if is_watched(self.engine.sync_engine):
            return None
        if statement not in self._short_reads:
            self._short_reads[statement] = short_read(statement, self.engine.dialect)
        return self._short_reads[statement]

    async def ping(self) -> None:
        """Ask the server for a sign of life.

        Raises:
            UnavailableError: there was none.
        """
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


def _refuse_closed(connection: AdaptedConnection, _record: object, _proxy: object) -> None:
    """After a restart of PostgreSQL the pool holds dead connections. asyncpg knows which, without a round trip.

    Raises:
        InvalidatePoolError: tells the pool to drop all connections of that age and to open a new one.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server has closed this connection")


@asynccontextmanager
async def opened(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection from the pool, closed (given back) in every case.

    Raises:
        UnavailableError: the server is away.
    """
    connection = engine.connect()
    with connecting():
        await connection.start()
    try:
        yield connection
    finally:
        await connection.close()

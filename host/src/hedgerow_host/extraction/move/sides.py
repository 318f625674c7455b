"""The two databases of a move, and how the mover talks to each: one plain connection, as whoever migrates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import asyncpg

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.database import CONNECT_TIMEOUT_S
from hedgerow_core.persistence.failures import connecting, speaking_plainly
from hedgerow_host.exits import ExitCode, HostError

MOVER = "hedgerow/extract"
"""What the mover is called among the sessions of a database."""
_LOCKS = 0x4845_4447
"""`HEDG`: the first half of our keys of advisory locks."""
# Keys and digests are texts: both sides must write a value down in the same way.
_SESSION = {
    "application_name": MOVER,
    "search_path": "pg_catalog",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "row_security": "off",
    "idle_in_transaction_session_timeout": "0",
    "standard_conforming_strings": "on",
}
_HELD_BY = """
    SELECT format('session %s (%s, since %s)', pid, application_name, date_trunc('second', backend_start))
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) + objid::bigint = $1
"""

_IDENTITY = """
    SELECT system_identifier, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database
    FROM pg_control_system()
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two databases, and the mover's only session there."""

    address: DatabaseAddress
    connection: Any
    """asyncpg's own: it can COPY, which SQLAlchemy can't."""

    @property
    def place(self) -> str:
        """Host, port and database."""
        return self.address.place

    @asynccontextmanager
    async def as_replica(self) -> AsyncIterator[Any]:
        """A transaction in which no trigger fires and no foreign key is checked: rows come as they were."""
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL session_replication_role = replica")
            yield self.connection

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[str]:
        """A transaction that sees one moment of the database all the time. Gives its snapshot."""
        async with self.connection.transaction(isolation="repeatable_read"):
            yield str(await self.connection.fetchval("SELECT pg_current_snapshot()::text"))


@asynccontextmanager
async def connected(address: DatabaseAddress) -> AsyncIterator[Side]:
    """A session of the mover's.

    Raises:
        UnavailableError: the database is away, or does not let us in.
    """
    with speaking_plainly({}), connecting():
        connection = await asyncpg.connect(_plain(address), timeout=CONNECT_TIMEOUT_S, server_settings=_SESSION)
    try:
        with speaking_plainly({}):
            yield Side(address, connection)
    finally:
        with suppress(Exception):
            await connection.close(timeout=5)


async def demand_another_database(source: Side, target: Side) -> None:
    """A move goes somewhere.

    Raises:
        HostError: both are the same database, by whatever name.
    """
    here, there = [tuple(await side.connection.fetchrow(_IDENTITY)) for side in (source, target)]
    if here == there:
        raise HostError(
            f"{target.place} is the database that the context lies in",
            fix="name another one with --to: CREATE DATABASE on this server, or on another",
            code=ExitCode.MISCONFIGURED,
        )


async def claim(side: Side, context: str) -> None:
    """Be the only one who moves this context here, until the session ends.

    Raises:
        HostError: somebody else does.
    """
    key = key_of(context, "mover")
    if await side.connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
        return
    who = await side.connection.fetchval(_HELD_BY, key) or "a session that has just ended"
    raise HostError(
        f"{context} is being moved already: {who} at {side.place}",
        fix="wait for it to end, then run this again: it goes on where that one has stopped",
        code=ExitCode.CHECK_FAILED,
    )


def key_of(context: str, what: str) -> int:
    """The key of an advisory lock about this context."""
    return _LOCKS << 32 | crc32(f"{what}/{context}".encode())


def _plain(address: DatabaseAddress) -> str:
    """The URL as asyncpg itself reads it, password and all."""
    url = address.url.set(drivername="postgresql").difference_update_query(["ssl", "prepared_statement_cache_size"])
    tls = address.url.query.get("ssl")
    return (url.update_query_dict({"sslmode": tls}) if tls else url).render_as_string(hide_password=False)

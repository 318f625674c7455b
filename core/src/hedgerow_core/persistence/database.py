"""The database of one context: its engine, its transactions, its reads.

Every connection takes the context's role and sees the context's schema alone, so a statement that touches
another context's table fails in PostgreSQL, not in review.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import cached_property
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import AdaptedConnection, QueuePool, Row, Select, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hedgerow_core.domain import DomainError, UnavailableError
from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.connection_queue import ConnectionQueue
from hedgerow_core.persistence.failures import BUSY, Constraints, connecting, speaking_plainly
from hedgerow_core.persistence.observing import Observer, observing, observing_refusals
from hedgerow_core.persistence.readers import ReadReplica, current_reader
from hedgerow_core.persistence.short_statements import Readable, ShortStatement, is_watched, short_read

POOL_SIZE = 10
"""Connections per context and process: what eight drains, their dispatcher and a renewal of a lease need. All are
kept: with five of them and five more on demand, a busy worker opened connections all the time (p50 130 → 61 ms)."""
POOL_WAIT_S = 0.8
"""A request that waits longer for a connection is answered 503 with Retry-After, and all in all within 1.2 s
(reliability rule 41): the rest is for a loop that is busy."""
CONNECT_TIMEOUT_S = 3.0
COMMAND_TIMEOUT_S = 60.0
"""A network that went silent answers nothing and refuses nothing; no statement of ours takes this long."""
REPLICA_WITHIN_S = 5.0
REPLICA_TURN_WITHIN_S = 0.05
"""Whoever gets no connection to it soon asks the primary, and may have to wait there."""
"""Whom a replica keeps waiting for longer, the primary answers."""
IDLE_IN_TRANSACTION = "15s"
"""A stopped process must not hold row locks for longer: PostgreSQL ends its transaction."""


class Isolation(StrEnum):
    """How a context's data is kept apart inside one PostgreSQL."""

    ROLE = "role"
    """Own schema, own role: foreign tables are a permission error."""
    SCHEMA = "schema"
    """Own schema only, because the server let us create no role: foreign tables are a convention."""


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
        replica: ReadReplica | None = None,
    ) -> None:
        self.context = context
        self.isolation = isolation
        self._pool_wait_s = pool_wait_s
        self._address = address
        self._constraints = constraints or {}
        self._replica = replica
        self._short_reads: WeakKeyDictionary[Readable, ShortStatement | None] = WeakKeyDictionary()
        self.observer: Observer | None = None
        """Told of transactions inside those of others, of refused statements and of who got no connection; set
        before the first use."""
        self.queue = ConnectionQueue(POOL_SIZE, pool_wait_s)
        """Who waits for a connection."""
        self._replica_queue = ConnectionQueue(POOL_SIZE, REPLICA_TURN_WITHIN_S)

    @cached_property
    def engine(self) -> AsyncEngine:
        """The pool of connections, each under the context's role and with its schema alone in sight."""
        return self._engine_at(self._address)

    def _engine_at(self, address: DatabaseAddress) -> AsyncEngine:
        settings = {
            "search_path": self.context,
            "application_name": f"hedgerow/{self.context}",
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
        }
        if self.isolation is Isolation.ROLE:
            settings["role"] = role_of(self.context)
        engine = create_async_engine(
            address.url,
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

    @cached_property
    def _replicated(self) -> AsyncEngine:
        assert self._replica is not None  # noqa: S101 - asked for by `view` alone
        return self._engine_at(self._replica.address).execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed when left normally, rolled back when left by an exception.

        Raises:
            UnavailableError: the server is away, or no connection came free in time.
            DomainError: a constraint was broken for which the context declared an error.
        """
        with speaking_plainly(self._constraints), observing(self.context, self.observer):
            async with opened(self.engine, self.queue) as connection, connection.begin():
                yield connection
        reader = current_reader()
        if self._replica is not None and reader is not None:
            reader.writes(self._replica.primary_now())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for single statements that change nothing: no BEGIN, no COMMIT on the wire.

        Raises:
            UnavailableError: as in `transaction`.
        """
        with speaking_plainly(self._constraints), observing_refusals(self.observer):
            async with opened(self._reading, self.queue) as connection:
                yield connection

    async def view(
        self, statement: Select[Any], parameters: Mapping[str, Any] | None = None, *, built_once: bool = False
    ) -> Sequence[Row[Any]]:
        """The rows of a statement that changes nothing, for somebody to look at: a replica may answer.

        It does if there is one and if it has all that the current reader has written; else, and if it fails, the
        primary does. So a row may be missing that somebody else has written in the last few seconds. Whatever is
        decided by what was read, such as who somebody is, is read by `reading` or `rows`. `built_once`: the
        statement stands at module level, and the primary reads it as `rows` does.

        Raises:
            UnavailableError: as in `transaction`.
        """
        found = await self._seen_by_replica(statement, parameters)
        if found is not None:
            return found
        if built_once:
            return await self.rows(statement, parameters or {})
        async with self.reading() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
        return rows

    async def _seen_by_replica(
        self, statement: Select[Any], parameters: Mapping[str, Any] | None
    ) -> Sequence[Row[Any]] | None:
        replica, reader = self._replica, current_reader()
        if replica is None or reader is None:
            return None
        if not replica.has(reader.wrote_at):
            replica.count(self.context, "primary")
            return None
        try:
            with speaking_plainly(self._constraints):
                async with (
                    asyncio.timeout(REPLICA_WITHIN_S),
                    opened(self._replicated, self._replica_queue) as connection,
                ):
                    rows: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
        except (DomainError, DBAPIError) as error:  # also, what was read was just vacuumed away at the primary
            if isinstance(error, UnavailableError) and error.code != BUSY:  # too many of our own: that passes
                replica.failed()
            replica.count(self.context, "failed")
            return None
        replica.count(self.context, "replica")
        return rows

    @property
    def in_use(self) -> int:
        """How many connections somebody works with. May be asked from any thread, and connects nowhere."""
        engine: AsyncEngine | None = vars(self).get("engine")
        return 0 if engine is None else cast("QueuePool", engine.pool).checkedout()

    async def rows(self, statement: Readable, parameters: Mapping[str, object]) -> Sequence[Row[Any]]:
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
            return await read.rows(self.engine, parameters, self.queue)

    async def row(self, statement: Readable, parameters: Mapping[str, object]) -> Row[Any] | None:
        """The only row that such a statement finds, if there is one.

        Raises:
            UnavailableError: as in `transaction`.
            MultipleResultsFound: there is more than one.
        """
        found = await self.rows(statement, parameters)
        if len(found) > 1:
            raise MultipleResultsFound("a statement that was to find one row has found several")
        return found[0] if found else None

    def _short_read(self, statement: Readable) -> ShortStatement | None:
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
        if "_replicated" in self.__dict__:
            await self._replicated.dispose()


def _refuse_closed(connection: AdaptedConnection, _record: object, _proxy: object) -> None:
    """After a restart of PostgreSQL the pool holds dead connections. asyncpg knows which, without a round trip.

    Raises:
        InvalidatePoolError: tells the pool to drop all connections of that age and to open a new one.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server has closed this connection")


@asynccontextmanager
async def opened(engine: AsyncEngine, queue: ConnectionQueue | None = None) -> AsyncIterator[AsyncConnection]:
    """A connection from the pool, closed (given back) in every case. `queue`: where others want one, too.

    Raises:
        UnavailableError: the server is away.
        sqlalchemy.exc.TimeoutError: no connection came free in time.
    """
    queue = queue or ConnectionQueue(turns=1, wait_s=0)
    async with queue:
        connection = engine.connect()
        queue.waiting += 1
        try:
            with connecting():
                await connection.start()
        finally:
            queue.waiting -= 1
        try:
            yield connection
        finally:
            await connection.close()

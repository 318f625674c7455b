"""The stage of the ledger experiments: `source` publishes marks, `sink` notes them in a table that forbids nothing.

Everything runs in the test's process on a real database, with the relays, dispatchers and drains of the product.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import (
    Carrier,
    Dispatcher,
    Drain,
    Envelope,
    InProcessHints,
    LedgerWork,
    Relay,
    RetryPolicy,
    Subscription,
    consumers_of,
)
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import context_database
from hedgerow_core.testing.servers import run_sql
from tests.faults.laboratory.checker import Effect, Publish, Verdict, judge
from tests.faults.laboratory.servers import plain_url

MARKED = "source.marked"
NOTES = "sink.note_mark"
QUIET_S = 15.0
"""Longer than any lease and sweep: what has not moved by then never will."""
SOON = RetryPolicy(attempts=3, first_wait=timedelta(milliseconds=50))

# No constraint but the identity: an effect that happens twice must be able to show.
_TABLES = (
    "CREATE TABLE source.marks (key uuid PRIMARY KEY, version integer NOT NULL)",
    "CREATE TABLE source.requests (id bigint GENERATED ALWAYS AS IDENTITY, writer integer)",
    "CREATE TABLE sink.effects (id bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, key uuid, number integer, "
    "attempt integer, at timestamptz DEFAULT clock_timestamp())",
    "GRANT ALL ON source.marks, source.requests TO hedgerow_source",
    "GRANT ALL ON sink.effects TO hedgerow_sink",
)

_NOTE = text(
    "INSERT INTO effects (event_id, key, number, attempt) VALUES (:event_id, CAST(:key AS uuid), :number, :attempt)"
)
_EFFECTS = text("SELECT event_id, key, number FROM effects ORDER BY id")
_UNFINISHED = text("SELECT event_id FROM deliveries WHERE state NOT IN ('completed', 'discarded')")
_STATES = text("SELECT state, count(*) FROM deliveries GROUP BY state")


class Mark(BaseModel):
    """What `sink` reads of `source.marked`."""

    key: UUID
    number: int
    ill: str = ""
    """What the handler shall suffer from."""


Handler = Callable[[Mark, Envelope, LedgerWork], Awaitable[None]]


async def note(mark: Mark, envelope: Envelope, work: LedgerWork) -> None:
    """The effect of a mark: one row."""
    effect = {
        "event_id": envelope.event_id,
        "key": str(mark.key),
        "number": mark.number,
        "attempt": envelope.attempt,
    }
    await work.connection.execute(_NOTE, effect)


def noting(handle: Handler = note, retry: RetryPolicy = SOON) -> Subscription:
    """The subscription of `sink`, with this handler."""
    return Subscription(name=NOTES, event=MARKED, model=Mark, handle=handle, retry=retry)


def sink_work(connection: AsyncConnection) -> LedgerWork:
    """A unit of work of `sink`, which publishes nothing."""
    return LedgerWork(connection, context="sink", clock=SystemClock(), translations={})


@dataclass(frozen=True, slots=True)
class Stage:
    """Both contexts on one database of their own."""

    address: DatabaseAddress
    source: Database
    sink: Database

    async def writer(self) -> asyncpg.Connection[asyncpg.Record]:
        """A bare connection of `source`, for load that the pool's size must not bound."""
        return await self._connected(search_path="source", role="hedgerow_source")

    async def owner(self) -> asyncpg.Connection[asyncpg.Record]:
        """A bare connection of the database's owner, who may do what no context may."""
        return await self._connected()

    async def _connected(self, **settings: str) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(plain_url(self.address), server_settings=settings)

    @asynccontextmanager
    async def working(
        self, *, holder: str = "a", subscription: Subscription | None = None, relay: Callable[..., Carrier] = Relay
    ) -> AsyncIterator[None]:
        """A worker of `sink` with connections of its own: relay, dispatcher and drains, as in a worker process."""
        database = Database(self.address, "sink")
        dispatcher, hints = worker_of(database, subscription or noting(), holder=holder, relay=relay)
        running = asyncio.create_task(dispatcher.run())
        try:
            yield
        finally:
            dispatcher.stop()
            await running
            await hints.finish()
            await database.close()

    async def effects(self) -> list[Effect]:
        """Every effect, in the order in which they happened."""
        async with self.sink.reading() as connection:
            return [Effect(NOTES, row.event_id, row.key, row.number) for row in await connection.execute(_EFFECTS)]

    async def judged(self, published: Sequence[Publish]) -> Verdict:
        """What the checker says to what has happened so far."""
        async with self.sink.reading() as connection:
            unfinished = set((await connection.execute(_UNFINISHED)).scalars())
        return judge(published, await self.effects(), subscriptions=[NOTES], unfinished=unfinished)

    async def states(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        async with self.sink.reading() as connection:
            return {row.state: row.count for row in await connection.execute(_STATES)}

    async def settled(self, completed: int, *, quiet_s: float = QUIET_S) -> None:
        """Return once so many are completed, or once nothing has moved for a while: the checker tells which."""
        moved_at, before = time.monotonic(), dict[str, int]()
        while True:
            now = await self.states()
            if now.get("completed", 0) >= completed and set(now) <= {"completed"}:
                return
            if now != before:
                moved_at, before = time.monotonic(), now
            if time.monotonic() - moved_at > quiet_s:
                return
            await asyncio.sleep(0.05)

    async def as_owner(self, *statements: str) -> None:
        """Run what no context may: statements of the database's owner."""
        await asyncio.to_thread(run_sql, self.address, *statements)


def worker_of(
    database: Database, subscription: Subscription, *, holder: str, relay: Callable[..., Carrier] = Relay
) -> tuple[Dispatcher, InProcessHints]:
    """What works for `sink` in one process."""
    consumers = consumers_of([subscription], [])
    hints = InProcessHints(Drain(database, consumers, work_for=sink_work, clock=SystemClock(), owner=holder))
    relays = [relay(database, "source", [subscription], holder=holder)]
    dispatcher = Dispatcher(database, relays, consumers, hints)
    return dispatcher, hints


@asynccontextmanager
async def ledger_stage(address: DatabaseAddress) -> AsyncIterator[Stage]:
    """Both contexts on a migrated database, their tables made, their engines open."""
    async with context_database(address, "source") as source, context_database(address, "sink") as sink:
        stage = Stage(address, source, sink)
        await stage.as_owner(*_TABLES)
        yield stage

"""Carries events of a publisher in another host into the deliveries of a subscriber, as `relay` does in this one.

Page and cursor commit together here, under the cursor's lease. So a page that is asked for twice, by a relay that
died or one that slept through its lease, is carried once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from asyncpg import exceptions as pg
from sqlalchemy import DateTime, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import cursors, remote_cursors
from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.reading_ahead import Ask, Reading, ReadingAhead, Round
from hedgerow_core.messaging.relay import COPY_AS_DELIVERY, LOOK_AGAIN_S, RENEW_AFTER_S
from hedgerow_core.messaging.remote_cursors import Led
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.failures import driver_error

_EVENTS = """
    FROM json_to_recordset(CAST(:events AS json)) AS o(id bigint, event_id uuid, type text, version integer,
        aggregate_type text, aggregate_id uuid, aggregate_version integer, payload jsonb, occurred_at timestamptz,
        traceparent text, causation_id uuid, correlation_id text, actor text)
    JOIN unnest(:names, :wanted, :oldest, :since) AS wanted(name, type, oldest, since)
        ON wanted.type = o.type AND wanted.oldest <= o.version
        AND (wanted.since IS NULL OR o.occurred_at >= wanted.since)
"""
_CARRY = text(COPY_AS_DELIVERY.format(subscription="wanted.name", events=_EVENTS)).bindparams(
    bindparam("events", type_=Text),
    bindparam("names", type_=ARRAY(Text)),
    bindparam("wanted", type_=ARRAY(Text)),
    bindparam("oldest", type_=ARRAY(Integer)),
    bindparam("since", type_=ARRAY(DateTime(timezone=True))),
)


class PageRefusedError(Exception):
    """PostgreSQL does not take what the publisher sent. The rest of this context's work goes on."""


class RemoteRelay:
    """Carries the events of one publisher to the subscriptions of this context, with the face of `Relay`.

    A step never waits for the publisher: pages are read ahead (`reading_ahead`), and `arrived` is called when there
    is one to commit. Any number of processes may run it; for each subscription one at a time holds the lease.
    """

    def __init__(
        self,
        database: Database,
        publisher: str,
        subscriptions: Sequence[Subscription],
        *,
        ask: Ask,
        holder: str,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._holder = holder
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}
        self._reading = ReadingAhead(ask, publisher, self._subscriptions, arrived=arrived)
        self.leads: bool | None = False
        self._renew_at = 0.0

    async def open(self) -> None:
        """Create the cursors that are missing. The publisher need not be there."""
        async with self._database.transaction() as connection:
            await remote_cursors.open_cursors(connection, self._publisher, list(self._subscriptions.values()))

    async def step(self) -> bool:
        """Commit what has arrived; True if there is more at once. Leaves alone what another relay leads.

        Raises:
            UnavailableError: our own database is away. That of the publisher is waited for elsewhere.
        """
        found = self._reading.round
        if found is None and time.monotonic() < self._renew_at:
            return False
        try:
            led = await self._committed(found)
        except PageRefusedError as error:
            self._reading.fail(str(error))
            await self._reading.begin(Led({}, {}))
            return False
        finally:
            self._renew_at = time.monotonic() + (RENEW_AFTER_S if self.leads else LOOK_AGAIN_S)
        if found is not None and found.before == led.places:
            self._reading.done()
        elif found is not None or led.places != self._reading.committed:
            await self._reading.begin(led)
        return self._reading.round is not None

    def hurry(self) -> None:
        """The publisher has said that there is something: if it was away, it is back."""
        self._reading.hurry()

    async def catch_up(self) -> None:
        """Carry what there is now, and wait for the publisher's answers: for tests, which take one step at a time.

        Raises:
            UnavailableError: one of both databases is away, or the host of the publisher.
        """
        await self._reading.stop()
        more = True
        while more:
            led = await self._committed(None)
            if not led.places:
                return
            found = await self._reading.read(led)
            await self._committed(found)
            more = found.goes_on

    async def close(self) -> None:
        """Give the leases back, so that another relay need not wait for their end."""
        await self._reading.stop()
        async with self._database.transaction() as connection:
            await cursors.release(connection, self._publisher, holder=self._holder)

    async def _committed(self, found: Round | None) -> Led:
        """Carry the round, if our cursors are where it was read from; where they were, in any case."""
        async with self._database.transaction() as connection:
            names = list(self._subscriptions)
            led = await remote_cursors.lead(connection, self._publisher, names, holder=self._holder)
            if found is not None and found.before == led.places:
                for reading in found.readings:
                    await self._carry(connection, reading, led)
        self.leads = bool(led.places)
        return led

    async def _carry(self, connection: AsyncConnection, reading: Reading, led: Led) -> None:
        head, staying = reading.page.head, reading.staying
        if head.expired:
            await cursors.expire(connection, self._publisher, head.expired)
        if reading.restarts:
            remote_cursors.tell_of_restart(self._publisher)
        if head.count:
            wanted = [self._subscriptions[name] for name in staying]
            page = {
                "publisher": self._publisher,
                "events": reading.page.events,
                "names": list(staying),
                "wanted": [subscription.event for subscription in wanted],
                "oldest": [subscription.oldest_version for subscription in wanted],
                "since": [led.since[name] for name in staying],
            }
            with _refusing_nonsense():
                await connection.execute(_CARRY, page)
        await remote_cursors.move(connection, self._publisher, staying, reading.after, head)


@contextmanager
def _refusing_nonsense() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if not isinstance(driver_error(error), (pg.DataError, pg.IntegrityConstraintViolationError)):
            raise
        raise PageRefusedError(f"its page makes no sense here: {type(driver_error(error)).__name__}") from error

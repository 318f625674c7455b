"""Carries events from a publisher's outbox into the deliveries of a subscriber, in commit order, losing none.

The relay belongs to the subscriber. A cursor is a snapshot: an event is new when it is visible now and was not
visible in the snapshot of the last step. Ids alone would lose what commits late (ADR 0002 has the measurements).
Cursor and deliveries commit together, so a crash repeats a step and never skips one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Text, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import cursors
from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.cursors import IS_IN_WINDOW, IS_NEW, RESCAN, Cursor
from hedgerow_core.messaging.work import PARTITION_OF_KEY
from hedgerow_core.persistence import Database

RENEW_AFTER_S = 2.0
"""An idle relay renews its leases this often; in between it only peeks, which writes nothing."""
LOOK_AGAIN_S = 0.5
"""Who doesn't lead asks this often whether nobody does: a leader that ends gives its leases back at once."""
PAGE = 5_000
"""Events carried per transaction, and so what all partitions of a subscription get at once: from small pages
several workers take a partition more often, for less (ADR 0048). The window stays frozen while a large one is paged
through."""
MOST_SPLIT = 100
"""A network that was silent for long has said nothing about pages."""

COPY_AS_DELIVERY = f"""
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,
        version, aggregate_type, aggregate_id, aggregate_version, payload, occurred_at, traceparent,
        causation_id, correlation_id, actor)
    SELECT o.event_id, {{subscription}}, :publisher, o.id, o.aggregate_id::text,
        {PARTITION_OF_KEY.format(key="o.aggregate_id::text")}, o.type,
        o.version, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.payload, o.occurred_at, o.traceparent,
        o.causation_id, o.correlation_id, o.actor
    {{events}}
    ORDER BY o.id
    ON CONFLICT (event_id, subscription) DO NOTHING
"""
"""SQL: a delivery for each event `o` that has none; `subscription` and `events` (its FROM) are filled in."""


class Relay:
    """Carries the events of one publisher to the subscriptions of this context.

    Every subscription has a cursor and a lease of its own, so that a new one reads the feed from where it wants to
    start, and so that an older build, which does not know it, cannot lead it past its events. Any number of
    processes may run a relay; for each subscription one at a time holds the lease.
    """

    def __init__(
        self,
        database: Database,
        publisher: str,
        subscriptions: Sequence[Subscription],
        *,
        holder: str,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._holder = holder
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}
        self._types = sorted({subscription.event for subscription in subscriptions})
        types = bindparam("types", type_=ARRAY(Text))
        self._peek = (
            text(
                f'SELECT EXISTS (SELECT FROM "{publisher}".outbox o WHERE {IS_NEW} AND o.type = ANY(:types))'  # noqa: S608
            )
            .bindparams(types)
            .columns(column("is_there", Boolean))
        )
        self._carry, self._rescan = (
            text(_carry_from(publisher, which)).bindparams(
                types,
                bindparam("names", type_=ARRAY(Text)),
                bindparam("wanted", type_=ARRAY(Text)),
                bindparam("oldest", type_=ARRAY(Integer)),
                bindparam("after", type_=BigInteger),
                bindparam("since", type_=DateTime(timezone=True)),
            )
            for which in (f"{IS_NEW} AND {IS_IN_WINDOW} AND", "")
        )
        self._snapshot: str | None = None
        """Where all cursors that we lead are; None when we lead none, or when they are apart."""
        self._feed_is_here = False
        self._split = 1
        """Into how many a page is split. More after one that took too long, until its window is carried."""
        self.leads: bool | None = None
        self._renew_at = 0.0
        self._report_at = 0.0

    async def open(self) -> None:
        """Look whether the feed lies in this database, and create the cursors that are missing."""
        async with self._database.transaction() as connection:
            self._feed_is_here = self._publisher in await cursors.feeds_here(connection, [self._publisher])
            self.leads = False if self._feed_is_here else None
            if self._feed_is_here:
                await cursors.open_cursors(connection, self._publisher, list(self._subscriptions.values()))

    async def step(self) -> bool:
        """Carry what is new; True if there may be more at once. Leaves alone what another relay leads.

        Raises:
            UnavailableError: the database is away.
        """
        if not self._feed_is_here:
            return False
        if time.monotonic() < self._renew_at:
            if self._snapshot is None:
                return False
            where = {"snapshot": self._snapshot, "types": self._types}
            if not (await self._database.rows(self._peek, where))[0].is_there:
                return False
        return await self._carry_pages()

    async def close(self) -> None:
        """Give the leases back, so that another relay need not wait for their end."""
        async with self._database.transaction() as connection:
            await cursors.release(connection, self._publisher, holder=self._holder)

    async def _carry_pages(self) -> bool:
        """One page for each place at which cursors are."""
        try:
            moved = await self._moved()
        except asyncio.CancelledError:
            self._split = min(2 * self._split, MOST_SPLIT)
            raise
        reached = set(moved)
        # Cursors that are still apart meet at the next step's window: don't wait for that one.
        more = None in reached or len(reached) > 1
        self._snapshot = None if more or not reached else reached.pop()
        if more:
            self._renew_at = 0.0
        else:
            self._split = 1
            self._renew_at = time.monotonic() + (RENEW_AFTER_S if self.leads else LOOK_AGAIN_S)
        return more

    async def _moved(self) -> list[str | None]:
        """Carry a page for each place of a cursor that we lead; returns where each has come to."""
        async with self._database.transaction() as connection:
            led = await cursors.lead(connection, self._publisher, list(self._subscriptions), holder=self._holder)
            if time.monotonic() > self._report_at:
                await cursors.report(connection, self._publisher, led)
                self._report_at = time.monotonic() + RENEW_AFTER_S
            moved = [await self._carry_page(connection, cursor, names) for cursor, names in led.items() if names]
        self.leads = bool(led)
        return moved

    async def _carry_page(self, connection: AsyncConnection, cursor: Cursor, names: list[str]) -> str | None:
        """Carry a page to these subscriptions; returns the snapshot that they reached, None if there is more."""
        if not cursor.same_cluster:
            await cursors.start_over(connection, self._publisher, names)
            return None
        wanted = [self._subscriptions[name] for name in names]
        page = {
            "publisher": self._publisher,
            "names": names,
            "wanted": [subscription.event for subscription in wanted],
            "oldest": [subscription.oldest_version for subscription in wanted],
            "types": sorted({subscription.event for subscription in wanted}),
            "since": cursor.since,
            "after": cursor.after,
            "page": PAGE // self._split,
        }
        if cursor.snapshot == RESCAN:
            answer = await connection.execute(self._rescan, page)
        else:
            between = {"snapshot": cursor.snapshot, "window": cursor.window}
            answer = await connection.execute(self._carry, page | between)
        carried, last = answer.one()
        page_end = last if carried == page["page"] else None
        await cursors.move(connection, self._publisher, names, cursor, page_end=page_end)
        return None if page_end else cursor.window


def _carry_from(publisher: str, which: str) -> str:
    wanted = """
        FROM page AS o JOIN unnest(:names, :wanted, :oldest) AS wanted(name, type, oldest)
            ON wanted.type = o.type AND wanted.oldest <= o.version
    """
    return f"""
        WITH page AS (
            SELECT o.* FROM "{publisher}".outbox o
            WHERE {which} o.type = ANY(:types) AND o.id > :after
              AND (CAST(:since AS timestamptz) IS NULL OR o.occurred_at >= :since)
            ORDER BY o.id LIMIT :page
        ), carried AS (
            {COPY_AS_DELIVERY.format(subscription="wanted.name", events=wanted)}
        )
        SELECT count(*), max(id) FROM page
    """  # noqa: S608 - the publisher is a context's name, checked by its manifest

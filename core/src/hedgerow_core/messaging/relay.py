"""Carries events from a publisher's outbox into the deliveries of a subscriber, in commit order, losing none.

The relay belongs to the subscriber. A cursor is a snapshot: an event is new when it is visible now and was not
visible in the snapshot of the last step. Ids alone would lose what commits late (ADR 0002 has the measurements).
Cursor and deliveries commit together, so a crash repeats a step and never skips one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import BigInteger, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.work import PARTITION_OF_KEY
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database

LEASE = timedelta(seconds=5)
RENEW_AFTER_S = 2.0
"""An idle relay renews its lease this often; in between it only peeks, which writes nothing."""
PAGE = 2_000
"""Events carried per transaction. The window stays frozen while a large one is paged through."""
BEGINNING = "1:1:"
"""A snapshot in which nothing was visible yet."""
RESCAN = "rescan"
"""Stands in the place of a snapshot after a restore: the rows then carry transaction ids of another cluster, which
mean nothing here, and are read by id alone. Deliveries that exist already are not doubled."""

_log = log_of(__name__)

_OPEN_CURSORS = text(
    """
    INSERT INTO feed_cursors (publisher, subscription, snapshot, system_identifier)
    SELECT :publisher, name, :beginning, system_identifier FROM unnest(:names) AS name, pg_control_system()
    ON CONFLICT DO NOTHING
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))

# Taking the lease locks the cursors' rows: until this transaction ends, no other relay can step. A holder that
# slept through its lease finds a newer term and writes nothing.
_TAKE_LEASES = text(
    """
    UPDATE feed_cursors SET
        holder = :holder,
        term = CASE WHEN holder = :holder THEN term ELSE term + 1 END,
        expires_at = clock_timestamp() + :lease
    WHERE (publisher, subscription) IN (
        SELECT publisher, subscription FROM feed_cursors
        WHERE publisher = :publisher AND subscription = ANY(:names)
          AND (holder = :holder OR expires_at < clock_timestamp())
        ORDER BY subscription FOR UPDATE SKIP LOCKED)
    RETURNING subscription, snapshot, target, after_id,
        coalesce(target, pg_current_snapshot()::text) AS window,
        system_identifier = (SELECT system_identifier FROM pg_control_system()) AS same_cluster
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))

_START_OVER = text(
    """
    UPDATE feed_cursors
    SET snapshot = :rescan, target = NULL, after_id = 0,
        system_identifier = (SELECT system_identifier FROM pg_control_system())
    WHERE publisher = :publisher AND subscription = ANY(:names)
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))

_MOVE = text(
    """
    UPDATE feed_cursors SET snapshot = :snapshot, target = :target, after_id = :after
    WHERE publisher = :publisher AND subscription = ANY(:names)
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))

# Index: outbox_by_transaction.
_IS_NEW = """
    o.xid >= pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))
    AND NOT pg_visible_in_snapshot(o.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot))
"""
_IS_IN_WINDOW = "pg_visible_in_snapshot(o.xid, CAST(CAST(:window AS text) AS pg_snapshot))"


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where one or more subscriptions are in the feed. Those that are at the same place move together."""

    snapshot: str
    target: str | None
    after: int
    window: str
    same_cluster: bool


class Relay:
    """Carries the events of one publisher to the subscriptions of this context.

    Every subscription has a cursor and a lease of its own, so that a new one reads the feed from its beginning, and
    so that an older build, which does not know it, cannot lead it past its events. Any number of processes may run
    a relay; for each subscription one at a time holds the lease.
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
        self._peek = text(
            f'SELECT EXISTS (SELECT FROM "{publisher}".outbox o WHERE {_IS_NEW} AND o.type = ANY(:types))'  # noqa: S608
        ).bindparams(types)
        self._carry, self._rescan = (
            text(_carry_from(publisher, which)).bindparams(
                types,
                bindparam("names", type_=ARRAY(Text)),
                bindparam("wanted", type_=ARRAY(Text)),
                bindparam("versions", type_=ARRAY(Integer)),
                bindparam("after", type_=BigInteger),
            )
            for which in (f"{_IS_NEW} AND {_IS_IN_WINDOW} AND", "")
        )
        self._snapshot: str | None = None
        """Where all cursors that we lead are; None when we lead none, or when they are apart."""
        self._ask_at = 0.0

    async def open(self) -> None:
        """Create the cursors that are missing, at the beginning of the feed."""
        cursors = {"publisher": self._publisher, "names": list(self._subscriptions), "beginning": BEGINNING}
        async with self._database.transaction() as connection:
            await connection.execute(_OPEN_CURSORS, cursors)

    async def step(self) -> bool:
        """Carry what is new; True if there may be more at once. Leaves alone what another relay leads.

        Raises:
            UnavailableError: the database is away.
        """
        if time.monotonic() < self._ask_at:
            if self._snapshot is None:
                return False
            async with self._database.reading() as connection:
                where = {"snapshot": self._snapshot, "types": self._types}
                if not (await connection.execute(self._peek, where)).scalar_one():
                    return False
        return await self._carry_pages()

    async def _carry_pages(self) -> bool:
        """One page for each place at which cursors are."""
        async with self._database.transaction() as connection:
            led = await self._lead(connection)
            moved = [await self._carry_page(connection, cursor, names) for cursor, names in led.items()]
        reached = set(moved)
        # Cursors that are still apart meet at the next step's window: don't wait for that one.
        more = None in reached or len(reached) > 1
        self._snapshot = None if more or not reached else reached.pop()
        self._ask_at = 0.0 if more else time.monotonic() + RENEW_AFTER_S
        return more

    async def _lead(self, connection: AsyncConnection) -> dict[_Cursor, list[str]]:
        lease = {
            "publisher": self._publisher,
            "names": list(self._subscriptions),
            "holder": self._holder,
            "lease": LEASE,
        }
        led: dict[_Cursor, list[str]] = {}
        for row in await connection.execute(_TAKE_LEASES, lease):
            cursor = _Cursor(row.snapshot, row.target, row.after_id, row.window, row.same_cluster)
            led.setdefault(cursor, []).append(row.subscription)
        return led

    async def _carry_page(self, connection: AsyncConnection, cursor: _Cursor, names: list[str]) -> str | None:
        """Carry a page to these subscriptions; returns the snapshot that they reached, None if there is more."""
        whose = {"publisher": self._publisher, "names": names}
        if not cursor.same_cluster:
            _log.warning("feed_restarted", publisher=self._publisher, reason="the database was restored")
            await connection.execute(_START_OVER, whose | {"rescan": RESCAN})
            return None
        wanted = [self._subscriptions[name] for name in names]
        page = whose | {
            "wanted": [subscription.event for subscription in wanted],
            "versions": [subscription.version for subscription in wanted],
            "types": sorted({subscription.event for subscription in wanted}),
            "after": cursor.after,
            "page": PAGE,
        }
        if cursor.snapshot == RESCAN:
            answer = await connection.execute(self._rescan, page)
        else:
            between = {"snapshot": cursor.snapshot, "window": cursor.window}
            answer = await connection.execute(self._carry, page | between)
        carried, last = answer.one()
        if carried == PAGE:
            place = {"snapshot": cursor.snapshot, "target": cursor.window, "after": last}
        else:
            place = {"snapshot": cursor.window, "target": None, "after": 0}
        await connection.execute(_MOVE, whose | place)
        return None if carried == PAGE else cursor.window


def _carry_from(publisher: str, which: str) -> str:
    return f"""
        WITH page AS (
            SELECT o.* FROM "{publisher}".outbox o
            WHERE {which} o.type = ANY(:types) AND o.id > :after
            ORDER BY o.id LIMIT :page
        ), carried AS (
            INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,
                version, aggregate_type, aggregate_id, aggregate_version, payload, occurred_at, traceparent,
                causation_id, correlation_id, actor)
            SELECT page.event_id, wanted.name, :publisher, page.id, page.aggregate_id::text,
                {PARTITION_OF_KEY.format(key="page.aggregate_id::text")}, type,
                version, page.aggregate_type, page.aggregate_id, page.aggregate_version, page.payload,
                page.occurred_at, page.traceparent, page.causation_id, page.correlation_id, page.actor
            FROM page JOIN unnest(:names, :wanted, :versions) AS wanted(name, type, version)
                USING (type, version)
            ORDER BY page.id
            ON CONFLICT (event_id, subscription) DO NOTHING
        )
        SELECT count(*), max(id) FROM page
    """  # noqa: S608 - the publisher is a context's name, checked by its manifest

"""Carries events from a publisher's outbox into the deliveries of a subscriber, in commit order, losing none.

The relay belongs to the subscriber. Its cursor is a snapshot: an event is new when it is visible now and was not
visible in the snapshot of the last step. Ids alone would lose what commits late (ADR 0002 has the measurements).
Cursor and deliveries commit together, so a crash repeats a step and never skips one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import BigInteger, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

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

_OPEN_CURSOR = text(
    """
    INSERT INTO feed_cursors (publisher, snapshot, system_identifier)
    SELECT :publisher, :beginning, system_identifier FROM pg_control_system()
    ON CONFLICT DO NOTHING
    """
)

# Taking the lease locks the cursor's row: until this transaction ends, no other relay can step. A holder that
# slept through its lease finds a newer term and writes nothing.
_TAKE_LEASE = text(
    """
    UPDATE feed_cursors SET
        holder = :holder,
        term = CASE WHEN holder = :holder THEN term ELSE term + 1 END,
        expires_at = clock_timestamp() + :lease
    WHERE publisher = (
        SELECT publisher FROM feed_cursors
        WHERE publisher = :publisher AND (holder = :holder OR expires_at < clock_timestamp())
        FOR UPDATE SKIP LOCKED)
    RETURNING snapshot, target, after_id,
        coalesce(target, pg_current_snapshot()::text) AS window,
        system_identifier = (SELECT system_identifier FROM pg_control_system()) AS same_cluster
    """
)

_START_OVER = text(
    """
    UPDATE feed_cursors
    SET snapshot = :rescan, target = NULL, after_id = 0,
        system_identifier = (SELECT system_identifier FROM pg_control_system())
    WHERE publisher = :publisher
    """
)

_MOVE = text(
    "UPDATE feed_cursors SET snapshot = :snapshot, target = :target, after_id = :after WHERE publisher = :publisher"
)

# Index: outbox_by_transaction.
_IS_NEW = """
    o.xid >= pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))
    AND NOT pg_visible_in_snapshot(o.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot))
"""
_IS_IN_WINDOW = "pg_visible_in_snapshot(o.xid, CAST(CAST(:window AS text) AS pg_snapshot))"


class Relay:
    """One (subscriber, publisher) pair. Any number of processes may run it; one at a time holds the lease."""

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
        self._wanted = {
            "names": [subscription.name for subscription in subscriptions],
            "wanted": [subscription.event for subscription in subscriptions],
            "versions": [subscription.version for subscription in subscriptions],
        }
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
        self._renew_at = 0.0

    async def open(self) -> None:
        """Create the cursor, at the beginning of the feed, if this pair has none yet."""
        async with self._database.transaction() as connection:
            await connection.execute(_OPEN_CURSOR, {"publisher": self._publisher, "beginning": BEGINNING})

    async def step(self) -> bool:
        """Carry what is new; True if there may be more at once. Does nothing while another relay leads.

        Raises:
            UnavailableError: the database is away.
        """
        if self._snapshot is not None and time.monotonic() < self._renew_at:
            async with self._database.reading() as connection:
                where = {"snapshot": self._snapshot, "types": self._types}
                if not (await connection.execute(self._peek, where)).scalar_one():
                    return False
        return await self._carry_page()

    async def _carry_page(self) -> bool:
        async with self._database.transaction() as connection:
            lease = {"publisher": self._publisher, "holder": self._holder, "lease": LEASE}
            cursor = (await connection.execute(_TAKE_LEASE, lease)).one_or_none()
            self._renew_at = time.monotonic() + RENEW_AFTER_S
            if cursor is None:
                # Another relay leads. Ask again after a while instead of peeking for it.
                self._snapshot = None
                return False
            if not cursor.same_cluster:
                _log.warning("feed_restarted", publisher=self._publisher, reason="the database was restored")
                await connection.execute(_START_OVER, {"publisher": self._publisher, "rescan": RESCAN})
                return True
            rescan = cursor.snapshot == RESCAN
            carried, last = (
                await connection.execute(
                    self._rescan if rescan else self._carry,
                    {
                        **({} if rescan else {"snapshot": cursor.snapshot, "window": cursor.window}),
                        "after": cursor.after_id,
                        "types": self._types,
                        **self._wanted,
                        "publisher": self._publisher,
                        "page": PAGE,
                    },
                )
            ).one()
            paging = bool(carried == PAGE)
            await connection.execute(
                _MOVE,
                {
                    "publisher": self._publisher,
                    "snapshot": cursor.snapshot if paging else cursor.window,
                    "target": cursor.window if paging else None,
                    "after": last if paging else 0,
                },
            )
        self._snapshot = None if paging else cursor.window
        return paging


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

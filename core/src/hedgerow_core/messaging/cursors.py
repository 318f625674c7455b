"""Where a subscription is in a publisher's feed, and which relay may move it.

A cursor is a snapshot: an event is new when it is visible now and was not visible in that snapshot. A relay that
slept through its lease finds a newer term and leads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Row, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.consumers import Start, Subscription
from hedgerow_core.observability import log_of

LEASE = timedelta(seconds=5)
BEGINNING = "1:1:"
"""A snapshot in which nothing was visible yet."""
RESCAN = "rescan"
"""Stands in the place of a snapshot after a restore: the rows then carry transaction ids of another cluster, which
mean nothing here, and are read by id alone. Deliveries that exist already are not doubled."""

_log = log_of(__name__)
_NAMES = bindparam("names", type_=ARRAY(Text))

# Index: outbox_by_transaction.
IS_NEW = """
    o.xid >= pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))
    AND NOT pg_visible_in_snapshot(o.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot))
"""
"""SQL: an event `o` of an outbox was not visible in `:snapshot`."""
IS_IN_WINDOW = "pg_visible_in_snapshot(o.xid, CAST(CAST(:window AS text) AS pg_snapshot))"
"""SQL: it is visible in `:window`."""

_FEEDS_HERE = text(
    """
    SELECT owner.nspname FROM pg_class AS feed JOIN pg_namespace AS owner ON owner.oid = feed.relnamespace
    WHERE feed.relname = 'outbox' AND owner.nspname = ANY(:publishers)
      AND has_schema_privilege(owner.oid, 'USAGE') AND has_table_privilege(feed.oid, 'SELECT')
    """
).bindparams(bindparam("publishers", type_=ARRAY(Text)))

_OPEN = text(
    """
    INSERT INTO feed_cursors (publisher, subscription, snapshot, since, system_identifier)
    SELECT :publisher, name, CASE WHEN latest THEN pg_current_snapshot()::text ELSE :beginning END, since,
        system_identifier
    FROM unnest(:names, CAST(:latest AS boolean[]), :since) AS wanted(name, latest, since), pg_control_system()
    ON CONFLICT DO NOTHING
    """
).bindparams(_NAMES, bindparam("since", type_=ARRAY(DateTime(timezone=True))))

# Taking the lease locks the cursors' rows: until this transaction ends, no other relay can step.
_TAKE_LEASES = text(
    """
    UPDATE feed_cursors SET
        holder = :holder,
        term = CASE WHEN holder = :holder THEN term ELSE term + 1 END,
        expires_at = clock_timestamp() + :lease
    WHERE (publisher, subscription) IN (
        SELECT publisher, subscription FROM feed_cursors
        WHERE publisher = :publisher AND subscription = ANY(:names) AND expired_at IS NULL
          AND (holder = :holder OR expires_at < clock_timestamp())
        ORDER BY subscription FOR UPDATE SKIP LOCKED)
    RETURNING subscription, snapshot, target, after_id, since,
        coalesce(target, pg_current_snapshot()::text) AS window, system_identifier,
        system_identifier = (SELECT system_identifier FROM pg_control_system()) AS same_cluster
    """
).bindparams(_NAMES)

_START_OVER = text(
    """
    UPDATE feed_cursors
    SET snapshot = :rescan, target = NULL, after_id = 0,
        system_identifier = (SELECT system_identifier FROM pg_control_system())
    WHERE publisher = :publisher AND subscription = ANY(:names)
    """
).bindparams(_NAMES)

# What it said while it lived in another host says nothing any more.
_MOVE = text(
    """
    UPDATE feed_cursors SET snapshot = :snapshot, target = :target, after_id = :after, heard_at = NULL
    WHERE publisher = :publisher AND subscription = ANY(:names)
    """
).bindparams(_NAMES)

_RELEASE = text(
    "UPDATE feed_cursors SET expires_at = '-infinity' WHERE publisher = :publisher AND holder = :holder"
)

_EXPIRE = text(
    """
    UPDATE feed_cursors SET expired_at = clock_timestamp()
    WHERE publisher = :publisher AND subscription = ANY(:names)
    """
).bindparams(_NAMES)

_REPORT = """
    SELECT name, "{publisher}".report_feed_position(name,
        CASE WHEN :snapshot = :rescan THEN '1'
        ELSE pg_snapshot_xmin(CAST(:snapshot AS pg_snapshot)) END) AS complete
    FROM unnest(:names) AS name
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where one or more subscriptions are in the feed. Those that are at the same place move together."""

    snapshot: str
    target: str | None
    after: int
    since: datetime | None
    window: str
    """The snapshot up to which is read now. It stays frozen while a large window is paged through."""
    same_cluster: bool


async def feeds_here(connection: AsyncConnection, publishers: Iterable[str]) -> set[str]:
    """Whose outbox lies in this database, and may be read. Its context may run in a process of its own."""
    return set((await connection.execute(_FEEDS_HERE, {"publishers": sorted(publishers)})).scalars())


async def open_cursors(connection: AsyncConnection, publisher: str, subscriptions: Sequence[Subscription]) -> None:
    """Create the cursors that are missing, each where its subscription wants to start."""
    await connection.execute(_OPEN, beginnings_of(publisher, subscriptions))


def beginnings_of(publisher: str, subscriptions: Sequence[Subscription]) -> dict[str, object]:
    """Where subscriptions want to start, as the statements take it that create cursors."""
    starts = [subscription.start for subscription in subscriptions]
    return {
        "publisher": publisher,
        "names": [subscription.name for subscription in subscriptions],
        "latest": [start is Start.LATEST for start in starts],
        "since": [start if isinstance(start, datetime) else None for start in starts],
        "beginning": BEGINNING,
    }


async def take_leases(
    connection: AsyncConnection, publisher: str, names: Sequence[str], *, holder: str
) -> Sequence[Row[Any]]:
    """Take or renew the lease of these subscriptions' cursors, and lock them; those that are free."""
    lease = {"publisher": publisher, "names": list(names), "holder": holder, "lease": LEASE}
    return (await connection.execute(_TAKE_LEASES, lease)).all()


async def lead(
    connection: AsyncConnection, publisher: str, names: Sequence[str], *, holder: str
) -> dict[Cursor, list[str]]:
    """Take or renew the lease of these subscriptions' cursors; those that another relay leads are left out."""
    led: dict[Cursor, list[str]] = {}
    for row in await take_leases(connection, publisher, names, holder=holder):
        cursor = Cursor(row.snapshot, row.target, row.after_id, row.since, row.window, row.same_cluster)
        led.setdefault(cursor, []).append(row.subscription)
    return led


async def release(connection: AsyncConnection, publisher: str, *, holder: str) -> None:
    """Give back every lease that `holder` has."""
    await connection.execute(_RELEASE, {"publisher": publisher, "holder": holder})


async def report(connection: AsyncConnection, publisher: str, led: Mapping[Cursor, list[str]]) -> None:
    """Tell the publisher what these subscriptions have passed, so that it keeps what they have not.

    A subscription that was silent for so long that events went without it is stopped, loudly: `events replay`
    carries what is still there, and lets it go on.
    """
    for cursor, names in led.items():
        where = {"names": names, "snapshot": cursor.snapshot, "rescan": RESCAN}
        statement = text(_REPORT.format(publisher=publisher)).bindparams(_NAMES, bindparam("snapshot", type_=Text))
        answers = (await connection.execute(statement, where)).all()
        missed = [row.name for row in answers if not row.complete]
        if missed and cursor.snapshot not in (BEGINNING, RESCAN):
            await expire(connection, publisher, missed)
            names[:] = [name for name in names if name not in missed]


async def expire(connection: AsyncConnection, publisher: str, names: Sequence[str]) -> None:
    """Stop subscriptions that have missed something, loudly."""
    await connection.execute(_EXPIRE, {"publisher": publisher, "names": list(names)})
    _log.error("feed_expired", publisher=publisher, subscriptions=list(names))


async def move(
    connection: AsyncConnection, publisher: str, names: Sequence[str], cursor: Cursor, *, page_end: int | None
) -> None:
    """Put cursors after the page that ended with event `page_end`, or, if it is None, behind the whole window."""
    where: dict[str, object] = {"publisher": publisher, "names": list(names)}
    if page_end is None:
        place = {"snapshot": cursor.window, "target": None, "after": 0}
    else:
        place = {"snapshot": cursor.snapshot, "target": cursor.window, "after": page_end}
    await connection.execute(_MOVE, where | place)


async def start_over(connection: AsyncConnection, publisher: str, names: Sequence[str]) -> None:
    """Put cursors before the oldest event, in a database that was restored into another cluster."""
    _log.warning("feed_restarted", publisher=publisher, reason="the database was restored")
    await connection.execute(_START_OVER, {"publisher": publisher, "names": list(names), "rescan": RESCAN})

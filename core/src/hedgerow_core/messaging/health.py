"""How a ledger stands: what waits, for how long, what is dead, and whether somebody should look.

The cost of a look is bounded, however long the backlog: it counts up to `COUNTED_TO`, reads the front of each
partition, and never touches what is completed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from sqlalchemy import Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.cursors import BEGINNING, RESCAN, feeds_here
from hedgerow_core.messaging.tables import PARTITIONS

COUNTED_TO = 10_000
"""Beyond this many an operator asks when it is over, and no longer how many there are."""
LOOKED_AT = 10
"""Due deliveries at the front of a partition of which the oldest is taken: a retry in front may have come due later
than those behind it."""
SILENT_AFTER_S = 20
"""A publisher in another host answers every 5 s, also when it has nothing."""

# Each count is ordered as its index is, or the planner would rather read the whole table than so much of an index.
# Indexes: deliveries_in_order (due, active), deliveries_waiting, deliveries_dead, deliveries_parked.
_HEALTH = """
    WITH known AS (
        SELECT unnest(:names) AS subscription UNION SELECT subscription FROM delivery_partitions
    )
    SELECT known.subscription, active.pending, waiting.retry, dead.dead, parked.parked,
        coalesce(due.age_s, 0) AS oldest_pending_s, leases.expired AS expired_leases,
        EXISTS (SELECT FROM paused_subscriptions paused WHERE paused.subscription = known.subscription) AS paused,
        feed.publisher, CASE WHEN feed.heard_at IS NOT NULL THEN {elsewhere} {lags} END AS relay_lag_s,
        extract(epoch FROM statement_timestamp() - feed.expired_at)::float8 AS feed_expired_s
    FROM known
    LEFT JOIN (
        SELECT *, CASE WHEN publisher = ANY(ARRAY[{here}]::text[]) THEN
            CAST(CASE snapshot WHEN '{rescan}' THEN '{beginning}' ELSE snapshot END AS pg_snapshot) END AS passed
        FROM feed_cursors
    ) feed ON feed.subscription = known.subscription
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM max(statement_timestamp() - front.next_at))::float8 AS age_s
        FROM generate_series(0, {last}) AS slice(partition), LATERAL (
            SELECT next_at FROM deliveries
            WHERE subscription = known.subscription AND partition = slice.partition
              AND state IN ('pending', 'processing', 'retry_wait') AND next_at <= statement_timestamp()
            ORDER BY position LIMIT {looked_at}) front
    ) due
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state <> 'retry_wait') AS pending FROM (
            SELECT state FROM deliveries
            WHERE subscription = known.subscription AND state IN ('pending', 'processing', 'retry_wait')
            ORDER BY partition, position LIMIT {counted_to}) counted
    ) active
    CROSS JOIN LATERAL (
        SELECT count(*) AS retry FROM (
            SELECT FROM deliveries
            WHERE subscription = known.subscription AND state = 'retry_wait'
            ORDER BY partition, ordering_key, position LIMIT {counted_to}) counted
    ) waiting
    CROSS JOIN LATERAL (
        SELECT count(*) AS dead FROM (
            SELECT FROM deliveries
            WHERE subscription = known.subscription AND state = 'dead' AND skipped_at IS NULL
            ORDER BY partition, ordering_key, position LIMIT {counted_to}) counted
    ) dead
    CROSS JOIN LATERAL (
        SELECT count(*) AS parked FROM (
            SELECT FROM (
                SELECT DISTINCT partition, ordering_key FROM (
                    SELECT partition, ordering_key FROM deliveries
                    WHERE subscription = known.subscription AND state = 'dead'
                    ORDER BY partition, ordering_key LIMIT {counted_to}) dead
            ) poisoned CROSS JOIN LATERAL (
                SELECT FROM deliveries
                WHERE subscription = known.subscription AND partition = poisoned.partition
                  AND ordering_key = poisoned.ordering_key AND state = 'parked'
                ORDER BY position LIMIT {counted_to}) follower
            LIMIT {counted_to}) counted
    ) parked
    CROSS JOIN LATERAL (
        SELECT count(*) AS expired FROM delivery_partitions
        WHERE subscription = known.subscription
          AND expires_at < statement_timestamp() AND expires_at > '-infinity'
    ) leases
    ORDER BY known.subscription, feed.publisher
"""

# The oldest event that the cursor has not passed, of whatever type: an idle relay passes them all within seconds.
# A cursor in the middle of a large window has passed what lies up to `after_id`. Indexes: outbox_by_transaction,
# the primary key.
_LAG = """
    WHEN feed.publisher = '{publisher}' THEN (
        SELECT extract(epoch FROM statement_timestamp() - min(first.occurred_at))::float8 FROM (
            (SELECT o.occurred_at FROM "{publisher}".outbox o
             WHERE feed.target IS NULL AND o.xid >= pg_snapshot_xmin(feed.passed)
               AND NOT pg_visible_in_snapshot(o.xid, feed.passed)
               AND (feed.since IS NULL OR o.occurred_at >= feed.since)
             ORDER BY o.xid, o.id LIMIT 1)
            UNION ALL
            (SELECT o.occurred_at FROM "{publisher}".outbox o
             WHERE feed.target IS NOT NULL AND o.id > feed.after_id
               AND NOT pg_visible_in_snapshot(o.xid, feed.passed)
               AND (feed.since IS NULL OR o.occurred_at >= feed.since)
             ORDER BY o.id LIMIT 1)) first)
"""

# Of a feed in another host we know what it said last. Who is silent may have something.
_LAG_ELSEWHERE = f"""
    extract(epoch FROM statement_timestamp() - least(feed.waiting_since, CASE
        WHEN feed.heard_at < statement_timestamp() - interval '{SILENT_AFTER_S} s' THEN feed.heard_at END))::float8
"""


_OVERDUE = text(
    """
    SELECT name, greatest(extract(epoch FROM statement_timestamp() - next_at), 0)::float8 AS overdue_s
    FROM schedules WHERE name = ANY(:names)
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionHealth:
    """How one subscription or task stands. Numbers of deliveries end at `COUNTED_TO`."""

    subscription: str
    pending: int
    """Due, being worked on, or not yet due."""
    retry: int
    dead: int
    """Without those that somebody has skipped."""
    parked: int
    oldest_pending_s: float
    """For how long the oldest that is not done has been due."""
    expired_leases: int
    paused: bool
    publisher: str | None
    """None for a task."""
    relay_lag_s: float | None
    """Age of the oldest event that the relay has not passed; None if there is none, or nobody here relays it. Of a
    publisher in another host: for how long it has been silent, if that is too long."""
    feed_expired_s: float | None
    """How long ago the feed ended, because the publisher no longer keeps what comes next."""


class Matter(StrEnum):
    """What is the matter."""

    STALE = "stale"
    """A due delivery waits for too long."""
    DEAD = "dead"
    """Deliveries want a decision."""
    NOT_CARRIED = "not_carried"
    """Events wait in the publisher's outbox for too long: no relay of the subscriber works."""
    FEED_EXPIRED = "feed_expired"
    """The publisher no longer keeps what comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Somebody should look."""

    subscription: str
    what: Matter
    age_s: float | None = None
    count: int | None = None


async def look(
    connection: AsyncConnection, names: Collection[str], *, publishers: Collection[str]
) -> list[SubscriptionHealth]:
    """How every subscription and task stands: those of `names`, and those that the ledger has met before.

    `publishers` are the contexts of this host's database that they listen to; what can't be read here is left out.
    """
    statement = _statement(tuple(sorted(await feeds_here(connection, publishers))))
    rows = await connection.execute(statement, {"names": sorted(names)})
    return [SubscriptionHealth(**row._mapping) for row in rows]


def alarms(stands: Iterable[SubscriptionHealth], *, stale_after_s: float) -> Iterator[Alarm]:
    """What somebody should look at. A paused subscription may wait: somebody wanted that."""
    for stand in stands:
        if stand.oldest_pending_s > stale_after_s and not stand.paused:
            yield Alarm(subscription=stand.subscription, what=Matter.STALE, age_s=stand.oldest_pending_s)
        if stand.dead:
            yield Alarm(subscription=stand.subscription, what=Matter.DEAD, count=stand.dead)
        if stand.feed_expired_s is not None:
            yield Alarm(subscription=stand.subscription, what=Matter.FEED_EXPIRED, age_s=stand.feed_expired_s)
        elif (stand.relay_lag_s or 0) > stale_after_s:
            yield Alarm(subscription=stand.subscription, what=Matter.NOT_CARRIED, age_s=stand.relay_lag_s)


async def overdue(connection: AsyncConnection, schedules: Collection[str]) -> dict[str, float]:
    """For how long, in seconds, the next tick of each schedule has been due; 0 while it lies ahead.

    What no worker has seen yet is left out. Without workers nothing enqueues, so nothing would be stale either.
    """
    rows = await connection.execute(_OVERDUE, {"names": sorted(schedules)})
    return {row.name: row.overdue_s for row in rows}


@cache
def _statement(publishers: Sequence[str]) -> TextClause:
    lags = "".join(_LAG.format(publisher=publisher) for publisher in publishers)
    return text(
        _HEALTH.format(
            here=", ".join(f"'{publisher}'" for publisher in publishers),
            lags=lags,
            elsewhere=_LAG_ELSEWHERE,
            rescan=RESCAN,
            beginning=BEGINNING,
            last=PARTITIONS - 1,
            looked_at=LOOKED_AT,
            counted_to=COUNTED_TO,
        )
    ).bindparams(bindparam("names", type_=ARRAY(Text)))

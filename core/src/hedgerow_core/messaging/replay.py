"""Carries events of a publisher's outbox to one subscription again.

As a rule only those that it never had: what a feed that expired or a late start has left out. A completed delivery
is kept at least as long as its event (`housekeeping`), so an event without a delivery was never had. Asked for
`again`, those that ended are set going once more, and their effects happen again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import NotFoundError
from hedgerow_core.messaging.actions import Decision, readable, write_down
from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.cursors import IS_IN_WINDOW, feeds_here
from hedgerow_core.messaging.feed import FILTER, FILTER_TYPES, EventFilter, parameters_of
from hedgerow_core.messaging.rehearsal import Part, part_of
from hedgerow_core.messaging.relay import COPY_AS_DELIVERY
from hedgerow_core.messaging.rereading import read_again, stopped_elsewhere
from hedgerow_core.messaging.selection import DeliveryState
from hedgerow_core.messaging.steering import BATCH, lock_partitions, resume_followers

ENDED = (DeliveryState.COMPLETED, DeliveryState.DISCARDED, DeliveryState.DEAD)
"""What `again` sets going once more. The rest is on its way already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which events are to be carried to which subscription."""

    subscription: Subscription
    which: EventFilter
    again: bool = False

    @property
    def is_whole(self) -> bool:
        """Nothing is left out, so that the feed may go on behind it."""
        return not self.which.chooses


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a replay would find in the outbox."""

    missing: int
    """Events that the subscription never had."""
    ended: int
    """Events whose deliveries ended: `again` sets them going."""
    under_way: int
    stopped: bool
    """The feed has expired and stands still until it is replayed."""
    elsewhere: bool = False
    """The publisher lives in another host: what it keeps is not known here, and is carried as it arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayBatch:
    """What one transaction of a replay has done."""

    changed: int
    entry: int | None
    """Where it is written down; to be handed to the next batch."""
    window: str
    """The snapshot in which the replay reads. What commits later is the relay's."""
    reached: int
    """The position of the last event that was looked at."""
    more: bool


_EVENTS = """
    "{publisher}".outbox o
    LEFT JOIN deliveries d ON d.event_id = o.event_id AND d.subscription = :subscription
    WHERE o.type = :event AND o.version >= :oldest AND {filter}
"""

_COUNT = """
    SELECT count(*) FILTER (WHERE d.state IS NULL) AS missing,
           count(*) FILTER (WHERE d.state = ANY(:ended)) AS ended,
           count(*) FILTER (WHERE d.state <> ALL(:ended)) AS under_way,
           EXISTS (SELECT FROM feed_cursors WHERE publisher = :publisher AND subscription = :subscription
               AND expired_at IS NOT NULL) AS stopped
    FROM {events}
"""

# A subscription that expired stands still, and its replay must not pass an event that commits late: it would get
# the later one first. So all batches read the outbox as it was when the first one began.
_CHOOSE = """
    SELECT o.id, o.event_id, d.partition, d.state FROM {events}
      AND o.id > :after AND {visible} AND (d.state IS NULL OR :again AND d.state = ANY(:ended))
    ORDER BY o.id LIMIT :limit
"""

_PARTS = """
    SELECT o.* FROM {events} AND (d.state IS NULL OR :again AND d.state = ANY(:ended)) ORDER BY o.id LIMIT :limit
"""

_AGAIN = text(
    """
    UPDATE deliveries SET state = 'pending', attempts = 0, next_at = clock_timestamp(), reason = NULL,
        completed_at = NULL, skipped_at = NULL
    WHERE subscription = :subscription AND event_id = ANY(:ids) AND state = ANY(:ended)
    RETURNING subscription, partition, ordering_key
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("ended", type_=ARRAY(Text)))

_NOW = text("SELECT pg_current_snapshot()::text")

_LET_GO_ON = text(
    """
    UPDATE feed_cursors SET snapshot = :window, target = NULL, after_id = 0, expired_at = NULL
    WHERE publisher = :publisher AND subscription = :subscription AND expired_at IS NOT NULL
    """
)


async def preview(connection: AsyncConnection, replay: Replay) -> Preview:
    """Count what the replay would find.

    Raises:
        NotFoundError: the publisher's outbox is neither in this database nor in another host.
    """
    stopped = await stopped_elsewhere(connection, replay.subscription)
    if stopped is not None:
        return Preview(missing=0, ended=0, under_way=0, stopped=stopped, elsewhere=True)
    await _demand_feed(connection, replay)
    row = (await connection.execute(_statement(_COUNT, replay), _parameters(replay))).one()
    return Preview(**row._mapping)


async def parts(connection: AsyncConnection, replay: Replay, *, limit: int) -> list[Part]:
    """The events that the replay would carry first, for a rehearsal.

    Raises:
        NotFoundError: the publisher's outbox is not in this database.
    """
    await _demand_feed(connection, replay)
    asked = _parameters(replay) | {"again": replay.again, "limit": limit}
    rows = await connection.execute(_statement(_PARTS, replay), asked)
    return [part_of(row, replay.subscription.name) for row in rows]


async def carry(
    connection: AsyncConnection,
    replay: Replay,
    decision: Decision,
    *,
    limit: int = BATCH,
    before: ReplayBatch | None = None,
    after: int = 0,
) -> ReplayBatch:
    """Carry the next events, `limit` at most, in publisher order, beginning behind position `after`.

    `before` is the batch before, if there was one. The last batch of a whole replay lets an expired feed go on. The
    feed of another host is read again by its relay, and there is nothing to go on with.

    Raises:
        NotFoundError: the publisher's outbox is neither in this database nor in another host.
        ValidationError: it is in another host, and only some of it is wanted.
    """
    if await stopped_elsewhere(connection, replay.subscription) is not None:
        whole = replay.is_whole and not replay.again and not after
        await read_again(connection, replay.subscription, decision, whole=whole)
        return ReplayBatch(changed=0, entry=None, window="", reached=0, more=False)
    await _demand_feed(connection, replay)
    window = before.window if before else str((await connection.execute(_NOW)).scalar_one())
    begin = before.reached if before else after
    place = {"window": window, "after": begin, "again": replay.again, "limit": limit}
    chosen = (await connection.execute(_statement(_CHOOSE, replay), _parameters(replay) | place)).all()
    changed = await _carried(connection, replay, [row.id for row in chosen if row.state is None])
    ended = [row for row in chosen if row.state is not None]
    if ended:
        changed += await _set_going(connection, replay, ended)
    more = len(chosen) == limit
    entry = before.entry if before else None
    resumed = False
    if not more and replay.is_whole and after == 0:
        resumed = await _let_go_on(connection, replay, window)
    if changed or (resumed and entry is None):
        entry = await write_down(connection, "replay", _readable(replay), decision, changed, entry=entry)
    reached = chosen[-1].id if chosen else begin
    return ReplayBatch(changed=changed, entry=entry, window=window, reached=reached, more=more)


async def _carried(connection: AsyncConnection, replay: Replay, positions: list[int]) -> int:
    events = f'FROM "{replay.subscription.publisher}".outbox o WHERE o.id = ANY(:positions)'
    statement = text(COPY_AS_DELIVERY.format(subscription=":subscription", events=events)).bindparams(
        bindparam("positions", type_=ARRAY(BigInteger))
    )
    return (await connection.execute(statement, _names(replay) | {"positions": positions})).rowcount


async def _set_going(connection: AsyncConnection, replay: Replay, ended: list[Any]) -> int:
    name = replay.subscription.name
    await lock_partitions(connection, [name] * len(ended), [row.partition for row in ended])
    these = {"subscription": name, "ids": [row.event_id for row in ended], "ended": [str(state) for state in ENDED]}
    changed = (await connection.execute(_AGAIN, these)).all()
    await resume_followers(connection, changed)
    return len(changed)


async def _let_go_on(connection: AsyncConnection, replay: Replay, window: str) -> bool:
    moved = await connection.execute(_LET_GO_ON, _names(replay) | {"window": window})
    return moved.rowcount > 0


async def _demand_feed(connection: AsyncConnection, replay: Replay) -> None:
    if not await feeds_here(connection, [replay.subscription.publisher]):
        raise NotFoundError(
            f"The outbox of {replay.subscription.publisher} is not in this database: there is nothing to replay."
        )


def _statement(sql: str, replay: Replay) -> TextClause:
    events = _EVENTS.format(publisher=replay.subscription.publisher, filter=FILTER)
    return text(sql.format(events=events, visible=IS_IN_WINDOW)).bindparams(
        *FILTER_TYPES, bindparam("ended", type_=ARRAY(Text))
    )


def _names(replay: Replay) -> dict[str, object]:
    return {"publisher": replay.subscription.publisher, "subscription": replay.subscription.name}


def _parameters(replay: Replay) -> dict[str, object]:
    wanted = {
        "event": replay.subscription.event,
        "oldest": replay.subscription.oldest_version,
        "ended": [str(state) for state in ENDED],
    }
    return parameters_of(replay.which) | _names(replay) | wanted


def _readable(replay: Replay) -> dict[str, object]:
    asked = {"subscription": replay.subscription.name} | readable(replay.which)
    return asked | {"again": True} if replay.again else asked

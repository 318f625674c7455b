"""What operators decide about deliveries: try them again, go on without them, or never run them.

A decision about many rows is made in batches, one transaction each, in order: it blocks nobody for long, and one
that was interrupted goes on when it is asked for again. Every change is written down (`actions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Row, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.actions import Decision, readable, write_down
from hedgerow_core.messaging.selection import (
    FILTER,
    FILTER_TYPES,
    DeliveryFilter,
    DeliveryState,
    parameters_of,
)

BATCH = 1_000
"""Rows changed per transaction."""


class Action(StrEnum):
    """A decision about deliveries."""

    RETRY = "retry"
    """A new set of attempts, due now; the history of failures stays."""
    SKIP = "skip"
    """A dead one stays dead, but those behind it go on without it. It may be retried later, then out of order."""
    DISCARD = "discard"
    """It shall never run."""
    CANCEL = "cancel"
    """As discard, for tasks."""


_WAITING = (DeliveryState.PENDING, DeliveryState.RETRY_WAIT, DeliveryState.DEAD, DeliveryState.PARKED)
CHANGEABLE: Mapping[Action, tuple[DeliveryState, ...]] = {
    Action.RETRY: (DeliveryState.DEAD, DeliveryState.DISCARDED, DeliveryState.RETRY_WAIT),
    Action.SKIP: (DeliveryState.DEAD,),
    Action.DISCARD: _WAITING,
    Action.CANCEL: _WAITING,
}
"""In which states a decision means anything. What runs right now is left to its holder."""


class Reached(NamedTuple):
    """The last row that a batch looked at."""

    subscription: str
    position: int
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction of a decision has done."""

    changed: int
    entry: int | None
    """Where it is written down; to be handed to the next batch."""
    reached: Reached | None
    """Where the next batch begins; None after the last one."""


_TARGETS = f"""
    {FILTER} AND d.state = ANY(:changeable) AND (NOT :once OR d.skipped_at IS NULL)
"""
_TARGET_TYPES = (*FILTER_TYPES, bindparam("changeable", type_=ARRAY(Text)))

_CHOOSE = text(
    f"""
    SELECT d.subscription, d.position, d.event_id, d.partition FROM deliveries d
    WHERE {_TARGETS}
      AND (CAST(:after_name AS text) IS NULL
           OR (d.subscription, d.position, d.event_id) > (:after_name, :after_position, :after_id))
    ORDER BY d.subscription, d.position, d.event_id LIMIT :limit
    """  # noqa: S608 - our own constants
).bindparams(
    *_TARGET_TYPES,
    bindparam("after_name", type_=Text),
    bindparam("after_position", type_=BigInteger),
    bindparam("after_id", type_=Uuid),
)

_REMAINING = text(f"SELECT count(*) FROM deliveries d WHERE {_TARGETS}").bindparams(*_TARGET_TYPES)  # noqa: S608

# Claims lock their partition's row first: whoever holds these rows sees no claim in between.
_LOCK_PARTITIONS = text(
    """
    SELECT 1 FROM delivery_partitions
    WHERE (subscription, partition) IN (SELECT * FROM unnest(CAST(:names AS text[]), CAST(:partitions AS int[])))
    ORDER BY subscription, partition FOR UPDATE
    """
)

_THESE = """
    FROM unnest(CAST(:names AS text[]), :ids) AS chosen(name, id)
    WHERE d.subscription = chosen.name AND d.event_id = chosen.id AND d.state = ANY(:changeable)
    RETURNING d.subscription, d.partition, d.ordering_key
"""
_NEVER = "state = 'discarded', reason = :reason"
_SET = {
    Action.RETRY: "state = 'pending', attempts = 0, next_at = clock_timestamp(), reason = NULL, skipped_at = NULL",
    Action.SKIP: "skipped_at = clock_timestamp()",
    Action.DISCARD: _NEVER,
    Action.CANCEL: _NEVER,
}


def _change(assignments: str) -> TextClause:
    return text(f"UPDATE deliveries d SET {assignments} {_THESE}").bindparams(  # noqa: S608 - our own constants
        bindparam("ids", type_=ARRAY(Uuid)), bindparam("changeable", type_=ARRAY(Text))
    )


_CHANGE = {action: _change(assignments) for action, assignments in _SET.items()}

# Indexes: deliveries_parked, deliveries_dead.
_RESUME_FOLLOWERS = text(
    """
    UPDATE deliveries follower SET state = 'pending', next_at = clock_timestamp()
    FROM (SELECT DISTINCT * FROM unnest(CAST(:names AS text[]), CAST(:partitions AS int[]), CAST(:keys AS text[])))
        AS touched(name, partition, key)
    WHERE follower.subscription = touched.name AND follower.partition = touched.partition
      AND follower.ordering_key = touched.key AND follower.state = 'parked'
      AND NOT EXISTS (
          SELECT FROM deliveries poison
          WHERE poison.subscription = follower.subscription AND poison.partition = follower.partition
            AND poison.ordering_key = follower.ordering_key AND poison.position < follower.position
            AND poison.state = 'dead' AND poison.skipped_at IS NULL)
    """
)


async def decide(
    connection: AsyncConnection,
    action: Action,
    which: DeliveryFilter,
    decision: Decision,
    *,
    limit: int = BATCH,
    after: Batch | None = None,
) -> Batch:
    """Change the next deliveries of the filter, `limit` at most; what was parked behind them resumes, in order.

    Asking twice changes nothing more. `after` is the batch before, if there was one.
    """
    rows = await connection.execute(_CHOOSE, _place(after) | _targets(action, which) | {"limit": limit})
    chosen = rows.all()
    touched = 0
    entry = after.entry if after else None
    if chosen:
        names, ids = [row.subscription for row in chosen], [row.event_id for row in chosen]
        await lock_partitions(connection, names, [row.partition for row in chosen])
        reason = {"reason": f"{action.value}ed by {decision.by}: {decision.why}"} if _NEVER in _SET[action] else {}
        these = {"names": names, "ids": ids, "changeable": list(CHANGEABLE[action])}
        changed = (await connection.execute(_CHANGE[action], these | reason)).all()
        await resume_followers(connection, changed)
        touched = len(changed)
    if touched:
        entry = await write_down(connection, action, readable(which), decision, touched, entry=entry)
    more = len(chosen) == limit
    return Batch(changed=touched, entry=entry, reached=Reached(*chosen[-1][:3]) if more else None)


async def remaining(connection: AsyncConnection, action: Action, which: DeliveryFilter) -> int:
    """How many the decision could change now."""
    return int((await connection.execute(_REMAINING, _targets(action, which))).scalar_one())


async def lock_partitions(connection: AsyncConnection, names: Sequence[str], partitions: Sequence[int]) -> None:
    """Keep claims away from these partitions until the transaction ends."""
    await connection.execute(_LOCK_PARTITIONS, {"names": list(names), "partitions": list(partitions)})


async def resume_followers(connection: AsyncConnection, changed: Sequence[Row[Any]]) -> None:
    """Let go on what is parked behind deliveries that were changed, unless another one is dead.

    `changed` are their subscriptions, partitions and ordering keys.
    """
    if changed:
        names, partitions, keys = map(list, zip(*changed, strict=True))
        await connection.execute(_RESUME_FOLLOWERS, {"names": names, "partitions": partitions, "keys": keys})


def _targets(action: Action, which: DeliveryFilter) -> dict[str, object]:
    only = {"changeable": [str(state) for state in CHANGEABLE[action]], "once": action is Action.SKIP}
    return parameters_of(which) | only


def _place(after: Batch | None) -> dict[str, object]:
    name, position, id = (after.reached if after else None) or (None, None, None)
    return {"after_name": name, "after_position": position, "after_id": id}

"""The states of a delivery, and the statements that move it from one to the next.

    pending ─────▶ processing ─────▶ completed
       ▲               ├─▶ pending                        put back: an earlier one of its key failed beside it
       │               ├─▶ retry_wait ─▶ processing …     the handler raised and may try again, or a newer build may
       │               └─▶ dead                           attempts used up, unreadable, or no handler
    parked ◀── from all that wait: one of the same key died before it; it resumes (pending) when that one is
               retried, skipped or discarded
    discarded      somebody decided that it shall never run

A paused subscription keeps its states; nothing of it is claimed.

A delivery is moved by whoever holds its partition (`partitions`). One that the next holder finds `processing` is an
orphan: it is claimed again, or parked like any follower. In a partition whose last holder died, what was tried
before is claimed first, one by one (`recovery`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.events import Envelope
from hedgerow_core.messaging.partitions import Claim, FencedError

BATCH = 100
"""Deliveries a claim: where the throughput comes from (300 effects/s with 1, 5,700 with 100; ADR 0002)."""
ERRORS_KEPT = 10
"""The history of failures on a row is capped to the latest ones."""
NEWER_BUILD_GRACE = timedelta(minutes=15)
"""What only a newer build can handle waits this long for it to be rolled out; then it is dead, loudly."""
LOOK_AGAIN_AFTER = timedelta(seconds=10)

# Indexes: deliveries_dead, deliveries_by_key. Whoever is `processing` when this runs is an orphan.
# Without a dead one the smallest position is NULL, and no follower is looked for. A plain join of the two was
# planned, without statistics, as one walk through the partition for each dead one.
_PARK_FOLLOWERS = text(
    """
    WITH dead AS MATERIALIZED (
        SELECT poison.ordering_key, poison.position FROM deliveries poison
        WHERE poison.subscription = :subscription AND poison.partition = :partition
          AND poison.state = 'dead' AND poison.skipped_at IS NULL
    )
    UPDATE deliveries follower SET state = 'parked', owner = NULL
    WHERE follower.subscription = :subscription AND follower.partition = :partition
      AND follower.state IN ('pending', 'processing', 'retry_wait')
      AND follower.position > (SELECT min(position) FROM dead)
      AND follower.ordering_key = ANY(ARRAY(SELECT ordering_key FROM dead))
      AND EXISTS (
          SELECT FROM dead WHERE dead.ordering_key = follower.ordering_key AND dead.position < follower.position)
    """
)

# Indexes: deliveries_in_order, deliveries_waiting. First attempts come in a batch; a later attempt always comes
# alone, so that a delivery that kills its process costs its neighbours one attempt at most.
# One moment holds for the whole statement: a retry that falls due halfway through must not be passed by its
# follower. The state is looked at once more at the end, on the row as it is after waiting for its lock: the holder
# before us may have completed it.
# Partition and position name the same rows once more: a table that has just filled has no statistics yet, and
# PostgreSQL then went through all that is active (8,556 buffers a batch with 8,000 waiting; now 1,721).
_CLAIM_OF = """
    WITH waiting AS MATERIALIZED (
        SELECT ordering_key, min(position) AS position FROM deliveries
        WHERE :ordered AND subscription = :subscription AND state = 'retry_wait'
          AND partition = :partition AND next_at > statement_timestamp()
        GROUP BY ordering_key
    ), due AS (
        SELECT d.event_id, d.position, d.attempts
        FROM deliveries d LEFT JOIN waiting
            ON waiting.ordering_key = d.ordering_key AND waiting.position < d.position
        WHERE d.subscription = :subscription AND d.partition = :partition AND waiting.ordering_key IS NULL
          AND d.state IN ('pending', 'processing', 'retry_wait') AND d.next_at <= statement_timestamp()
          {among}
          AND NOT EXISTS (SELECT FROM paused_subscriptions WHERE subscription = :subscription)
        ORDER BY d.position LIMIT :batch
    ), batch AS (
        SELECT event_id, position, row_number() OVER (ORDER BY position) AS nth,
               max(least(attempts, 1)) OVER (ORDER BY position) AS retried
        FROM due
    )
    UPDATE deliveries d
    SET state = 'processing', attempts = attempts + 1, token = :token, owner = :owner
    WHERE d.subscription = :subscription AND d.partition = :partition
      AND d.position = ANY(ARRAY(SELECT position FROM batch WHERE nth = 1 OR retried = 0))
      AND d.event_id = ANY(ARRAY(SELECT event_id FROM batch WHERE nth = 1 OR retried = 0))
      AND d.state IN ('pending', 'processing', 'retry_wait') AND d.next_at <= statement_timestamp()
    RETURNING d.event_id, d.ordering_key, d.payload, d.traceparent, d.type, d.version, d.publisher, d.position,
        d.aggregate_id, d.aggregate_version, d.occurred_at, d.correlation_id, d.actor, d.attempts
"""
_CLAIM = text(_CLAIM_OF.format(among=""))

# Only what was tried before, unless one of its key that was not comes first. A statement of its own: with the
# condition in it, PostgreSQL planned every claim anew.
_CLAIM_ORPHANS = text(
    _CLAIM_OF.format(
        among="""AND d.attempts > 0 AND NOT EXISTS (
            SELECT FROM deliveries untried
            WHERE :ordered AND untried.subscription = d.subscription AND untried.partition = d.partition
              AND untried.ordering_key = d.ordering_key
              AND untried.position < d.position AND untried.attempts = 0
              AND untried.state IN ('pending', 'processing', 'retry_wait'))"""
    )
)

_COMPLETE = text(
    """
    UPDATE deliveries SET state = 'completed', completed_at = clock_timestamp(), owner = NULL
    WHERE subscription = :subscription AND partition = :partition AND event_id = ANY(:ids)
      AND state = 'processing' AND token = :token
    """
)

_FAIL = text(
    f"""
    UPDATE deliveries
    SET state = :state, reason = :reason, next_at = clock_timestamp() + :wait, owner = NULL,
        errors = (SELECT coalesce(jsonb_agg(error ORDER BY nth), '[]') FROM (
            SELECT error, nth FROM jsonb_array_elements(errors || :error) WITH ORDINALITY AS kept(error, nth)
            ORDER BY nth DESC LIMIT {ERRORS_KEPT}) latest)
    WHERE subscription = :subscription AND event_id = :id AND state = 'processing' AND token = :token
    """  # noqa: S608 - the only thing interpolated is our own constant
).bindparams(bindparam("error", type_=JSONB))

_PUT_BACK = text(
    """
    UPDATE deliveries SET state = 'pending', attempts = attempts - 1, owner = NULL
    WHERE subscription = :subscription AND event_id = ANY(:ids) AND state = 'processing' AND token = :token
    """
)

_POSTPONE = text(
    """
    UPDATE deliveries SET
        state = CASE WHEN received_at < clock_timestamp() - CAST(:grace AS interval) THEN 'dead'
            ELSE 'retry_wait' END,
        attempts = attempts - 1, next_at = clock_timestamp() + :wait, reason = :reason, owner = NULL
    WHERE subscription = :subscription AND event_id = :id AND state = 'processing' AND token = :token
    RETURNING state
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One claimed delivery."""

    id: UUID
    ordering_key: str
    payload: dict[str, Any]
    envelope: Envelope
    traceparent: str | None = None


async def claim_batch(
    connection: AsyncConnection, claim: Claim, *, ordered: bool, limit: int = BATCH
) -> list[Delivery]:
    """Mark the next due deliveries as being worked on and count the attempt, in publisher order.

    In an orphaned partition it is one that has been tried before, unless an untried one of its key comes first.
    """
    if ordered:
        where = {"subscription": claim.subscription, "partition": claim.partition}
        await connection.execute(_PARK_FOLLOWERS, where)
    rows = await connection.execute(
        _CLAIM_ORPHANS if claim.orphaned else _CLAIM,
        {
            "subscription": claim.subscription,
            "partition": claim.partition,
            "token": claim.token,
            "owner": claim.owner,
            "ordered": ordered,
            "batch": 1 if claim.orphaned else limit,
        },
    )
    return sorted(map(_delivery, rows), key=lambda delivery: delivery.envelope.position)


async def complete(connection: AsyncConnection, claim: Claim, ids: Sequence[UUID]) -> None:
    """Mark deliveries as done, in the transaction of their effect.

    Raises:
        FencedError: they are no longer ours; the transaction must be rolled back.
    """
    where = {"subscription": claim.subscription, "partition": claim.partition, "token": claim.token}
    done = await connection.execute(_COMPLETE, where | {"ids": list(ids)})
    if done.rowcount != len(ids):
        raise FencedError


async def fail(
    connection: AsyncConnection,
    claim: Claim,
    id: UUID,
    *,
    error: dict[str, object],
    retry_in: timedelta | None,
    reason: str | None = None,
) -> None:
    """Write down a failed attempt: wait for `retry_in`, or be dead for `reason` when it is None.

    Raises:
        FencedError: the delivery is no longer ours.
    """
    failed = await connection.execute(
        _FAIL,
        {
            "subscription": claim.subscription,
            "id": id,
            "token": claim.token,
            "state": "dead" if retry_in is None else "retry_wait",
            "reason": reason,
            "wait": retry_in or timedelta(0),
            "error": [error],
        },
    )
    if failed.rowcount != 1:
        raise FencedError


async def put_back(connection: AsyncConnection, claim: Claim, ids: Sequence[UUID]) -> None:
    """Return those of them that are claimed and not done: these attempts do not count."""
    where = {"subscription": claim.subscription, "token": claim.token, "ids": list(ids)}
    await connection.execute(_PUT_BACK, where)


async def postpone(connection: AsyncConnection, claim: Claim, id: UUID, *, reason: str) -> bool:
    """Leave a delivery to a newer build: it comes back after `LOOK_AGAIN_AFTER`, and its attempt does not count.

    After `NEWER_BUILD_GRACE` it is dead instead. Returns whether it is.

    Raises:
        FencedError: the delivery is no longer ours.
    """
    where = {"subscription": claim.subscription, "id": id, "token": claim.token, "reason": reason}
    times = {"grace": NEWER_BUILD_GRACE, "wait": LOOK_AGAIN_AFTER}
    state = (await connection.execute(_POSTPONE, where | times)).scalar_one_or_none()
    if state is None:
        raise FencedError
    return bool(state == "dead")


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.event_id,
        ordering_key=row.ordering_key,
        payload=row.payload,
        traceparent=row.traceparent,
        envelope=Envelope(
            event_id=row.event_id,
            type=row.type,
            version=row.version,
            publisher=row.publisher,
            position=row.position,
            aggregate_id=row.aggregate_id,
            aggregate_version=row.aggregate_version,
            occurred_at=row.occurred_at,
            correlation_id=row.correlation_id,
            actor=row.actor,
            attempt=row.attempts,
        ),
    )

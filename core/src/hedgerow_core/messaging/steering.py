"""What operators do with deliveries: look at them, try them again, or decide that they shall never run.

Every change is written down in `ledger_actions`, in the transaction that makes it: who, why, which, how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_LISTED = 1_000


class DeliveryState(StrEnum):
    """Where a delivery is; `deliveries` has the picture."""

    PENDING = "pending"
    PROCESSING = "processing"
    RETRY_WAIT = "retry_wait"
    COMPLETED = "completed"
    DEAD = "dead"
    PARKED = "parked"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries; what is left out is not asked for."""

    ids: tuple[UUID, ...] = ()
    """Identities of events or tasks: one event may have a delivery per subscription."""
    states: tuple[DeliveryState, ...] = ()
    subscription: str | None = None
    type: str | None = None
    error: str | None = None
    """Part of the reason or of a failure's message, in any case."""
    since: datetime | None = None
    """Received at this moment or later."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery as it stands in the ledger."""

    event_id: UUID
    subscription: str
    state: DeliveryState
    type: str
    version: int
    publisher: str
    ordering_key: str
    attempts: int
    next_at: datetime
    reason: str | None
    errors: Sequence[dict[str, Any]]
    payload: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    completed_at: datetime | None
    causation_id: UUID | None
    correlation_id: str | None
    actor: str | None


_FILTER = """
    (CAST(:ids AS uuid[]) IS NULL OR d.event_id = ANY(CAST(:ids AS uuid[])))
    AND (CAST(:states AS text[]) IS NULL OR d.state = ANY(CAST(:states AS text[])))
    AND (CAST(:subscription AS text) IS NULL OR d.subscription = :subscription)
    AND (CAST(:type AS text) IS NULL OR d.type = :type)
    AND (CAST(:error AS text) IS NULL OR strpos(lower(coalesce(d.reason, '') || d.errors::text), lower(:error)) > 0)
    AND (CAST(:since AS timestamptz) IS NULL OR d.received_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR d.received_at < :until)
"""
_TYPES = (bindparam("ids", type_=ARRAY(Uuid)), bindparam("states", type_=ARRAY(Text)))

_LIST = text(
    f"SELECT d.* FROM deliveries d WHERE {_FILTER} ORDER BY d.received_at DESC, d.event_id LIMIT :limit"  # noqa: S608
).bindparams(*_TYPES)

_COUNT = text(f"SELECT state, count(*) FROM deliveries d WHERE {_FILTER} GROUP BY state").bindparams(*_TYPES)  # noqa: S608

# Claims lock their partition's row first: whoever holds these rows sees no claim in between.
_LOCK_PARTITIONS = text(
    f"""
    SELECT 1 FROM delivery_partitions
    WHERE (subscription, partition) IN (SELECT d.subscription, d.partition FROM deliveries d WHERE {_FILTER})
    ORDER BY subscription, partition FOR UPDATE
    """  # noqa: S608 - our own constant
).bindparams(*_TYPES)

_RETRY = text(
    f"""
    UPDATE deliveries d SET state = 'pending', attempts = 0, next_at = clock_timestamp(), reason = NULL
    WHERE {_FILTER} AND d.state IN ('dead', 'discarded', 'retry_wait')
    RETURNING d.subscription, d.ordering_key
    """  # noqa: S608 - our own constant
).bindparams(*_TYPES)

_DISCARD = text(
    f"""
    UPDATE deliveries d SET state = 'discarded', reason = :reason
    WHERE {_FILTER} AND d.state IN ('dead', 'retry_wait', 'parked', 'pending')
    RETURNING d.subscription, d.ordering_key
    """  # noqa: S608 - our own constant
).bindparams(*_TYPES)

# Index: deliveries_by_key.
_RESUME_FOLLOWERS = text(
    """
    UPDATE deliveries follower SET state = 'pending', next_at = clock_timestamp()
    FROM (SELECT DISTINCT name, key
          FROM unnest(CAST(:names AS text[]), CAST(:keys AS text[])) AS changed(name, key)) touched
    WHERE follower.subscription = touched.name AND follower.ordering_key = touched.key AND follower.state = 'parked'
      AND NOT EXISTS (
          SELECT FROM deliveries poison
          WHERE poison.subscription = follower.subscription AND poison.ordering_key = follower.ordering_key
            AND poison.state = 'dead' AND poison.position < follower.position)
    """
)

_WRITE_DOWN = text(
    """
    INSERT INTO ledger_actions (action, actor, reason, filter, affected)
    VALUES (:action, :by, :why, :filter, :count)
    """
).bindparams(bindparam("filter", type_=JSONB))


async def listed(connection: AsyncConnection, which: DeliveryFilter, *, limit: int) -> list[DeliveryRecord]:
    """Deliveries, the latest received first, `MAX_LISTED` at most."""
    rows = await connection.execute(_LIST, {**_parameters(which), "limit": min(limit, MAX_LISTED)})
    return [_record(row) for row in rows]


async def counted(connection: AsyncConnection, which: DeliveryFilter) -> dict[DeliveryState, int]:
    """How many there are in each state."""
    rows = await connection.execute(_COUNT, _parameters(which))
    return {DeliveryState(state): count for state, count in rows}


async def retry(connection: AsyncConnection, which: DeliveryFilter, *, by: str, why: str) -> int:
    """Give dead, discarded and waiting deliveries a new set of attempts, due now; the history of errors stays.

    What was parked behind them resumes, in order. Asking twice changes nothing more. Returns how many changed.
    """
    return await _change(connection, "retry", _RETRY, which, by=by, why=why)


async def discard(connection: AsyncConnection, which: DeliveryFilter, *, by: str, why: str) -> int:
    """Decide that deliveries shall never run. What was parked behind them resumes. Returns how many changed."""
    return await _change(connection, "discard", _DISCARD, which, by=by, why=why)


async def _change(
    connection: AsyncConnection, action: str, statement: Any, which: DeliveryFilter, *, by: str, why: str
) -> int:
    parameters = _parameters(which)
    await connection.execute(_LOCK_PARTITIONS, parameters)
    reason = {"reason": f"discarded by {by}: {why}"} if action == "discard" else {}
    touched = (await connection.execute(statement, parameters | reason)).all()
    if touched:
        names, keys = zip(*touched, strict=True)
        await connection.execute(_RESUME_FOLLOWERS, {"names": list(names), "keys": list(keys)})
    written = {"action": action, "by": by, "why": why, "count": len(touched), "filter": _readable(which)}
    await connection.execute(_WRITE_DOWN, written)
    return len(touched)


def _parameters(which: DeliveryFilter) -> dict[str, Any]:
    return asdict(which) | {
        "ids": list(which.ids) or None,
        "states": [str(state) for state in which.states] or None,
    }


def _readable(which: DeliveryFilter) -> dict[str, Any]:
    asked = {name: value for name, value in asdict(which).items() if value}
    return {
        name: [str(item) for item in value] if isinstance(value, tuple) else str(value)
        for name, value in asked.items()
    }


def _record(row: Row[Any]) -> DeliveryRecord:
    fields = row._mapping
    record = {name: fields[name] for name in DeliveryRecord.__dataclass_fields__}
    return DeliveryRecord(**record | {"state": DeliveryState(row.state)})

"""Which deliveries: what operators filter by, and what they see of what they find.

A list never holds payloads or the texts of traces: they may be personal. `opened` shows all of a single delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import DateTime, Row, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

Record = TypeVar("Record", bound="DeliveryRecord")


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
    tasks: bool = False
    """Tasks alone: what the context has addressed to itself."""

    @property
    def chooses(self) -> bool:
        """Whether anything is asked for, so that not simply everything is meant."""
        return any(value for name, value in asdict(self).items() if name != "tasks")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery as lists show it."""

    event_id: UUID
    subscription: str
    state: DeliveryState
    paused: bool
    """The subscription is paused: nothing of it is claimed."""
    type: str
    version: int
    publisher: str
    position: int
    ordering_key: str
    attempts: int
    next_at: datetime
    reason: str | None
    """Why it is dead or discarded; else its latest failure."""
    occurred_at: datetime
    received_at: datetime
    completed_at: datetime | None
    skipped_at: datetime | None
    """Since when its followers go on without it."""
    causation_id: UUID | None
    correlation_id: str | None
    actor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullDelivery(DeliveryRecord):
    """A delivery with what it carries and the history of its failures."""

    payload: dict[str, Any]
    errors: Sequence[dict[str, Any]]


class Place(NamedTuple):
    """Where a page of deliveries ended."""

    received_at: datetime
    event_id: UUID
    subscription: str


FILTER = """
    (CAST(:ids AS uuid[]) IS NULL OR d.event_id = ANY(CAST(:ids AS uuid[])))
    AND (CAST(:states AS text[]) IS NULL OR d.state = ANY(CAST(:states AS text[])))
    AND (CAST(:subscription AS text) IS NULL OR d.subscription = :subscription)
    AND (CAST(:type AS text) IS NULL OR d.type = :type)
    AND (CAST(:error AS text) IS NULL OR strpos(lower(coalesce(d.reason, '') || d.errors::text), lower(:error)) > 0)
    AND (CAST(:since AS timestamptz) IS NULL OR d.received_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR d.received_at < :until)
    AND (NOT CAST(:tasks AS boolean) OR (d.publisher = current_schema() AND d.type = d.subscription))
"""
FILTER_TYPES = (bindparam("ids", type_=ARRAY(Uuid)), bindparam("states", type_=ARRAY(Text)))

_LATEST_FAILURE = """
    CASE WHEN d.errors -> -1 ->> 'message' IN ('', d.errors -> -1 ->> 'type') THEN d.errors -> -1 ->> 'type'
    ELSE (d.errors -> -1 ->> 'type') || ': ' || (d.errors -> -1 ->> 'message') END
"""
_SHOWN = f"""
    d.event_id, d.subscription, d.state, p.subscription IS NOT NULL AS paused, d.type, d.version, d.publisher,
    d.position, d.ordering_key, d.attempts, d.next_at, coalesce(d.reason, {_LATEST_FAILURE}) AS reason,
    d.occurred_at, d.received_at, d.completed_at, d.skipped_at, d.causation_id, d.correlation_id, d.actor
"""
_FROM = "FROM deliveries d LEFT JOIN paused_subscriptions p ON p.subscription = d.subscription"

_LIST = text(
    f"""
    SELECT {_SHOWN} {_FROM}
    WHERE {FILTER}
      AND (CAST(:before_time AS timestamptz) IS NULL
           OR (d.received_at, d.event_id, d.subscription COLLATE "C") < (:before_time, :before_id, :before_name))
    ORDER BY d.received_at DESC, d.event_id DESC, d.subscription COLLATE "C" DESC LIMIT :limit
    """
).bindparams(
    *FILTER_TYPES,
    bindparam("before_time", type_=DateTime(timezone=True)),
    bindparam("before_id", type_=Uuid),
    bindparam("before_name", type_=Text),
)

# Index: the primary key.
_OPEN = text(f"SELECT {_SHOWN}, d.payload, d.errors {_FROM} WHERE d.event_id = :id ORDER BY d.subscription")

_COUNT = text(f"SELECT state, count(*) FROM deliveries d WHERE {FILTER} GROUP BY state").bindparams(  # noqa: S608
    *FILTER_TYPES
)


async def listed(
    connection: AsyncConnection, which: DeliveryFilter, *, limit: int, before: Place | None = None
) -> list[DeliveryRecord]:
    """Deliveries, the latest received first; `before` is where the last page ended."""
    time, id, name = before or (None, None, None)
    place = {"before_time": time, "before_id": id, "before_name": name, "limit": limit}
    rows = await connection.execute(_LIST, parameters_of(which) | place)
    return [_record(row, DeliveryRecord) for row in rows]


async def opened(connection: AsyncConnection, id: UUID) -> list[FullDelivery]:
    """Everything about the deliveries of one event or task, payload and failures included."""
    return [_record(row, FullDelivery) for row in await connection.execute(_OPEN, {"id": id})]


async def counted(connection: AsyncConnection, which: DeliveryFilter) -> dict[DeliveryState, int]:
    """How many there are in each state."""
    rows = await connection.execute(_COUNT, parameters_of(which))
    return {DeliveryState(state): count for state, count in rows}


def parameters_of(which: DeliveryFilter) -> dict[str, Any]:
    """The filter as `FILTER` takes it."""
    return asdict(which) | {
        "ids": list(which.ids) or None,
        "states": [str(state) for state in which.states] or None,
    }


def _record(row: Row[Any], kind: type[Record]) -> Record:
    shown = {field.name: row._mapping[field.name] for field in fields(kind)}
    return kind(**shown | {"state": DeliveryState(row.state)})

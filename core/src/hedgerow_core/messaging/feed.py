"""What a context has published: its outbox, as operators read it.

A list never holds payloads: they may be personal. `opened` shows all of a single event.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, Row, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

Record = TypeVar("Record", bound="EventRecord")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; what is left out is not asked for."""

    ids: tuple[UUID, ...] = ()
    type: str | None = None
    aggregate_id: UUID | None = None
    correlation_id: str | None = None
    """The trace of the request that started it all."""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def chooses(self) -> bool:
        """Whether anything is asked for, so that not simply everything is meant."""
        return any(asdict(self).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event as lists show it."""

    id: int
    event_id: UUID
    type: str
    version: int
    aggregate_type: str
    aggregate_id: UUID
    aggregate_version: int
    occurred_at: datetime
    causation_id: UUID | None
    correlation_id: str | None
    actor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullEvent(EventRecord):
    """An event with what it carries."""

    payload: dict[str, Any]


FILTER = """
    (CAST(:ids AS uuid[]) IS NULL OR o.event_id = ANY(CAST(:ids AS uuid[])))
    AND (CAST(:type AS text) IS NULL OR o.type = :type)
    AND (CAST(:aggregate_id AS uuid) IS NULL OR o.aggregate_id = :aggregate_id)
    AND (CAST(:correlation_id AS text) IS NULL OR o.correlation_id = :correlation_id)
    AND (CAST(:since AS timestamptz) IS NULL OR o.occurred_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR o.occurred_at < :until)
"""
FILTER_TYPES = (bindparam("ids", type_=ARRAY(Uuid)),)
SHOWN = """
    o.id, o.event_id, o.type, o.version, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.occurred_at,
    o.causation_id, o.correlation_id, o.actor
"""

_LIST = text(
    f"""
    SELECT {SHOWN} FROM outbox o
    WHERE {FILTER} AND (CAST(:before AS bigint) IS NULL OR o.id < :before)
    ORDER BY o.id DESC LIMIT :limit
    """  # noqa: S608 - our own constants
).bindparams(*FILTER_TYPES, bindparam("before", type_=BigInteger))

_OPEN = text(f"SELECT {SHOWN}, o.payload FROM outbox o WHERE o.event_id = :id")  # noqa: S608 - our own constants


async def listed(
    connection: AsyncConnection, which: EventFilter, *, limit: int, before: int | None = None
) -> list[EventRecord]:
    """Events of this context, the latest first; `before` is the position with which the last page ended."""
    rows = await connection.execute(_LIST, parameters_of(which) | {"limit": limit, "before": before})
    return [record_of(row, EventRecord) for row in rows]


async def opened(connection: AsyncConnection, id: UUID) -> FullEvent | None:
    """An event with its payload; None if this context has not published it."""
    row = (await connection.execute(_OPEN, {"id": id})).one_or_none()
    return record_of(row, FullEvent) if row else None


def parameters_of(which: EventFilter) -> dict[str, Any]:
    """The filter as `FILTER` takes it."""
    return asdict(which) | {"ids": list(which.ids) or None}


def record_of(row: Row[Any], kind: type[Record]) -> Record:
    """A row of the outbox as an operator sees it."""
    return kind(**{field.name: row._mapping[field.name] for field in fields(kind)})

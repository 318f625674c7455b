"""What a context has published: its outbox, as operators read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_LISTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; what is left out is not asked for."""

    event_id: UUID | None = None
    type: str | None = None
    aggregate_id: UUID | None = None
    correlation_id: str | None = None
    """The trace of the request that started it all."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event as it was published."""

    id: int
    event_id: UUID
    type: str
    version: int
    aggregate_type: str
    aggregate_id: UUID
    aggregate_version: int
    payload: dict[str, Any]
    occurred_at: datetime
    causation_id: UUID | None
    correlation_id: str | None
    actor: str | None


_LIST = text(
    """
    SELECT * FROM outbox
    WHERE (CAST(:event_id AS uuid) IS NULL OR event_id = :event_id)
      AND (CAST(:type AS text) IS NULL OR type = :type)
      AND (CAST(:aggregate_id AS uuid) IS NULL OR aggregate_id = :aggregate_id)
      AND (CAST(:correlation_id AS text) IS NULL OR correlation_id = :correlation_id)
      AND (CAST(:since AS timestamptz) IS NULL OR occurred_at >= :since)
      AND (CAST(:until AS timestamptz) IS NULL OR occurred_at < :until)
    ORDER BY id DESC LIMIT :limit
    """
)


async def published(connection: AsyncConnection, which: EventFilter, *, limit: int) -> list[EventRecord]:
    """Events of this context, the latest first, `MAX_LISTED` at most."""
    rows = await connection.execute(_LIST, asdict(which) | {"limit": min(limit, MAX_LISTED)})
    return [EventRecord(**{name: row._mapping[name] for name in EventRecord.__dataclass_fields__}) for row in rows]

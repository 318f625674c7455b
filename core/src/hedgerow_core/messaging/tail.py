"""Follows what a context publishes, in the order in which it becomes visible.

As in `relay`, the place in the feed is a snapshot: an event is new when it is visible now and was not visible then.
A transaction that commits late is not passed over, as it would be by ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import ValidationError
from hedgerow_core.messaging.cursors import IS_IN_WINDOW, IS_NEW
from hedgerow_core.messaging.feed import (
    FILTER,
    FILTER_TYPES,
    SHOWN,
    EventFilter,
    EventRecord,
    parameters_of,
    record_of,
)


@dataclass(frozen=True, slots=True)
class TailPlace:
    """How far somebody has followed. `target` stays as it is while a large step is paged through."""

    cluster: int
    snapshot: str
    target: str | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What became visible, and where to go on. `more` if there is some at once."""

    events: Sequence[EventRecord]
    place: TailPlace
    more: bool


_NOW = text("SELECT system_identifier, pg_current_snapshot()::text FROM pg_control_system()")

# Events that were retired before they were seen would be a silent gap.
_LOOK = text(
    """
    SELECT system_identifier AS cluster, coalesce(:target, pg_current_snapshot()::text) AS target, EXISTS (
        SELECT FROM outbox_retirements
        WHERE through >= pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))) AS gone
    FROM pg_control_system()
    """
)

_STEP = text(
    f"""
    SELECT {SHOWN} FROM outbox o
    WHERE {IS_NEW} AND {IS_IN_WINDOW} AND o.id > :after AND {FILTER}
    ORDER BY o.id LIMIT :limit
    """  # noqa: S608 - our own constants
).bindparams(*FILTER_TYPES)


async def here(connection: AsyncConnection) -> TailPlace:
    """The present end of the feed."""
    return TailPlace(*(await connection.execute(_NOW)).one())


async def step(connection: AsyncConnection, place: TailPlace, which: EventFilter, *, limit: int) -> Step:
    """What became visible behind this place, `limit` at most, in publisher order.

    Raises:
        ValidationError: the place is of another database, or so old that events behind it were retired.
    """
    look = (await connection.execute(_LOOK, {"snapshot": place.snapshot, "target": place.target})).one()
    if look.cluster != place.cluster:
        raise _lost("is of another database: this one was restored")
    if look.gone:
        raise _lost("is so old that events behind it have been retired")
    between = {"snapshot": place.snapshot, "window": look.target, "after": place.after, "limit": limit}
    rows = await connection.execute(_STEP, parameters_of(which) | between)
    events = [record_of(row, EventRecord) for row in rows]
    if len(events) == limit:
        return Step(events, TailPlace(place.cluster, place.snapshot, look.target, events[-1].id), more=True)
    return Step(events, TailPlace(place.cluster, look.target), more=False)


def _lost(why: str) -> ValidationError:
    return ValidationError(f"The cursor {why}. Start again without one.", field="after", code="invalid_cursor")

"""What operators look at: events, deliveries and tasks, what stands still, and who has changed what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hedgerow_core.application import Page
from hedgerow_core.messaging import feed, pausing, selection, steering, trail
from hedgerow_core.messaging.feed import EventFilter, EventRecord
from hedgerow_core.messaging.selection import DeliveryFilter, DeliveryRecord, Place
from hedgerow_core.messaging.steering import Action
from hedgerow_core.messaging.trail import AuditFilter, AuditRecord
from hedgerow_core.persistence.paging import BIGINT
from hedgerow_host.operations.rows import Ledgers, Listing, Row, page_of, row_of

Counts = dict[str, dict[str, int]]
"""How many deliveries there are in each state, by context."""

_RIGHT_BEHIND = "\x01"
"""Sorts a name behind itself and before every other."""


async def list_events(ledgers: Ledgers, which: EventFilter, *, limit: int, cursor: str | None = None) -> Page[Row]:
    """Events, the latest first, without their payloads."""
    listing: Listing[EventRecord, int] = Listing(
        read=lambda connection, before, number: feed.listed(connection, which, limit=number, before=before),
        at=lambda event: event.occurred_at,
        behind=lambda event: event.id,
        upon=lambda event: event.id + 1,
        parse=_id,
    )
    return await page_of(ledgers, listing, limit=limit, cursor=cursor)


async def list_deliveries(
    ledgers: Ledgers, which: DeliveryFilter, *, limit: int, cursor: str | None = None
) -> Page[Row]:
    """Deliveries, the latest received first, without their payloads."""
    listing: Listing[DeliveryRecord, Place] = Listing(
        read=lambda connection, before, number: selection.listed(connection, which, limit=number, before=before),
        at=lambda delivery: delivery.received_at,
        behind=lambda each: [each.received_at.isoformat(), str(each.event_id), each.subscription],
        upon=lambda each: [each.received_at.isoformat(), str(each.event_id), each.subscription + _RIGHT_BEHIND],
        parse=_place,
    )
    return await page_of(ledgers, listing, limit=limit, cursor=cursor)


async def list_audit(ledgers: Ledgers, which: AuditFilter, *, limit: int, cursor: str | None = None) -> Page[Row]:
    """Who did what to whom, the latest first."""
    listing: Listing[AuditRecord, int] = Listing(
        read=lambda connection, before, number: trail.listed(connection, which, limit=number, before=before),
        at=lambda entry: entry.at,
        behind=lambda entry: entry.id,
        upon=lambda entry: entry.id + 1,
        parse=_id,
    )
    return await page_of(ledgers, listing, limit=limit, cursor=cursor)


async def show_deliveries(ledgers: Ledgers, id: UUID, *, tasks: bool = False) -> list[Row]:
    """Everything about the deliveries of one event, or about one task."""
    rows: list[Row] = []
    for name, database in ledgers.items():
        async with database.reading() as connection:
            found = await selection.opened(connection, id)
        rows += [
            {"context": name, **row_of(delivery)}
            for delivery in found
            if not tasks or (delivery.publisher, delivery.type) == (name, delivery.subscription)
        ]
    return rows


async def show_event(ledgers: Ledgers, id: UUID) -> Row | None:
    """An event with its payload and all its deliveries; None if nobody here has published it."""
    for name, database in ledgers.items():
        async with database.reading() as connection:
            event = await feed.opened(connection, id)
        if event is not None:
            return {"context": name, **row_of(event), "deliveries": await show_deliveries(ledgers, id)}
    return None


async def list_paused(ledgers: Ledgers) -> list[Row]:
    """Subscriptions and tasks that stand still."""
    rows: list[Row] = []
    for name, database in ledgers.items():
        async with database.reading() as connection:
            rows += [{"context": name, **row_of(paused)} for paused in await pausing.listed(connection)]
    return rows


async def count(ledgers: Ledgers, which: DeliveryFilter) -> Counts:
    """How many deliveries the filter finds."""
    counts: Counts = {}
    for name, database in ledgers.items():
        async with database.reading() as connection:
            found = await selection.counted(connection, which)
        if found:
            counts[name] = {str(state): number for state, number in sorted(found.items())}
    return counts


async def remaining(ledgers: Ledgers, action: Action, which: DeliveryFilter) -> int:
    """How many deliveries the action could change now."""
    total = 0
    for database in ledgers.values():
        async with database.reading() as connection:
            total += await steering.remaining(connection, action, which)
    return total


def _id(place: Any) -> int:
    if not isinstance(place, int) or place not in BIGINT:
        raise ValueError("no id")
    return place


def _place(place: Any) -> Place:
    received_at, event_id, subscription = place
    if not isinstance(subscription, str) or "\x00" in subscription:
        raise ValueError("no name")
    subscription.encode()  # half a character is in no name, and can't be sent to PostgreSQL
    return Place(datetime.fromisoformat(received_at).astimezone(UTC), UUID(event_id), subscription)

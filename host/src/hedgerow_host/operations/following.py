"""Follows what several contexts publish, each in the order in which its events become visible."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from hedgerow_core.application import Page
from hedgerow_core.messaging import tail
from hedgerow_core.messaging.feed import EventFilter
from hedgerow_core.messaging.tail import TailPlace
from hedgerow_core.persistence.paging import BIGINT
from hedgerow_host.operations.rows import Ledgers, Row, decoded, encoded, invalid_cursor, row_of

Places = dict[str, TailPlace]
"""How far each context has been followed."""


async def here(ledgers: Ledgers) -> Places:
    """The present end of every feed."""
    places: Places = {}
    for name, database in ledgers.items():
        async with database.reading() as connection:
            places[name] = await tail.here(connection)
    return places


async def follow(ledgers: Ledgers, places: Places, which: EventFilter, *, limit: int) -> tuple[list[Row], Places]:
    """What became visible behind these places, `limit` at most, and where to go on.

    A context that has no place is not followed.

    Raises:
        ValidationError: a place is of another database, or so old that events behind it were retired.
    """
    rows: list[Row] = []
    reached = dict(places)
    for name, database in ledgers.items():
        if name in places and len(rows) < limit:
            async with database.reading() as connection:
                step = await tail.step(connection, places[name], which, limit=limit - len(rows))
            rows += [{"context": name, **row_of(event)} for event in step.events]
            reached[name] = step.place
    return rows, reached


async def follow_cursor(ledgers: Ledgers, cursor: str | None, which: EventFilter, *, limit: int) -> Page[Row]:
    """As `follow`, with places packed into a cursor. Without one: nothing yet, and where to go on."""
    if cursor is None:
        return Page([], packed(await here(ledgers)))
    rows, places = await follow(ledgers, unpacked(cursor), which, limit=limit)
    return Page(rows, packed(places))


def packed(places: Places) -> str:
    """Places as the text that callers carry around."""
    return encoded({name: astuple(place) for name, place in places.items()})


def unpacked(cursor: str) -> Places:
    """Places out of such a text.

    Raises:
        ValidationError: it is something else.
    """
    try:
        return {name: _place(parts) for name, parts in decoded(cursor, field="after").items()}
    except (TypeError, ValueError) as error:
        raise invalid_cursor("after") from error


def _place(parts: Any) -> TailPlace:
    cluster, snapshot, target, after = parts
    for text in (snapshot, *([] if target is None else [target])):
        _demand_snapshot(text)
    if not isinstance(cluster, int) or not isinstance(after, int) or after not in BIGINT:
        raise ValueError("no place")
    return TailPlace(cluster, snapshot, target, after)


def _demand_snapshot(text: str) -> None:
    """PostgreSQL is not asked to read what it would refuse."""
    lowest, highest, running = text.split(":")
    ids = [int(id) for id in running.split(",")] if running else []
    low, high = int(lowest), int(highest)
    if not 0 < low <= high <= BIGINT[-1] or ids != sorted(set(ids)) or any(not low <= id < high for id in ids):
        raise ValueError("no snapshot")

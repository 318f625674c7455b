"""Lists over several ledgers: the newest first, in pages that neither repeat nor shift when rows are added."""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Page
from hedgerow_core.domain import ValidationError
from hedgerow_core.persistence import Database

Record = TypeVar("Record")
Place = TypeVar("Place")

Row = dict[str, Any]
"""One line of a table, or one object of an answer."""

Ledgers = Mapping[str, Database]
"""The database of each context, by the context's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Record, Place]):
    """How one ledger is listed, and how a place in its list is written into a cursor."""

    read: Callable[[AsyncConnection, Place | None, int], Awaitable[Sequence[Record]]]
    """`read(connection, before, limit)`, the newest first."""
    at: Callable[[Record], datetime]
    behind: Callable[[Record], Any]
    """The place behind this record, as JSON knows it."""
    upon: Callable[[Record], Any]
    """The place right before this record, so that it is the next to come."""
    parse: Callable[[Any], Place]
    """Reads a place back; raises ValueError or TypeError if it is none."""


async def page_of(
    ledgers: Ledgers, listing: Listing[Record, Place], *, limit: int, cursor: str | None = None
) -> Page[Row]:
    """A page of what these ledgers list together.

    Raises:
        ValidationError: the cursor is not of this list.
    """
    places = None if cursor is None else _places_in(cursor, listing.parse)
    found: dict[str, Sequence[Record]] = {}
    for name, database in ledgers.items():
        place = None if places is None else places.get(name)
        ended = places is not None and place is None
        if not ended:
            async with database.reading() as connection:
                found[name] = await listing.read(connection, place, limit + 1)
    streams = [[(name, record) for record in records] for name, records in found.items()]
    taken = list(heapq.merge(*streams, key=lambda each: listing.at(each[1]), reverse=True))[:limit]
    rows = [{"context": name, **row_of(record)} for name, record in taken]
    return Page(rows, _next(found, [name for name, _record in taken], listing))


def row_of(record: Any) -> Row:
    """A dataclass as a row whose values JSON knows: times in RFC 3339, ids as text."""
    return {name: plain(value) for name, value in asdict(record).items()}


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def encoded(places: Mapping[str, Any]) -> str:
    """The opaque text that stands for a place in each context."""
    packed = json.dumps(places, separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def decoded(cursor: str, *, field: str = "cursor") -> dict[str, Any]:
    """What `encoded` has packed.

    Raises:
        ValidationError: it is something else.
    """
    try:
        places = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise invalid_cursor(field) from error
    if not isinstance(places, dict):
        raise invalid_cursor(field)
    return places


def invalid_cursor(field: str) -> ValidationError:
    """The refusal of what no list of ours has given out."""
    return ValidationError(
        "The cursor is not one that this list gave out. Start again without one.",
        field=field,
        code="invalid_cursor",
    )


def _next(
    found: Mapping[str, Sequence[Record]], taken: Sequence[str], listing: Listing[Record, Place]
) -> str | None:
    """A place for each ledger that has more. What a ledger without a place receives later is not of this list."""
    places = {}
    for name, records in found.items():
        count = taken.count(name)
        if count < len(records):
            places[name] = listing.behind(records[count - 1]) if count else listing.upon(records[0])
    return encoded(places) if places else None


def _places_in(cursor: str, parse: Callable[[Any], Place]) -> dict[str, Place]:
    try:
        return {name: parse(place) for name, place in decoded(cursor).items()}
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid_cursor("cursor") from error

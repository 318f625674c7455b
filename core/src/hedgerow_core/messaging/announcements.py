"""What a context has published, as a stream is told of it: in the order of its outbox, from a cursor of its own.

At least once: the cursor moves after the stream has confirmed. The announcement of an event is a CloudEvent
(https://github.com/cloudevents/spec, 1.0, structured JSON) that PostgreSQL writes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from sqlalchemy import BigInteger, bindparam, text

from hedgerow_core.messaging import cursors
from hedgerow_core.messaging.cursors import IS_IN_WINDOW, IS_NEW, Cursor
from hedgerow_core.messaging.relay import LOOK_AGAIN_S, RENEW_AFTER_S
from hedgerow_core.persistence import Database

PAGE = 500
MEDIA_TYPE = "application/cloudevents+json"
NAME = "{context}:stream"
"""Of the cursor. No subscription is named like this."""

# A stream begins with what is published from now on, and does so again in a database that was restored elsewhere.
_OPEN = text(
    """
    INSERT INTO feed_cursors AS known (publisher, subscription, snapshot, system_identifier)
    SELECT :context, :name, pg_current_snapshot()::text, system_identifier FROM pg_control_system()
    ON CONFLICT (publisher, subscription) DO UPDATE SET snapshot = excluded.snapshot, target = NULL, after_id = 0,
        system_identifier = excluded.system_identifier
    WHERE known.system_identifier <> excluded.system_identifier
    """
)
_PEEK = text(f"SELECT EXISTS (SELECT FROM outbox o WHERE {IS_NEW})")  # noqa: S608 - our own constant
_PAGE = text(
    f"""
    SELECT o.id, o.type, o.aggregate_id::text AS key, (json_strip_nulls(json_build_object(
        'specversion', '1.0', 'id', o.event_id, 'source', '/' || CAST(:context AS text), 'type', o.type,
        'subject', o.aggregate_id, 'time', o.occurred_at, 'datacontenttype', 'application/json',
        'dataversion', o.version::text, 'partitionkey', o.aggregate_id, 'sequence', lpad(o.id::text, 20, '0'),
        'traceparent', o.traceparent))::jsonb || jsonb_build_object('data', o.payload))::text AS event
    FROM outbox o WHERE {IS_NEW} AND {IS_IN_WINDOW} AND o.id > :after ORDER BY o.id LIMIT :limit
    """  # noqa: S608 - our own constants
).bindparams(bindparam("after", type_=BigInteger))


@final
@dataclass(frozen=True, slots=True)
class Announcement:
    """One event, as it goes out."""

    type: str
    key: str
    """What keeps its order: the aggregate's id."""
    event: bytes


@final
@dataclass(frozen=True, slots=True)
class Announced:
    """A page of them, and where the cursor was."""

    cursor: Cursor
    events: Sequence[Announcement]
    page_end: int | None


class Announcements:
    """The announcements of one context. Of many processes one leads, by the lease of the cursor."""

    def __init__(self, database: Database, *, holder: str) -> None:
        self._database = database
        self._name = NAME.format(context=database.context)
        self._holder = f"{holder}:stream"
        self._snapshot: str | None = None
        """Where the cursor is; None if we don't lead, or if there is more behind a page."""
        self._renew_at = 0.0

    async def open(self) -> None:
        """Make the cursor, if there is none of this cluster."""
        async with self._database.transaction() as connection:
            await connection.execute(_OPEN, {"context": self._database.context, "name": self._name})

    async def next(self) -> Announced | None:
        """What is to be announced next; None if there is nothing, or somebody else leads.

        Raises:
            UnavailableError: the database is away.
        """
        if time.monotonic() < self._renew_at:
            if self._snapshot is None:
                return None
            async with self._database.reading() as connection:
                if not (await connection.execute(_PEEK, {"snapshot": self._snapshot})).scalar_one():
                    return None
        context = self._database.context
        async with self._database.transaction() as connection:
            led = await cursors.lead(connection, context, [self._name], holder=self._holder)
            self._renew_at = time.monotonic() + (RENEW_AFTER_S if led else LOOK_AGAIN_S)
            if not led:
                self._snapshot = None
                return None
            (cursor,) = led
            place = {"snapshot": cursor.snapshot, "window": cursor.window, "after": cursor.after}
            rows = (await connection.execute(_PAGE, place | {"context": context, "limit": PAGE})).all()
            page_end = rows[-1].id if len(rows) == PAGE else None
            if not rows:
                await cursors.move(connection, context, [self._name], cursor, page_end=None)
                self._snapshot = cursor.window
                return None
        self._renew_at = 0.0  # whatever becomes of them: until they are confirmed, they are what comes next
        events = [Announcement(row.type, row.key, row.event.encode()) for row in rows]
        return Announced(cursor, events, page_end)

    async def confirmed(self, announced: Announced) -> None:
        """The stream has them: move on, unless somebody else does by now.

        Raises:
            UnavailableError: the database is away.
        """
        context, before = self._database.context, announced.cursor
        async with self._database.transaction() as connection:
            led = await cursors.lead(connection, context, [self._name], holder=self._holder)
            places = [(cursor.snapshot, cursor.target, cursor.after) for cursor in led]
            if (before.snapshot, before.target, before.after) in places:
                await cursors.move(connection, context, [self._name], before, page_end=announced.page_end)

    async def close(self) -> None:
        """Give the lease back."""
        async with self._database.transaction() as connection:
            await cursors.release(connection, self._database.context, holder=self._holder)

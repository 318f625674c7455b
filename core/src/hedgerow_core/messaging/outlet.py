"""The publisher's side of a feed that another host reads: one page of the outbox, as PostgreSQL writes it.

The place of a reader is a snapshot, as everywhere (`cursors`), so what commits late is not passed over. A reader
that waits for something to come holds no connection to the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, ClassVar

from asyncpg import exceptions as pg
from sqlalchemy import BigInteger, DateTime, Integer, Row, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from hedgerow_core.domain import RateLimitError, ValidationError
from hedgerow_core.messaging.cursors import BEGINNING, IS_NEW, RESCAN
from hedgerow_core.messaging.feed_pages import (
    MAX_ID,
    PAGE,
    PAGE_BYTES,
    PageHead,
    PageRequest,
    written,
)
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.failures import driver_error

POLL_S = 0.05
"""How soon what another process has committed is noticed. A commit of this process is noticed at once."""
WAITING_AT_ONCE = 16
"""Readers of one asker that may wait at the same time. It has one, and for a moment more when workers change."""
TRY_AGAIN = timedelta(seconds=1)

_IN_WINDOW = 'pg_visible_in_snapshot(o.xid, (SELECT CAST("window" AS pg_snapshot) FROM here))'

_CLUSTER = text("SELECT system_identifier FROM pg_control_system()")
_OLDEST = text("SELECT coalesce((SELECT min(id) FROM outbox), :nothing_kept)").bindparams(
    bindparam("nothing_kept", type_=BigInteger)
)
_REPORT = text(
    """
    SELECT name, report_feed_position(name, CASE WHEN :counts THEN pg_snapshot_xmin(CAST(:snapshot AS pg_snapshot))
        ELSE '1' END) AS complete
    FROM unnest(:names) AS name
    """
).bindparams(bindparam("names", type_=ARRAY(Text)), bindparam("snapshot", type_=Text))

Gone = Callable[[], Awaitable[bool]]
"""Whether the reader has gone away while it waited."""


async def _stays() -> bool:
    return False


def page_statement(which: str) -> TextClause:
    """SQL: the events `o` for which `which` holds, from `:after` on, as a JSON array of bounded size."""
    return text(
        f"""
        WITH here AS MATERIALIZED (
            SELECT system_identifier AS cluster,
                coalesce(CAST(:target AS text), pg_current_snapshot()::text) AS "window"
            FROM pg_control_system()
        ), seen AS MATERIALIZED (
            SELECT o.id FROM outbox o WHERE {which} AND o.id > :after ORDER BY o.id LIMIT :seen
        ), reach AS MATERIALIZED (
            SELECT coalesce(max(id), 0) AS id, count(*) = :seen AS ends_before FROM seen
        ), page AS MATERIALIZED (
            SELECT o.id, o.occurred_at, row_to_json(event)::text AS event
            FROM outbox o
            JOIN unnest(:types, :oldest) AS wanted(type, oldest)
                ON wanted.type = o.type AND wanted.oldest <= o.version
            CROSS JOIN LATERAL (SELECT o.id, o.event_id, o.type, o.version, o.aggregate_type, o.aggregate_id,
                o.aggregate_version, o.payload, o.occurred_at, o.traceparent, o.causation_id, o.correlation_id,
                o.actor) AS event
            WHERE {which} AND o.type = ANY(:types) AND o.id > :after AND o.id <= (SELECT id FROM reach)
              AND (CAST(:since AS timestamptz) IS NULL OR o.occurred_at >= :since)
            ORDER BY o.id LIMIT :limit
        ), kept AS (
            SELECT id, occurred_at, event FROM (
                SELECT *, sum(octet_length(event)) OVER in_order AS bytes, row_number() OVER in_order AS nth
                FROM page WINDOW in_order AS (ORDER BY id)) measured
            WHERE bytes <= :bytes OR nth = 1
        )
        SELECT here.cluster, here."window", sent.number, sent.events,
            CASE WHEN sent.is_full THEN sent.last ELSE reach.id END AS last,
            sent.is_full OR reach.ends_before AS more,
            (SELECT occurred_at FROM kept ORDER BY id DESC LIMIT 1) AS last_occurred_at
        FROM here CROSS JOIN reach CROSS JOIN (
            SELECT count(*) AS number, coalesce(max(id), 0) AS last,
                count(*) = :limit OR count(*) < (SELECT count(*) FROM page) AS is_full,
                convert_to('[' || coalesce(string_agg(event, ',' ORDER BY id), '') || ']', 'UTF8') AS events
            FROM kept) sent
        """  # noqa: S608 - our own constants
    ).bindparams(
        bindparam("types", type_=ARRAY(Text)),
        bindparam("oldest", type_=ARRAY(Integer)),
        bindparam("after", type_=BigInteger),
        bindparam("since", type_=DateTime(timezone=True)),
    )


class Outlet:
    """Hands out the feed of one context. Asks nobody who they are: that is done at the door."""

    new: ClassVar[TextClause] = page_statement(f"{IS_NEW} AND {_IN_WINDOW}")
    all: ClassVar[TextClause] = page_statement("true")
    """By id alone, for a reader whose snapshot is of another cluster."""

    seen: ClassVar[int] = 2 * PAGE
    """Events that are looked through for a page: who wants few among many gets an empty one, and asks on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._committed = asyncio.Event()
        self._waiting: dict[str, int] = {}

    def nudge(self) -> None:
        """Something was just committed in this process: look now instead of at the next poll."""
        self._committed.set()

    async def page(self, asked: PageRequest, *, asker: str, gone: Gone = _stays) -> bytes:
        """What comes behind the reader's place, as `feed_pages` writes it; waits for something, if it may.

        Raises:
            RateLimitError: too many readers of this asker wait already.
            UnavailableError: the database is away.
            ValidationError: the place is none that PostgreSQL could have given out.
        """
        until = time.monotonic() + asked.wait_s
        with _saying_what_is_misplaced():
            reported = await self._reported(asked)
            if reported.expired or asked.is_of_another(reported.cluster):
                return written(reported)
            async with self._waiter(asker) if asked.wait_s else nullcontext():
                found = await self._found(asked, until, gone)
        if asked.is_of_another(found.cluster):
            return written(PageHead(cluster=found.cluster))
        return written(_head_of(found, reported), found.events)

    async def _found(self, asked: PageRequest, until: float, gone: Gone) -> Row[Any]:
        """The first page that is worth an answer, or an empty one when the time is over."""
        snapshot = asked.snapshot
        while True:
            self._committed.clear()
            found = await self._look(asked, snapshot)
            left = until - time.monotonic()
            ends = found.number > 0 or found.more or left <= 0 or asked.is_of_another(found.cluster)
            if ends or asked.target or snapshot == RESCAN or await gone():
                return found
            # What lies between the two snapshots is nothing that was wanted: the next look need not read it again.
            snapshot = found.window
            with suppress(TimeoutError):
                await asyncio.wait_for(self._committed.wait(), min(POLL_S, left))

    async def _look(self, asked: PageRequest, snapshot: str) -> Row[Any]:
        where: dict[str, object] = {
            "target": asked.target,
            "types": list(asked.wanted),
            "oldest": list(asked.wanted.values()),
            "after": asked.after,
            "since": asked.since,
            "limit": asked.limit,
            "seen": self.seen,
            "bytes": PAGE_BYTES,
        }
        async with self._database.reading() as connection:
            if snapshot == RESCAN:
                return (await connection.execute(self.all, where)).one()
            return (await connection.execute(self.new, where | {"snapshot": snapshot})).one()

    async def _reported(self, asked: PageRequest) -> PageHead:
        """Note what subscriptions have passed: says what is kept, and which of them have missed something."""
        if not asked.passed:
            return PageHead(cluster=asked.cluster)
        expired: list[str] = []
        async with self._database.transaction() as connection:
            cluster = (await connection.execute(_CLUSTER)).scalar_one()
            if asked.is_of_another(cluster):
                return PageHead(cluster=cluster)  # its transaction numbers would mean others here
            for position in asked.passed:
                counts = position.snapshot != RESCAN
                where = {"names": list(position.subscriptions), "snapshot": position.snapshot, "counts": counts}
                answers = (await connection.execute(_REPORT, where)).all()
                if counts and position.snapshot != BEGINNING:
                    expired += [answer.name for answer in answers if not answer.complete]
            oldest = (await connection.execute(_OLDEST, {"nothing_kept": MAX_ID})).scalar_one()
        return PageHead(cluster=cluster, oldest=oldest, expired=tuple(expired))

    @asynccontextmanager
    async def _waiter(self, asker: str) -> AsyncIterator[None]:
        waiting = self._waiting.get(asker, 0)
        if waiting >= WAITING_AT_ONCE:
            raise RateLimitError(
                f"{waiting} readers of {asker} wait for this feed already. End some of them, or wait a moment.",
                code="too_many_readers",
                retry_after=TRY_AGAIN,
            )
        self._waiting[asker] = waiting + 1
        try:
            yield
        finally:
            self._waiting[asker] -= 1


def _head_of(found: Row[Any], reported: PageHead) -> PageHead:
    return PageHead(
        cluster=found.cluster,
        window=found.window,
        count=found.number,
        last=found.last,
        more=found.more,
        waiting_since=found.last_occurred_at if found.more else None,
        oldest=reported.oldest,
    )


@contextmanager
def _saying_what_is_misplaced() -> Iterator[None]:
    """A snapshot that only looks like one is the reader's mistake."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(driver_error(error), pg.DataError):
            raise
        raise ValidationError(
            "The place is none in this feed. Begin again without one.", field="snapshot", code="invalid_cursor"
        ) from error

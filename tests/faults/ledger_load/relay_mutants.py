"""Relays as one writes them before one has measured: each loses events or turns them around (ADR 0002).

They take the place of the product's `Relay` under its dispatcher and drains. Their cursor may live in memory: none
of them is ever restarted.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from sqlalchemy import TextClause, text

from hedgerow_core.messaging import Relay
from hedgerow_core.messaging.work import PARTITION_OF_KEY
from tests.faults.ledger_load.stage import MARKED, NOTES

PAGE = 2_000
SMALL_PAGE = 10
SLOW, SLOW_S = "b", 0.05
"""Two relays are never equally fast. The one of this name needs so long for a page."""


def _carry(which: str, *, order: str = "o.id", position: str = "page.id", lock: str = "") -> TextClause:
    return text(
        f"""
        WITH page AS (
            SELECT o.* FROM source.outbox o WHERE {which} ORDER BY {order} LIMIT :page {lock}
        ), carried AS (
            INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,
                version, aggregate_type, aggregate_id, aggregate_version, payload, occurred_at)
            SELECT o.event_id, '{NOTES}', 'source', {position.replace("page.", "o.")}, o.aggregate_id::text,
                {PARTITION_OF_KEY.format(key="o.aggregate_id::text")}, '{MARKED}',
                o.version, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.payload, o.occurred_at
            FROM page o ORDER BY {order}
            ON CONFLICT (event_id, subscription) DO NOTHING
        )
        SELECT count(*), coalesce(max(id), :id), pg_snapshot_xmin(pg_current_snapshot())::text FROM page
        """
    )


class Naive(Relay):
    """One statement, one cursor, no lease."""

    statement: ClassVar[TextClause]
    page: ClassVar[int] = PAGE

    async def step(self) -> bool:
        """Carry a page."""
        cursor: tuple[int, int, str] = getattr(self, "_cursor", (0, 0, "0"))
        where = {"carried": cursor[0], "id": cursor[1], "xmin": cursor[2], "page": self.page}
        async with self._database.transaction() as connection:
            carried, last, xmin = (await connection.execute(self.statement, where)).one()
            if self._holder == SLOW and carried:
                await asyncio.sleep(SLOW_S)
        self._cursor = (cursor[0] + carried, last, xmin)
        return bool(carried == self.page)


_FINISHED = "o.xid >= CAST(CAST(:xmin AS text) AS xid8) AND o.xid < pg_snapshot_xmin(pg_current_snapshot())"


class ByIdAlone(Naive):
    """`id > cursor`: what commits after a higher id is lost."""

    statement = _carry("o.id > :id")


class ByTransaction(Naive):
    """Ordered by transaction: whoever began first and wrote last comes first."""

    statement = _carry(
        _FINISHED,
        order="o.xid, o.id",
        position="CAST(:carried AS bigint) + row_number() OVER (ORDER BY page.xid, page.id)",
    )


class ByOldestRunning(Naive):
    """Windows between the oldest running transactions, by id: a key's later event may lie in an earlier window."""

    statement = _carry(_FINISHED, position="CAST(:carried AS bigint) + row_number() OVER (ORDER BY page.id)")


class SkipLocked(Naive):
    """Two at a time, each taking what the other has not locked: the faster one passes the slower one."""

    statement = _carry(
        "NOT EXISTS (SELECT FROM deliveries seen WHERE seen.event_id = o.event_id)", lock="FOR UPDATE SKIP LOCKED"
    )
    page = SMALL_PAGE

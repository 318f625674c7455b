"""Keeps the ledger from growing for ever: cuts and retires ranges of the outbox, prunes what is completed, and
buries what nobody can handle.

A range of the outbox goes when it has been full for the time that the host keeps events, and every subscriber that
is alive has passed it. A completed delivery goes after its dedupe window, and not before its event has left the
outbox: so whatever is carried twice still meets its delivery.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import TextClause, text

from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging.answers import KEEP as KEEP_ANSWERS
from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.messaging.cursors import feeds_here
from hedgerow_core.messaging.due import bury_unhandled
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database

EVERY_S = 60.0
KEEP_AUDIT = timedelta(days=400)
"""A year, and some time to look back at it."""
PRUNED_AT_ONCE = 5_000
"""Rows a transaction: it stays short, and the worker looks after events in between."""

_log = log_of(__name__)

_CUT = text("SELECT cut_outbox()")
_RETIRE = text("SELECT retire_outbox(:keep)")
_FORGET = text("SELECT forget_audit(:keep, :at_once)")

# Index: idempotency_keys_by_age.
_FORGET_ANSWERS = text(
    """
    DELETE FROM idempotency_keys WHERE scope IN (
        SELECT scope FROM idempotency_keys
        WHERE recorded_at <= clock_timestamp() - CAST(:keep AS interval)
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
)

# Index: deliveries_completed. Workers that prune at the same time pass each other by.
_PRUNE = """
    DELETE FROM deliveries WHERE (event_id, subscription) IN (
        SELECT event_id, subscription FROM deliveries
        WHERE subscription = :subscription AND state = 'completed'
          AND completed_at < clock_timestamp() - CAST(:keep AS interval) {event_is_gone}
        LIMIT :limit FOR UPDATE SKIP LOCKED)
"""
_EVENT_IS_GONE = 'AND position < (SELECT coalesce(min(id), 9223372036854775807) FROM "{publisher}".outbox)'
# What a publisher in another host keeps, it says with its pages. Until it has said so, it may keep everything.
_EVENT_IS_GONE_ELSEWHERE = """
    AND position < (SELECT oldest_id FROM feed_cursors
        WHERE publisher = '{publisher}' AND feed_cursors.subscription = deliveries.subscription)
"""


class Housekeeping:
    """The housekeeping of one context. Runs in every worker, once a minute; doing it twice does no harm."""

    def __init__(
        self,
        database: Database,
        consumers: Mapping[str, Consumer],
        *,
        keep_events: timedelta,
        keep_audit: timedelta = KEEP_AUDIT,
        elsewhere: Collection[str] = (),
    ) -> None:
        """`elsewhere` are the publishers that live in another host."""
        self._elsewhere = elsewhere
        self._database = database
        self._keep_events = keep_events
        self._keep_audit = keep_audit
        self._consumers = consumers
        self._prune: dict[str, TextClause] = {}
        self._at = 0.0

    async def open(self) -> None:
        """Find out whose outbox lies in this database."""
        publishers = {consumer.publisher for consumer in self._consumers.values() if consumer.publisher}
        async with self._database.transaction() as connection:
            here = await feeds_here(connection, publishers.difference(self._elsewhere))
        gone = {name: _EVENT_IS_GONE.format(publisher=name) for name in here}
        gone |= {name: _EVENT_IS_GONE_ELSEWHERE.format(publisher=name) for name in self._elsewhere}
        self._prune = {
            name: text(_PRUNE.format(event_is_gone=gone.get(consumer.publisher or "", "")))
            for name, consumer in self._consumers.items()
        }

    async def step(self) -> None:
        """Tidy up, if it is time.

        Raises:
            UnavailableError: the database is away.
        """
        if time.monotonic() < self._at:
            return
        self._at = time.monotonic() + EVERY_S
        await self.cut()
        await self.retire()
        await self.prune()
        await self.bury_unhandled()
        await self.forget()
        await self.forget_answers()

    async def cut(self) -> None:
        """Make sure that an empty range lies ahead of the outbox."""
        await self._changed(_CUT)

    async def retire(self) -> None:
        """Drop the ranges that nobody needs any more."""
        retired = await self._changed(_RETIRE, {"keep": self._keep_events})
        if retired:
            _log.info("events_retired", context=self._database.context, ranges=retired)

    async def prune(self) -> None:
        """Delete completed deliveries whose dedupe window is over, one batch for each subscription and task."""
        for name, consumer in self._consumers.items():
            if consumer.keep_completed is None:
                continue
            where = {"subscription": name, "keep": consumer.keep_completed, "limit": PRUNED_AT_ONCE}
            async with self._database.transaction() as connection:
                pruned = (await connection.execute(self._prune[name], where)).rowcount
            self._go_on_if_full(pruned)

    async def forget(self) -> None:
        """Delete the lines of the trail that are older than the host keeps them, one batch."""
        forgotten = await self._changed(_FORGET, {"keep": self._keep_audit, "at_once": PRUNED_AT_ONCE})
        if forgotten:
            _log.info("audit_forgotten", context=self._database.context, lines=forgotten)
        self._go_on_if_full(forgotten)

    async def forget_answers(self) -> None:
        """Delete the answers that nobody asks for any more, one batch."""
        where = {"keep": KEEP_ANSWERS, "limit": PRUNED_AT_ONCE}
        async with self._database.transaction() as connection:
            forgotten = (await connection.execute(_FORGET_ANSWERS, where)).rowcount
        self._go_on_if_full(forgotten)

    async def bury_unhandled(self) -> None:
        """Declare dead what has waited too long for a build that can handle it."""
        async with self._database.transaction() as connection:
            for subscription in set(await bury_unhandled(connection, list(self._consumers))):
                _log.error("deliveries_without_handler", subscription=subscription)

    def _go_on_if_full(self, batch: int) -> None:
        """There is more: go on at the next step, and not in a minute."""
        if batch == PRUNED_AT_ONCE:
            self._at = 0.0

    async def _changed(self, statement: TextClause, where: Mapping[str, object] | None = None) -> int:
        """What the ledger's function changed; nothing if somebody was in its way: the next minute is as good."""
        try:
            async with self._database.transaction() as connection:
                return int((await connection.execute(statement, where or {})).scalar_one())
        except ConflictError:
            return 0

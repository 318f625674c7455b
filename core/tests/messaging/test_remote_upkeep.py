"""What keeps a subscription to another host in order: pruning, health, expiry and the way out of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from core.tests.messaging.shop_and_books import note, subscription
from core.tests.messaging.test_housekeeping import fill_up, keeper, let_pass
from core.tests.messaging.two_databases import (
    Wire,
    books,
    books_address,
    carrying,
    delivered,
    publish,
    rows,
    shop,
    shop_address,
    until_delivered,
    wire,
)
from hedgerow_core.domain import ValidationError
from hedgerow_core.messaging import Housekeeping, consumers_of, health, replay
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.feed import EventFilter
from hedgerow_core.messaging.health import Matter, SubscriptionHealth, alarms
from hedgerow_core.messaging.replay import Preview, Replay
from hedgerow_core.persistence import Database

__all__ = ["books", "books_address", "shop", "shop_address", "wire"]

NAME = "books.note_order"
BY = Decision(by="ada", why="the publisher was away for a month")
LONG_AGO = timedelta(days=60)


async def completed_long_ago(books: Database) -> None:
    await rows(
        books,
        "UPDATE deliveries SET state = 'completed', completed_at = clock_timestamp() - CAST(:ago AS interval)",
        ago=LONG_AGO,
    )


async def prune(books: Database, *elsewhere: str) -> None:
    consumers = consumers_of([subscription(note)], [])
    housekeeping = Housekeeping(books, consumers, keep_events=timedelta(days=7), elsewhere=elsewhere)
    await housekeeping.open()
    await housekeeping.prune()


async def stand(books: Database) -> SubscriptionHealth:
    async with books.reading() as connection:
        (found,) = await health.look(connection, [NAME], publishers=[])
    return found


async def test_a_completed_delivery_stays_as_long_as_the_other_host_keeps_its_event(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, [1, 2])
    async with carrying(books, wire):
        await until_delivered(books, [1, 2])
        await completed_long_ago(books)
        await prune(books, "shop")
        assert await delivered(books) == [1, 2], "the feed could be read again from its beginning"
    await rows(books, "UPDATE feed_cursors SET oldest_id = 2")
    await prune(books, "shop")
    assert await delivered(books) == [2]
    await prune(books)
    assert await delivered(books) == [], "the twin: who takes the publisher for gone keeps nothing"


async def test_before_the_other_host_has_said_what_it_keeps_nothing_is_pruned(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, [1])
    async with carrying(books, wire):
        await until_delivered(books, [1])
    await completed_long_ago(books)
    await rows(books, "UPDATE feed_cursors SET oldest_id = NULL")

    await prune(books, "shop")

    assert await delivered(books) == [1]


async def test_a_feed_of_another_host_that_answers_does_not_lag(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, [1])
    async with carrying(books, wire):
        await until_delivered(books, [1])
        await wire.until(asked=len(wire.asked) + 2)
        found = await stand(books)

    assert (found.publisher, found.relay_lag_s) == ("shop", None)


async def test_a_feed_that_is_silent_for_too_long_raises_the_alarm_also_if_it_never_was_there(
    books: Database, wire: Wire
) -> None:
    wire.cut = True
    async with carrying(books, wire):
        assert (await stand(books)).relay_lag_s is None
        await rows(books, "UPDATE feed_cursors SET heard_at = heard_at - interval '2 min'")
        found = await stand(books)

    assert [alarm.what for alarm in alarms([found], stale_after_s=60)] == [Matter.NOT_CARRIED]
    assert found.relay_lag_s == pytest.approx(120, abs=15)


async def test_a_feed_lags_by_what_waits_behind_the_page_that_was_carried(
    shop: Database, books: Database, wire: Wire
) -> None:
    async with carrying(books, wire):
        await wire.until(answered=1)
    await rows(books, "UPDATE feed_cursors SET waiting_since = clock_timestamp() - interval '90 s'")

    assert (await stand(books)).relay_lag_s == pytest.approx(90, abs=15)


async def test_a_feed_that_has_expired_stands_still_until_it_is_replayed_and_nothing_is_doubled(
    shop: Database, books: Database, wire: Wire
) -> None:
    whole = Replay(subscription=subscription(note), which=EventFilter())
    await publish(shop, [1])
    async with carrying(books, wire):
        await until_delivered(books, [1])
    await publish(shop, [2])
    await fill_up(shop)
    await publish(shop, [3])
    housekeeping = keeper(shop)
    for _ in range(2):
        await housekeeping.cut()
        await let_pass(shop, LONG_AGO)
        await housekeeping.retire()
    await publish(shop, [4])

    with capture_logs() as logs:
        async with carrying(books, wire):
            await wire.until(asked=len(wire.asked) + 1)
            await _until_expired(books)
            assert await delivered(books) == [1]
            async with books.transaction() as connection:
                found = await replay.preview(connection, whole)
                await replay.carry(connection, whole, BY)
            await until_delivered(books, [1, *await _kept(shop)])

    assert found == Preview(missing=0, ended=0, under_way=0, stopped=True, elsewhere=True)
    assert "feed_expired" in [line["event"] for line in logs]
    assert await rows(books, "SELECT actor FROM audit_entries WHERE action = 'ledger.replay'") == ["ada"]


async def test_a_part_of_a_feed_of_another_host_cannot_be_replayed(books: Database, wire: Wire) -> None:
    async with carrying(books, wire):
        pass
    some = Replay(subscription=subscription(note), which=EventFilter(type="shop.order_placed"))
    with pytest.raises(ValidationError) as refused:
        async with books.transaction() as connection:
            await replay.carry(connection, some, BY)

    assert refused.value.code == "feed_elsewhere"


async def _until_expired(books: Database) -> None:
    for _ in range(500):
        if await rows(books, "SELECT expired_at FROM feed_cursors WHERE expired_at IS NOT NULL"):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the feed has not expired")


async def _kept(shop: Database) -> list[int]:
    found = await rows(shop, "SELECT payload->>'number' FROM outbox ORDER BY id")
    return [int(str(number)) for number in found]

"""Where a subscription starts, which versions it reads, and how long what it cannot read yet waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import (
    Effects,
    Order,
    OrderPlaced,
    OrderPlacedV1,
    PlacedOrder,
    note,
    place,
    shop_work,
    subscription,
    until,
    worker,
)
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import Relay, Start, Subscription, consumers_of, unit_of_work
from hedgerow_core.messaging.deliveries import NEWER_BUILD_GRACE
from hedgerow_core.persistence import Database


async def carry(books: Database, wanted: Subscription) -> list[int]:
    """Run its relay until nothing is left; returns what was delivered to it so far."""
    relay = Relay(books, "shop", [wanted], holder="test")
    await relay.open()
    while await relay.step():
        pass
    async with books.reading() as connection:
        rows = text("SELECT payload FROM deliveries WHERE subscription = :name ORDER BY position")
        return [row.payload["number"] for row in await connection.execute(rows, {"name": wanted.name})]


def starting(start: Start | datetime) -> Subscription:
    return subscription(note, start=start)


async def dated(shop: Database, **days_ago: int) -> None:
    """Set back when events occurred."""
    async with shop.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        for number, days in days_ago.items():
            await connection.execute(
                text(
                    "UPDATE outbox SET occurred_at = clock_timestamp() - CAST(:ago AS interval) "
                    "WHERE payload->>'number' = :number"
                ),
                {"ago": timedelta(days=days), "number": number.removeprefix("n")},
            )
        await connection.commit()
    await shop.engine.dispose()


async def test_a_new_subscription_may_start_with_the_oldest_event_with_the_next_or_at_a_moment(
    shop: Database, books: Database
) -> None:
    order = Order(new_id())
    for number in (1, 2):
        await place(shop, order, number)
    await dated(shop, n1=10, n2=2)
    a_week_ago = datetime.now(UTC) - timedelta(days=7)

    assert await carry(books, starting(a_week_ago)) == [2]

    for name, start, expected in (("all", Start.EARLIEST, [1, 2, 3]), ("next", Start.LATEST, [3])):
        wanted = Subscription(
            name=f"books.{name}", event="shop.order_placed", model=PlacedOrder, handle=note, start=start
        )
        await carry(books, wanted)
        if start is Start.LATEST:
            await place(shop, order, 3)
            assert await carry(books, wanted) == expected
        else:
            assert await carry(books, wanted) == [1, 2]


async def test_a_start_is_heeded_once(shop: Database, books: Database) -> None:
    await place(shop, Order(new_id()), 1)
    assert await carry(books, starting(Start.EARLIEST)) == [1]

    await place(shop, Order(new_id()), 2)

    assert await carry(books, starting(Start.LATEST)) == [1, 2]


async def test_nothing_is_lost_between_the_start_with_the_next_event_and_a_transaction_that_was_open(
    shop: Database, books: Database
) -> None:
    async with unit_of_work(shop, shop_work, lambda: None) as work:
        order = Order(new_id())
        order.record(OrderPlaced(number=1))
        work.saved(order, version=1)
        await work.flush()
        assert await carry(books, starting(Start.LATEST)) == []

    assert await carry(books, starting(Start.LATEST)) == [1], "it was published after the start"


class OrderPlacedV2(OrderPlacedV1):
    event_version = 2
    currency: str


class PricedOrder(PlacedOrder):
    currency: str


def in_euro(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**payload, "currency": "EUR"}


async def publish(shop: Database, version: int, number: int) -> None:
    async with shop.transaction() as connection:
        await connection.execute(
            text(
                """
                INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version,
                    payload, occurred_at)
                VALUES (:id, 'shop.order_placed', :version, 'order', '00000000-0000-0000-0000-000000000001', :n,
                    CAST(:payload AS jsonb), clock_timestamp())
                """
            ),
            {
                "id": new_id(),
                "version": version,
                "n": number,
                "payload": f'{{"number": {number}' + (', "currency": "SEK"}' if version > 1 else "}"),
            },
        )


async def test_older_versions_are_brought_up_to_date_at_the_subscribers_door(
    shop: Database, books: Database
) -> None:
    seen: list[tuple[int, str]] = []

    async def look(event: PricedOrder, *_rest: object) -> None:
        seen.append((event.number, event.currency))

    await publish(shop, 1, 1)
    await publish(shop, 2, 2)
    reads_both = Subscription(
        name="books.priced",
        event="shop.order_placed",
        version=2,
        upcasts={1: in_euro},
        model=PricedOrder,
        handle=look,
    )

    async with worker(books, reads_both):
        await until(books, {"completed": 2})

    assert seen == [(1, "EUR"), (2, "SEK")]


@pytest.mark.parametrize("upcasts", [{1: in_euro}, {1: in_euro, 3: in_euro}, {3: in_euro}])
def test_an_upcast_that_leads_nowhere_is_refused(upcasts: dict[int, Any]) -> None:
    wanted = Subscription(
        name="books.odd", event="shop.order_placed", version=3, upcasts=upcasts, model=PlacedOrder, handle=note
    )

    with pytest.raises(ValueError, match=r"books\.odd"):
        consumers_of([wanted], [])


async def test_what_a_newer_build_will_read_waits_for_it_in_its_place(
    shop: Database, books: Database, effects: Effects
) -> None:
    await publish(shop, 2, 1)
    await publish(shop, 1, 2)
    async with worker(books, subscription(note)):
        await until(books, {"retry_wait": 1, "pending": 1})
    assert await effects() == []
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET next_at = clock_timestamp()"))

    newer = Subscription(
        name="books.note_order",
        event="shop.order_placed",
        version=2,
        upcasts={1: in_euro},
        model=PricedOrder,
        handle=note,
    )
    async with worker(books, newer):
        await until(books, {"completed": 2})

    assert await effects() == [1, 2]
    async with books.reading() as connection:
        attempts = (await connection.execute(text("SELECT attempts FROM deliveries ORDER BY position"))).scalars()
        assert list(attempts) == [1, 1], "waiting for a build is no attempt"


async def test_what_no_build_reads_for_too_long_is_dead(shop: Database, books: Database) -> None:
    await publish(shop, 2, 1)
    assert await carry(books, subscription(note)) == [1]
    async with books.transaction() as connection:
        earlier = text("UPDATE deliveries SET received_at = received_at - CAST(:grace AS interval)")
        await connection.execute(earlier, {"grace": NEWER_BUILD_GRACE})

    async with worker(books, subscription(note)):
        await until(books, {"dead": 1})

    async with books.reading() as connection:
        reason = (await connection.execute(text("SELECT reason FROM deliveries"))).scalar_one()
    assert reason == "version 2 is newer than 1, which this build reads"

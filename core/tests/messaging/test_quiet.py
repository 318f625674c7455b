"""Who waits until all has arrived is not told so too soon, and not kept waiting for what will not come."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import Order, note, place, subscription
from hedgerow_core.messaging import Relay, consumers_of, partitions
from hedgerow_core.messaging.quiet import is_quiet
from hedgerow_core.persistence import Database

NOTE_ORDER = subscription(note)
CONSUMERS = consumers_of([NOTE_ORDER], [])

DELIVERY = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, next_at)
    VALUES (:id, 'books.note_order', 'shop', 1, 'a', 1, 'shop.order_placed', 1, '{}', clock_timestamp(), :state,
        clock_timestamp() + CAST(:due_in AS interval))
    """
)


@pytest.fixture
def relay(books: Database) -> Relay:
    return Relay(books, "shop", [NOTE_ORDER], holder="test")


async def quiet(books: Database) -> bool:
    async with books.reading() as connection:
        return await is_quiet(connection, CONSUMERS, {NOTE_ORDER.name: "shop"})


async def run(books: Database, sql: str) -> None:
    async with books.transaction() as connection:
        await connection.execute(text(sql))


async def started(books: Database, relay: Relay) -> None:
    """As a worker leaves it that has nothing to do."""
    await relay.open()
    async with books.transaction() as connection:
        await partitions.register(connection, [NOTE_ORDER.name])
    await relay.step()


async def test_before_the_first_worker_it_is_not_quiet_and_behind_it_it_is(books: Database, relay: Relay) -> None:
    assert not await quiet(books)

    await relay.open()
    assert not await quiet(books), "nothing can be due yet"
    await started(books, relay)

    assert await quiet(books)


async def test_an_event_is_waited_for_until_its_delivery_is_done(
    shop: Database, books: Database, relay: Relay
) -> None:
    await started(books, relay)

    await place(shop, Order(uuid4()), 1)
    assert not await quiet(books), "it was not carried yet"
    await relay.step()
    assert not await quiet(books), "it was not delivered yet"
    await run(books, "UPDATE deliveries SET state = 'completed'")

    assert await quiet(books)


@pytest.mark.parametrize(
    ("state", "due_in", "expected"),
    [
        ("pending", timedelta(0), False),
        ("retry_wait", timedelta(0), False),
        ("pending", timedelta(hours=1), True),
        ("retry_wait", timedelta(hours=1), True),
        ("dead", timedelta(0), True),
        ("parked", timedelta(0), True),
        ("completed", timedelta(0), True),
    ],
)
async def test_only_what_is_due_is_waited_for(
    books: Database, relay: Relay, state: str, due_in: timedelta, expected: bool
) -> None:
    await started(books, relay)

    async with books.transaction() as connection:
        await connection.execute(DELIVERY, {"id": uuid4(), "state": state, "due_in": due_in})

    assert await quiet(books) is expected


async def test_what_somebody_works_on_is_waited_for_and_a_pause_is_not(books: Database, relay: Relay) -> None:
    await started(books, relay)

    async with books.transaction() as connection:
        lease = await partitions.take(connection, NOTE_ORDER.name, 1, owner="somebody else")
    assert lease is not None
    assert not await quiet(books)
    await run(books, "UPDATE delivery_partitions SET expires_at = '-infinity'")
    assert await quiet(books)

    async with books.transaction() as connection:
        await connection.execute(DELIVERY, {"id": uuid4(), "state": "pending", "due_in": timedelta(0)})
    assert not await quiet(books)
    await run(
        books,
        "INSERT INTO paused_subscriptions (subscription, actor, reason) VALUES ('books.note_order', 'a', 'b')",
    )
    assert await quiet(books)

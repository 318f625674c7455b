"""A worker that is told to end finishes what it has claimed, takes nothing more, and leaves the rest to others."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text
from structlog.testing import capture_logs

from core.tests.messaging.shop_and_books import (
    Effects,
    Order,
    PlacedOrder,
    books_work,
    note,
    place,
    states,
    subscription,
)
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import Drain, Envelope, Hint, LedgerWork, Relay, consumers_of, partitions
from hedgerow_core.messaging.deliveries import BATCH
from hedgerow_core.persistence import Database

BACKLOG = BATCH + 5
HINT = Hint("books", "books.note_order", 1)
NO_LEASE = "-infinity"


async def backlog(shop: Database, books: Database) -> None:
    """More than a batch, all of it in one partition."""
    order = Order(new_id())
    for number in range(BACKLOG):
        await place(shop, order, number)
    async with books.transaction() as connection:
        await partitions.register(connection, [HINT.subscription])
    relay = Relay(books, "shop", [subscription(note)], holder="test")
    await relay.open()
    await relay.step()
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET partition = 1"))


def drain_of(books: Database, *, told: Callable[[Drain], None] = lambda drain: None) -> Drain:
    async def handle(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        told(drain)
        await note(event, envelope, work)

    consumers = consumers_of([subscription(handle)], [])
    drain = Drain(books, consumers, work_for=books_work, clock=SystemClock(), owner="test")
    return drain


async def lease(books: Database) -> str:
    statement = text("SELECT expires_at::text FROM delivery_partitions WHERE partition = 1")
    async with books.reading() as connection:
        return str(await connection.scalar(statement))


async def test_a_drain_that_is_stopped_ends_with_its_batch_and_gives_the_partition_back(
    shop: Database, books: Database, effects: Effects
) -> None:
    await backlog(shop, books)

    await drain_of(books, told=Drain.stop)(HINT)

    assert await states(books) == {"completed": BATCH, "pending": BACKLOG - BATCH}
    assert await lease(books) == NO_LEASE
    await drain_of(books)(HINT)
    assert await states(books) == {"completed": BACKLOG}, "whoever comes next goes on at once"
    assert await effects() == list(range(BACKLOG))


async def test_a_drain_that_nobody_stops_works_off_all_of_it(
    shop: Database, books: Database, effects: Effects
) -> None:
    """The twin."""
    await backlog(shop, books)

    await drain_of(books)(HINT)

    assert await states(books) == {"completed": BACKLOG}


async def test_a_drain_that_was_stopped_takes_nothing(shop: Database, books: Database) -> None:
    await backlog(shop, books)
    drain = drain_of(books)
    drain.stop()

    await drain(HINT)

    assert await states(books) == {"pending": BACKLOG}


async def test_a_partition_whose_deliveries_were_taken_away_is_given_back(
    shop: Database, books: Database, effects: Effects
) -> None:
    await backlog(shop, books)

    async def lose_them(_event: PlacedOrder, _envelope: Envelope, _work: LedgerWork) -> None:
        async with books.transaction() as connection:
            await connection.execute(text("UPDATE deliveries SET state = 'dead' WHERE state = 'processing'"))

    consumers = consumers_of([subscription(lose_them)], [])
    with capture_logs() as logs:
        await Drain(books, consumers, work_for=books_work, clock=SystemClock(), owner="test")(HINT)

    assert [line["event"] for line in logs] == ["partition_lost"]
    assert await lease(books) == NO_LEASE
    assert await effects() == []

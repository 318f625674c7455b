"""Of several workers one hints at what is due: the one that carries the events. If it does not, the others do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import Order, books_work, note, place, states, subscription
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import Dispatcher, Drain, Hint, Relay, consumers_of, partitions, relay
from hedgerow_core.persistence import Database

NOTES = subscription(note)
PATIENCE_S = 20.0
FOR_EVER_S = 600.0
A_LITTLE_S = 0.2


class Heard:
    """The hints of one worker. Nobody follows them."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []

    async def send(self, *hints: Hint) -> None:
        self.hints += hints

    async def until_some(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.hints:  # noqa: ASYNC110 - a fake tells nobody
                await asyncio.sleep(0.01)


@asynccontextmanager
async def dispatching(
    books: Database, holder: str, *, leaves_s: float = FOR_EVER_S
) -> AsyncIterator[tuple[Dispatcher, Heard]]:
    heard = Heard()
    relay = Relay(books, "shop", [NOTES], holder=holder)
    dispatcher = Dispatcher(books, [relay], consumers_of([NOTES], []), heard, left_to_leader_s=leaves_s)
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher, heard
    finally:
        dispatcher.stop()
        await running


async def leader_of(books: Database) -> str | None:
    async with books.reading() as connection:
        found: str | None = await connection.scalar(text("SELECT holder FROM feed_cursors"))
        return found


async def until_led_by(books: Database, holder: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await leader_of(books) != holder:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.01)


async def test_the_worker_that_carries_hints_and_the_other_leaves_it_to_it(shop: Database, books: Database) -> None:
    async with dispatching(books, "first") as (_, first):
        await until_led_by(books, "first")
        async with dispatching(books, "second") as (_, second):
            await place(shop, Order(new_id()), 1)
            await first.until_some()
            await asyncio.sleep(A_LITTLE_S)

            assert len(first.hints) == 1
            assert second.hints == []


async def test_what_nobody_follows_is_hinted_at_by_the_others_too(shop: Database, books: Database) -> None:
    async with dispatching(books, "first") as (_, first):
        await until_led_by(books, "first")
        async with dispatching(books, "second", leaves_s=A_LITTLE_S) as (_, second):
            await place(shop, Order(new_id()), 1)
            await second.until_some()

            assert first.hints[0] == second.hints[0]


async def test_who_was_nudged_hints_at_once_because_something_was_committed_here(
    shop: Database, books: Database
) -> None:
    async with dispatching(books, "first") as (_, first):
        await until_led_by(books, "first")
        async with dispatching(books, "second") as (dispatcher, second):
            await place(shop, Order(new_id()), 1)
            await first.until_some()
            async with asyncio.timeout(PATIENCE_S):
                while not second.hints:
                    dispatcher.nudge()
                    await asyncio.sleep(0.01)

            assert second.hints == first.hints


async def test_a_leader_that_ends_is_followed_by_who_looks_again(
    shop: Database, books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "RENEW_AFTER_S", FOR_EVER_S)
    monkeypatch.setattr(relay, "LOOK_AGAIN_S", 0.0)
    first, second = (Relay(books, "shop", [NOTES], holder=holder) for holder in ("first", "second"))
    for each in (first, second):
        await each.open()
        await each.step()
    assert (first.leads, second.leads) == (True, False)

    await first.close()
    await place(shop, Order(new_id()), 1)
    await second.step()

    assert second.leads
    assert await states(books) == {"pending": 1}


async def test_a_late_hint_writes_nothing_where_nothing_is_due(books: Database) -> None:
    async with books.transaction() as connection:
        await partitions.register(connection, [NOTES.name])
    drain = Drain(books, consumers_of([NOTES], []), work_for=books_work, clock=SystemClock(), owner="test")

    await drain(Hint("books", NOTES.name, 1))

    async with books.reading() as connection:
        assert await connection.scalar(text("SELECT sum(token) FROM delivery_partitions")) == 0

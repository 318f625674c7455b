"""`shop` and `books` again, each in a database of its own: what passes between them is bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import note, subscription
from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging import Outlet, RemoteRelay, Subscription
from hedgerow_core.messaging.feed_pages import PageRequest
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import MigratedDatabases, context_database

PATIENCE_S = 10.0
LONGEST_WAIT_S = 0.2
"""Of a request, so that tests which are about its end don't wait for it."""


@pytest.fixture
def shop_address(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(shop=()) as address:
        yield address


@pytest.fixture
async def shop(shop_address: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(shop_address, "shop") as database:
        yield database


@pytest.fixture
def books_address(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(books=()) as address:
        yield address


@pytest.fixture
async def books(books_address: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(books_address, "books") as database:
        yield database


class Wire:
    """The way to the publisher: it can be cut, and remembers what was sent."""

    def __init__(self, shop: Database) -> None:
        self.outlet = Outlet(shop)
        self.cut = False
        self.asked: list[PageRequest] = []
        self.pages: list[bytes] = []
        self.garbled: Callable[[bytes], bytes] = lambda page: page

    async def __call__(self, request: bytes, _within: timedelta) -> bytes:
        self.asked.append(PageRequest.model_validate_json(request))
        if self.cut:
            raise UnavailableError("shop is away", retry_after=timedelta(seconds=1))
        less = {"wait_s": min(self.asked[-1].wait_s, LONGEST_WAIT_S)}
        page = await self.outlet.page(self.asked[-1].model_copy(update=less), asker="books")
        self.pages.append(page)
        return self.garbled(page)

    async def until(self, *, asked: int = 0, answered: int = 0) -> None:
        """Wait for so many requests, or pages."""
        for _ in range(1_000):
            if len(self.asked) >= asked and len(self.pages) >= answered:
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"{len(self.asked)} requests, {len(self.pages)} pages")


@pytest.fixture
def wire(shop: Database) -> Wire:
    return Wire(shop)


@asynccontextmanager
async def carrying(
    books: Database, wire: Wire, *subscriptions: Subscription, holder: str = "test"
) -> AsyncIterator[RemoteRelay]:
    """A relay that takes steps, as in a dispatcher."""
    relay = RemoteRelay(books, "shop", subscriptions or [subscription(note)], ask=wire, holder=holder)
    await relay.open()

    async def steps() -> None:
        while True:
            if not await relay.step():
                await asyncio.sleep(0.005)

    running = asyncio.create_task(steps())
    try:
        yield relay
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await relay.close()


async def publish(shop: Database, numbers: Sequence[int], *, payload: str = "") -> None:
    """One transaction with these events, all of one order."""
    async with shop.transaction() as connection:
        await connection.execute(
            text(
                """
                INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version,
                    payload, occurred_at)
                SELECT md5(number::text)::uuid, 'shop.order_placed', 1, 'order', :order, number,
                    jsonb_build_object('number', number, 'text', CAST(:payload AS text)), clock_timestamp()
                FROM unnest(CAST(:numbers AS int[])) AS number
                """
            ),
            {"numbers": list(numbers), "payload": payload, "order": uuid4()},
        )


async def delivered(books: Database, name: str = "books.note_order") -> list[int]:
    """What the subscription has, in the publisher's order."""
    async with books.reading() as connection:
        rows = await connection.execute(
            text("SELECT payload->>'number' FROM deliveries WHERE subscription = :name ORDER BY position"),
            {"name": name},
        )
        return [int(number) for number in rows.scalars()]


async def until_delivered(books: Database, expected: Sequence[int], name: str = "books.note_order") -> None:
    """Wait until it has exactly these."""
    seen: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        while (seen := await delivered(books, name)) != list(expected):
            assert len(seen) <= len(expected), seen
            await asyncio.sleep(0.01)


async def rows(database: Database, statement: str, **values: object) -> list[object]:
    async with database.transaction() as connection:
        found = await connection.execute(text(statement), values)
        return list(found.scalars()) if found.returns_rows else []

"""PostgreSQL's clocks begin where the test's clock is, and jump with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import DatabaseClock, FakeClock, MigratedDatabases, context_database

CLOCKS = text("SELECT now(), transaction_timestamp(), statement_timestamp(), clock_timestamp()")
ENQUEUE = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at)
    VALUES (gen_random_uuid(), 'books.try', 'books', 1, '', 0, 'books.try', 1, '{}', now())
    RETURNING next_at
    """
)
A_WHILE = timedelta(minutes=1)
"""Between two jumps time runs on."""


@pytest.fixture
def address(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    address = migrated_databases.new_address()
    with migrated_databases.copy_with_clock(address, {"books": ()}):
        yield address


@pytest.fixture
def database_clock(address: DatabaseAddress, clock: FakeClock) -> DatabaseClock:
    return DatabaseClock(address, clock)


@pytest.fixture
async def books(address: DatabaseAddress, database_clock: DatabaseClock) -> AsyncIterator[Database]:
    async with context_database(address, "books") as database:
        database_clock.shown_to(database)
        await database_clock.follow()
        yield database


@contextmanager
def soon_after(moment: datetime) -> Iterator[list[datetime]]:
    """The moments that the body collects must lie just behind this one."""
    moments: list[datetime] = []
    yield moments
    assert moments
    assert [late for late in moments if not moment <= late <= moment + A_WHILE] == []


async def test_every_clock_of_sql_shows_the_tests_time(
    books: Database, clock: FakeClock, database_clock: DatabaseClock
) -> None:
    for days in (0, 400, -800):
        clock.advance(timedelta(days=days))
        await database_clock.follow()

        with soon_after(clock.now()) as moments:
            async with books.transaction() as connection:
                moments += (await connection.execute(CLOCKS)).one()


async def test_defaults_of_columns_follow(books: Database, clock: FakeClock) -> None:
    with soon_after(clock.now()) as moments:
        async with books.transaction() as connection:
            moments.append((await connection.execute(ENQUEUE)).scalar_one())


async def test_who_is_not_shown_the_clock_sees_the_real_one(books: Database, address: DatabaseAddress) -> None:
    with soon_after(datetime.now(UTC) - timedelta(seconds=1)) as moments:
        async with context_database(address, "books") as other, other.reading() as connection:
            moments += (await connection.execute(CLOCKS)).one()


async def test_it_need_not_be_told_where_it_is(
    clock: FakeClock, books: Database, database_clock: DatabaseClock
) -> None:
    assert not await database_clock.follow()
    clock.advance(timedelta(seconds=1))
    assert await database_clock.follow()

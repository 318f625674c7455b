"""Two small contexts on one real database: `shop` publishes, `books` subscribes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from sqlalchemy import text

from core.tests.histories import write_history
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import MigratedDatabases, context_database

__all__ = ["write_history"]


@pytest.fixture
def shop_and_books(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(shop=(), books=()) as address:
        yield address


@pytest.fixture
async def shop(shop_and_books: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(shop_and_books, "shop") as database:
        yield database


@pytest.fixture
async def books(shop_and_books: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(shop_and_books, "books") as database:
        yield database


@pytest.fixture
async def effects(books: Database) -> Callable[[], Awaitable[list[int]]]:
    """A table of `books` that handlers write into, so that effects roll back with their transaction."""
    async with books.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        await connection.execute(text("CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, number int)"))
        await connection.execute(text("GRANT ALL ON effects TO hedgerow_books"))
        await connection.commit()
    await books.engine.dispose()

    async def numbers() -> list[int]:
        async with books.reading() as connection:
            return list((await connection.execute(text("SELECT number FROM effects ORDER BY id"))).scalars())

    return numbers

"""In a sandbox one reads what one has written, and when it is closed, nothing of it was ever there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.sandbox import IDLE_FOR, SandboxDatabase
from hedgerow_core.testing import context_database

ADD = text("INSERT INTO delivery_partitions (subscription, partition) VALUES (:name, 1)")
COUNT = text("SELECT count(*) FROM delivery_partitions")


@pytest.fixture
async def sandbox(shop_and_books: DatabaseAddress) -> AsyncIterator[SandboxDatabase]:
    database = SandboxDatabase(shop_and_books, "shop")
    yield database
    await database.close()


async def add(database: Database, name: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(ADD, {"name": name})


async def count(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(COUNT)).scalar_one())


async def test_what_is_written_can_be_read_until_the_sandbox_is_closed(
    sandbox: SandboxDatabase, shop: Database
) -> None:
    await add(sandbox, "one")
    await add(sandbox, "two")

    assert (await count(sandbox), await count(shop)) == (2, 0)
    await sandbox.close()
    assert await count(shop) == 0


async def test_in_any_other_database_it_stays(shop_and_books: DatabaseAddress, shop: Database) -> None:
    async with context_database(shop_and_books, "shop") as database:
        await add(database, "one")

    assert await count(shop) == 1


async def test_a_transaction_that_fails_takes_nothing_else_along(sandbox: SandboxDatabase) -> None:
    await add(sandbox, "one")

    with pytest.raises(IntegrityError):
        await add(sandbox, "one")
    with suppress(ZeroDivisionError):
        async with sandbox.transaction() as connection:
            await connection.execute(ADD, {"name": "two"})
            raise ZeroDivisionError

    assert await count(sandbox) == 1
    async with sandbox.reading() as connection:
        patience = await connection.execute(text("SHOW idle_in_transaction_session_timeout"))
        assert patience.scalar_one() == IDLE_FOR, "and one may think on"


async def test_what_is_checked_at_the_commit_is_checked_at_the_end_of_each_transaction(
    sandbox: SandboxDatabase,
) -> None:
    async with sandbox.transaction() as connection:
        await connection.execute(text("CREATE TEMP TABLE beds (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))

    async with sandbox.transaction() as connection:
        await connection.execute(text("INSERT INTO beds VALUES (1), (1)"))
        await connection.execute(text("DELETE FROM beds"))
    with pytest.raises(IntegrityError):
        async with sandbox.transaction() as connection:
            await connection.execute(text("INSERT INTO beds VALUES (1), (1)"))
    async with sandbox.transaction() as connection:
        await connection.execute(text("INSERT INTO beds VALUES (2), (2)"))
        await connection.execute(text("DELETE FROM beds"))


async def test_a_sandbox_may_be_closed_before_and_used_after_that(sandbox: SandboxDatabase) -> None:
    await sandbox.close()
    await add(sandbox, "one")

    assert await count(sandbox) == 1

"""A transaction in which two contexts meet is noticed, however it came to that; an honest one is not."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from inspect import currentframe

import pytest
from sqlalchemy import text

from hedgerow_core.messaging import Relay, Subscription
from hedgerow_core.persistence import Database
from hedgerow_core.testing import Crossings


@pytest.fixture
def crossings(shop: Database, books: Database) -> Crossings:
    crossings = Crossings(["shop", "books"])
    for database in (shop, books):
        crossings.watch(database)
    return crossings


async def test_a_foreign_table_is_noticed_also_past_the_role(crossings: Crossings, books: Database) -> None:
    async with books.transaction() as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))
        await connection.execute(text("UPDATE shop.deliveries SET reason = 'mine' WHERE false"))

    assert crossings.found == ["a transaction of books has touched shop.deliveries"]


async def test_a_crossing_is_told_with_the_line_that_ran_it(crossings: Crossings, books: Database) -> None:
    line = 1 + currentframe().f_lineno  # type: ignore[union-attr]
    async with books.transaction() as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))
        await connection.execute(text("SELECT * FROM shop.deliveries"))

    (found,) = crossings.crossings
    assert (found.context, list(found.others), found.place) == ("books", ["shop"], f"{__file__}:{line}")


async def test_it_makes_no_difference_by_what_detour(crossings: Crossings, books: Database) -> None:
    async with books.transaction() as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))
        await connection.execute(text("SET LOCAL search_path TO shop"))
        await connection.execute(text("DO $$ BEGIN PERFORM count(*) FROM schedules; END $$"))

    assert crossings.found == ["a transaction of books has touched shop.schedules"]


async def test_a_transaction_inside_another_contexts_is_noticed(
    crossings: Crossings, shop: Database, books: Database
) -> None:
    async def also() -> None:
        async with books.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async with shop.transaction() as connection:
        await connection.execute(text("SELECT 1"))
        await asyncio.create_task(also())

    assert crossings.found == ["a transaction of books was begun inside one of shop"]


async def test_one_after_the_other_is_as_it_should_be(
    crossings: Crossings, shop: Database, books: Database
) -> None:
    async def nothing(*_arguments: object) -> None: ...

    for database in (shop, books):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT * FROM deliveries"))
        with suppress(RuntimeError):
            async with database.transaction() as connection:
                await connection.execute(text("SELECT * FROM deliveries"))
                raise RuntimeError
    heard = Subscription(name="books.note", event="shop.placed", model=dict, handle=nothing)  # type: ignore[arg-type]
    relay = Relay(books, "shop", [heard], holder="test")
    await relay.open()
    await relay.step()
    await relay.close()

    assert crossings.found == []
    assert crossings.watched == {"shop": 1, "books": 4}

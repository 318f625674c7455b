"""What a serving process does about a context that is moving: it says so, and waits."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from hedgerow_core.persistence import ContextIsMoving, Database, DatabaseAddress, Isolation
from hedgerow_core.persistence.moving import fence_of, is_closed
from hedgerow_core.testing.servers import run_sql

CLOSED = 2**63 - 1
REFUSING = """
    CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'moving' USING ERRCODE = 'MV001'; END $$
"""


@pytest.fixture
def shop(fresh_database: DatabaseAddress) -> Database:
    run_sql(fresh_database, "CREATE SCHEMA shop", "CREATE TABLE shop.goods (id int)")
    return Database(fresh_database, "shop", isolation=Isolation.SCHEMA)


async def test_a_write_to_a_side_that_is_closed_says_that_the_context_is_moving(
    shop: Database, fresh_database: DatabaseAddress
) -> None:
    trigger = "CREATE TRIGGER fence BEFORE INSERT ON shop.goods FOR EACH STATEMENT EXECUTE FUNCTION shop.refuse()"
    await asyncio.to_thread(run_sql, fresh_database, REFUSING, trigger)

    with pytest.raises(ContextIsMoving) as refused:
        async with shop.transaction() as connection:
            await connection.execute(text("INSERT INTO goods VALUES (1)"))
    await shop.close()

    assert (refused.value.code, refused.value.retry_after.total_seconds()) == ("context_is_moving", 1)


@pytest.mark.parametrize(
    ("closed_until", "closed"), [(None, False), (0, False), (1_000, False), (CLOSED, True)], ids=str
)
async def test_a_fence_is_closed_until_its_moment_has_come(
    shop: Database, fresh_database: DatabaseAddress, closed_until: int | None, closed: bool
) -> None:
    if closed_until is not None:
        made = ("CREATE SCHEMA hedgerow_extraction", f"CREATE SEQUENCE {fence_of('shop')} MINVALUE 0 START 0")
        await asyncio.to_thread(
            run_sql, fresh_database, *made, f"SELECT setval('{fence_of('shop')}', {closed_until})"
        )
    async with shop.reading() as connection:
        assert await is_closed(connection, "shop") is closed
    await shop.close()

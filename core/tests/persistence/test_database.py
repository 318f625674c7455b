"""What a failing database means to a caller."""

import asyncio
import traceback
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hedgerow_core.domain import ConflictError, UnavailableError
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence import database as database_module
from hedgerow_core.persistence.database import POOL_SIZE, POOL_WAIT_S
from hedgerow_core.testing import context_database

TWICE = text("INSERT INTO delivery_partitions (subscription, partition) VALUES ('a', 1), ('a', 1)")


async def test_a_broken_constraint_is_the_error_that_the_context_declared_for_it(
    shop_and_books: DatabaseAddress,
) -> None:
    def taken() -> ConflictError:
        return ConflictError("Taken.", code="shop.taken")

    async with context_database(shop_and_books, "shop", constraints={"delivery_partitions_pkey": taken}) as shop:
        with pytest.raises(ConflictError) as refused:
            async with shop.transaction() as connection:
                await connection.execute(TWICE)

    assert refused.value.code == "shop.taken"


async def test_a_constraint_without_a_declared_error_stays_what_it_is(shop: Database) -> None:
    with pytest.raises(IntegrityError):
        async with shop.transaction() as connection:
            await connection.execute(TWICE)


async def test_an_error_never_carries_what_somebody_wrote_into_a_row(shop: Database) -> None:
    insert = text("INSERT INTO delivery_partitions (subscription, partition) VALUES (:secret, NULL)")
    secret = uuid4().hex  # in no source line that a trace may quote

    with pytest.raises(IntegrityError) as broken:
        async with shop.transaction() as connection:
            await connection.execute(insert, {"secret": secret})

    written = "".join(traceback.format_exception(broken.value))
    assert "parameters hidden" in written
    assert secret not in written


async def test_a_statement_without_an_answer_ends_as_unavailable_and_leaves_the_pool_whole(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "COMMAND_TIMEOUT_S", 0.3)
    for _ in range(POOL_SIZE + 1):
        with pytest.raises(UnavailableError):
            async with shop.transaction() as connection:
                await connection.execute(text("SELECT pg_sleep(5)"))

    await shop.ping()


async def test_a_database_or_user_that_is_not_there_is_a_refusal_not_a_crash(
    shop_and_books: DatabaseAddress,
) -> None:
    for wrong in ({"database": "nowhere"}, {"username": "nobody_we_know"}):
        database = Database(DatabaseAddress(shop_and_books.url.set(**wrong)), "shop")
        with pytest.raises(UnavailableError) as refused:
            await database.ping()
        await database.close()

        assert refused.value.code == "database_refused"
        assert "nowhere" not in refused.value.message


def test_a_password_that_could_not_be_hidden_is_refused() -> None:
    with pytest.raises(ValueError, match="before the host"):
        DatabaseAddress.parse("postgresql://me@db/shop?password=hush")


async def test_who_waits_too_long_for_a_connection_is_told_to_come_back(shop_and_books: DatabaseAddress) -> None:
    shop = Database(shop_and_books, "shop")

    async def hold(held: asyncio.Event, release: asyncio.Event) -> None:
        async with shop.transaction() as connection:
            await connection.execute(text("SELECT 1"))
            held.set()
            await release.wait()

    release = asyncio.Event()
    signals = [asyncio.Event() for _ in range(POOL_SIZE)]
    holders = [asyncio.create_task(hold(held, release)) for held in signals]
    await asyncio.gather(*(held.wait() for held in signals))

    async with asyncio.timeout(POOL_WAIT_S * 3):
        with pytest.raises(UnavailableError) as refused:
            await shop.ping()
    release.set()
    await asyncio.gather(*holders)

    assert refused.value.code == "database_busy"
    await shop.ping()
    await shop.close()


async def test_a_full_disk_is_an_outage_and_no_mistake_of_ours(shop: Database) -> None:
    with pytest.raises(UnavailableError) as refused:
        async with shop.transaction() as connection:
            await connection.execute(text("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$"))

    assert refused.value.code == "database_full"
    await shop.ping()


async def test_a_database_for_reading_only_is_an_outage_for_who_writes(shop: Database) -> None:
    with pytest.raises(UnavailableError) as refused:
        async with shop.transaction() as connection:
            await connection.execute(text("DO $$ BEGIN SET TRANSACTION READ ONLY; CREATE TABLE t (); END $$"))

    assert refused.value.code == "database_read_only"
    await shop.ping()


async def test_a_connection_that_the_server_closed_is_replaced_without_anybody_noticing(
    shop: Database, books: Database
) -> None:
    async with shop.reading() as connection:
        first = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with books.engine.connect() as killer:
        await killer.execute(text("SET ROLE NONE"))
        ended = await killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        assert ended.scalar_one() is True
    await asyncio.sleep(0.1)

    async with shop.reading() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1

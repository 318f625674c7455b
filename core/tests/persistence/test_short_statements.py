"""A statement by the short way does what it does by the long one, fails as it fails, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import (
    ARRAY,
    Column,
    DateTime,
    Float,
    Integer,
    Interval,
    MetaData,
    Table,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    event,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound

from hedgerow_core.domain import ConflictError, UnavailableError, new_id
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence import database as database_module
from hedgerow_core.persistence.database import POOL_SIZE
from hedgerow_core.persistence.observing import Observer
from hedgerow_core.persistence.short_statements import insert_row, short_read
from hedgerow_core.testing import context_database

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ID = new_id()
_series = func.generate_series(bindparam("first", type_=Integer), bindparam("last", type_=Integer))
NUMBERS = _series.table_valued("n", name="numbers").render_derived()
COUNT = select(NUMBERS.c.n)
KINDS = select(
    bindparam("id", type_=Uuid).label("id"),
    bindparam("at", type_=DateTime(timezone=True)).label("at"),
    bindparam("document", type_=JSONB).label("document"),
    bindparam("names", type_=ARRAY(Text)).label("names"),
    bindparam("nothing", type_=JSONB).label("nothing"),
    literal(7, Integer).label("seven"),
)
IDLING = """
    SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hedgerow/shop' AND state LIKE 'idle in%'
"""
GIVEN: dict[str, Any] = {"id": ID, "at": NOW, "document": {"a": [1, "ö"]}, "names": ["x", "y"], "nothing": None}
SLEEP = select(func.pg_sleep(bindparam("seconds", type_=Integer)))
FOREIGN = select(Table("effects", MetaData(), Column("id", Integer), schema="books").c.id)
ANY_OF = COUNT.where(NUMBERS.c.n.in_(bindparam("these", expanding=True)))


async def test_it_finds_what_the_long_way_finds(shop: Database) -> None:
    short = await shop.row(KINDS, GIVEN)
    async with shop.reading() as connection:
        long = (await connection.execute(KINDS, GIVEN)).one()

    assert short is not None
    assert dict(short._mapping) == dict(long._mapping)
    assert (short.id, short.at, short.document, short.names, short.nothing, short.seven) == (
        ID,
        NOW,
        {"a": [1, "ö"]},
        ["x", "y"],
        None,
        7,
    )


async def test_it_is_compiled_once_and_sends_other_parameters_each_time(shop: Database) -> None:
    assert [row.n for row in await shop.rows(COUNT, {"first": 1, "last": 3})] == [1, 2, 3]
    compiled = dict(shop._short_reads)
    assert [row.n for row in await shop.rows(COUNT, {"first": 5, "last": 5})] == [5]
    assert dict(shop._short_reads) == compiled


async def test_it_leaves_no_transaction_and_no_connection_behind(shop: Database) -> None:
    for _ in range(POOL_SIZE * 2):
        await shop.rows(COUNT, {"first": 1, "last": 1})

    assert shop.in_use == 0
    async with shop.transaction() as connection:  # on the same connections, which are transactional again
        assert await connection.scalar(text(IDLING)) == 0
        first = await connection.scalar(text("SELECT pg_current_xact_id()"))
        assert await connection.scalar(text("SELECT pg_current_xact_id()")) == first


async def test_a_parameter_that_is_missing_is_an_error_and_no_null(shop: Database) -> None:
    with pytest.raises(KeyError, match="last"):
        await shop.rows(COUNT, {"first": 1})


async def test_what_is_only_known_when_it_is_executed_goes_the_long_way(shop: Database) -> None:
    assert short_read(ANY_OF, shop.engine.dialect) is None
    wanted = {"first": 1, "last": 9, "these": [2, 4]}
    assert [row.n for row in await shop.rows(ANY_OF, wanted)] == [2, 4]


async def test_a_number_that_the_driver_must_name_first_goes_the_long_way(shop: Database) -> None:
    half = select(cast(bindparam("half", type_=Float), Float(53)).label("half"))
    assert short_read(half, shop.engine.dialect) is None
    assert [row.half for row in await shop.rows(half, {"half": 0.5})] == [0.5]


async def test_a_text_that_says_what_it_finds_goes_the_short_way(shop: Database) -> None:
    named = text("SELECT 7 AS seven WHERE 'x' = ANY(:names)").bindparams(bindparam("names", type_=ARRAY(Text)))
    seven = named.columns(column("seven", Integer))
    assert short_read(seven, shop.engine.dialect) is not None
    assert [row.seven for row in await shop.rows(seven, {"names": ["x", "y"]})] == [7]


async def test_more_than_one_row_is_not_the_only_one(shop: Database) -> None:
    assert await shop.row(COUNT, {"first": 2, "last": 1}) is None
    with pytest.raises(MultipleResultsFound):
        await shop.row(COUNT, {"first": 1, "last": 2})


async def test_a_statement_that_the_role_may_not_run_is_refused_and_told(shop: Database, books: Database) -> None:
    async with books.engine.connect() as connection:
        for statement in ("SET ROLE NONE", "CREATE TABLE effects (id integer)"):
            await connection.execute(text(statement))
        await connection.commit()
    refused: list[str] = []
    shop.observer = Observer(nested=lambda _other: None, refused=lambda: refused.append("refused"))

    with pytest.raises(DBAPIError, match="permission denied"):
        await shop.rows(FOREIGN, {})

    assert refused == ["refused"]
    assert shop.in_use == 0


async def test_a_statement_without_an_answer_ends_as_unavailable(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "COMMAND_TIMEOUT_S", 0.3)
    with pytest.raises(UnavailableError):
        await shop.rows(SLEEP, {"seconds": 5})
    assert [row.n for row in await shop.rows(COUNT, {"first": 1, "last": 1})] == [1]


async def test_who_gives_up_waiting_takes_the_connection_along(shop: Database) -> None:
    reading = asyncio.create_task(shop.rows(SLEEP, {"seconds": 5}))
    while shop.in_use == 0:  # noqa: ASYNC110 - the pool tells nobody
        await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert [row.n for row in await shop.rows(COUNT, {"first": 1, "last": 1})] == [1]
    assert shop.in_use == 0


async def test_a_connection_that_the_server_has_ended_is_replaced(shop: Database) -> None:
    await shop.rows(COUNT, {"first": 1, "last": 1})
    async with shop.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hedgerow/shop'"
        with pytest.raises(DBAPIError):
            await connection.execute(text(end))

    assert [row.n for row in await shop.rows(COUNT, {"first": 1, "last": 1})] == [1]


async def test_interval_and_other_types_travel_as_the_dialect_says(shop: Database) -> None:
    later = select(
        (bindparam("at", type_=DateTime(timezone=True)) + bindparam("by", type_=Interval)).label("later")
    )

    row = await shop.row(later, {"at": NOW, "by": timedelta(hours=2)})
    assert row is not None
    assert row.later == NOW + timedelta(hours=2)


async def test_who_watches_the_statements_sees_all_of_them(shop: Database) -> None:
    seen: list[str] = []

    def see(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement.split()[0])

    event.listen(shop.engine.sync_engine, "before_cursor_execute", see)
    await shop.rows(COUNT, {"first": 1, "last": 1})
    async with shop.transaction() as connection:
        await insert_row(connection, ADD, {"subscription": "a", "partition": 1})

    assert seen == ["SELECT", "INSERT"]


PARTITIONS = Table("delivery_partitions", MetaData(), Column("subscription", Text), Column("partition", Integer))
ADD = insert(PARTITIONS)
ALL = select(PARTITIONS.c.subscription, PARTITIONS.c.partition).order_by(PARTITIONS.c.partition)


async def test_rows_leave_with_their_transaction_or_not_at_all(shop: Database) -> None:
    with suppress(RuntimeError):
        async with shop.transaction() as connection:
            await insert_row(connection, ADD, {"subscription": "a", "partition": 1})
            raise RuntimeError
    async with shop.transaction() as connection:
        for number in (2, 3):
            await insert_row(connection, ADD, {"subscription": "a", "partition": number})
        assert not await shop.rows(ALL, {}), "nobody sees them before the commit"

    assert [tuple(row) for row in await shop.rows(ALL, {})] == [("a", 2), ("a", 3)]


async def test_a_row_with_other_columns_is_no_row_of_this_statement(shop: Database) -> None:
    async with shop.transaction() as connection:
        await insert_row(connection, ADD, {"subscription": "a", "partition": 1})
        with pytest.raises(KeyError, match="partition"):
            await insert_row(connection, ADD, {"subscription": "a"})


async def test_a_broken_constraint_is_the_declared_error_and_shows_no_values(
    shop_and_books: DatabaseAddress,
) -> None:
    def taken() -> ConflictError:
        return ConflictError("Taken.", code="shop.taken")

    secret = new_id().hex
    async with context_database(shop_and_books, "shop", constraints={"delivery_partitions_pkey": taken}) as shop:
        async with shop.transaction() as connection:
            await insert_row(connection, ADD, {"subscription": "a", "partition": 1})
        with pytest.raises(ConflictError):
            async with shop.transaction() as connection:
                await insert_row(connection, ADD, {"subscription": "a", "partition": 1})
        with pytest.raises(IntegrityError) as broken:
            async with shop.transaction() as connection:
                await insert_row(connection, ADD, {"subscription": secret, "partition": None})
        assert len(await shop.rows(ALL, {})) == 1

    assert secret not in "".join(traceback.format_exception(broken.value))

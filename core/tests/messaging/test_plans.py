"""Whoever works on a partition reads that partition, also while PostgreSQL knows nothing about the table yet.

Statistics come with the first autovacuum, a minute or more after the rows; behind a long transaction dead rows pile
up meanwhile. What is counted is buffers, which do not depend on the machine.
"""

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import deliveries, partitions
from hedgerow_core.persistence import Database

NAME = "books.note_order"
BUFFERS = 2_000
"""A partition of the crowd has 313 rows; the crowd has some 20,000."""

CROWD = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, attempts)
    SELECT gen_random_uuid(), 'books.note_order', 'shop', n, 'key ' || n, n % 64, 'shop.order_placed', 1, '{}',
        now(), CASE WHEN n % 640 = 1 THEN 'dead' ELSE 'pending' END, 0
    FROM generate_series(1, 20000) n
    """
)
PAST_THE_PARTITION = """
    CREATE INDEX past_the_partition ON books.deliveries (subscription, ordering_key, position)
    WHERE state IN ('pending', 'processing', 'retry_wait', 'dead', 'parked')
"""
STATEMENTS = {
    "claim": (deliveries._CLAIM, {"token": 1, "owner": "test", "ordered": True, "batch": 100}),
    "claim of orphans": (deliveries._CLAIM_ORPHANS, {"token": 1, "owner": "test", "ordered": True, "batch": 1}),
    "parking": (deliveries._PARK_FOLLOWERS, {}),
    "completion": (deliveries._COMPLETE, {"ids": "{}", "token": 1}),
}


async def crowd_into(connection: AsyncConnection) -> None:
    await partitions.register(connection, [NAME])
    await connection.execute(CROWD)


async def as_owner(books: Database, statement: str) -> None:
    async with books.transaction() as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))
        await connection.execute(text(statement))


async def prepare(connection: AsyncConnection) -> None:
    """Have the statements planned once, for whatever comes: as a worker's connections do after a few turns."""
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    for nth, (statement, parameters) in enumerate(STATEMENTS.values()):
        where = {"subscription": NAME, "partition": 1}
        bound = statement.bindparams(**where, **parameters)
        literal = bound.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        await connection.exec_driver_sql(f"PREPARE statement_{nth} AS {literal}")
        await connection.exec_driver_sql(f"EXECUTE statement_{nth}")


async def buffers(connection: AsyncConnection) -> dict[str, int]:
    """How many buffers each statement touches in partition 1."""
    touched = {}
    for nth, name in enumerate(STATEMENTS):
        rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE statement_{nth}")
        (plan,) = rows.scalar_one()
        touched[name] = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    return touched


async def test_work_on_a_partition_reads_that_partition_though_planned_for_an_empty_table(books: Database) -> None:
    async with books.transaction() as connection:
        await prepare(connection)
        await crowd_into(connection)
        touched = await buffers(connection)

    assert 0 < min(touched.values()) <= max(touched.values()) < BUFFERS, touched


async def test_work_on_a_partition_reads_that_partition_with_statistics(books: Database) -> None:
    async with books.transaction() as connection:
        await crowd_into(connection)
    await as_owner(books, "ANALYZE deliveries")
    async with books.transaction() as connection:
        await prepare(connection)
        touched = await buffers(connection)

    assert 0 < min(touched.values()) <= max(touched.values()) < BUFFERS, touched


async def test_an_index_that_leads_past_the_partition_is_taken_and_seen(books: Database) -> None:
    await as_owner(books, PAST_THE_PARTITION)
    async with books.transaction() as connection:
        await prepare(connection)
        await crowd_into(connection)
        touched = await buffers(connection)

    assert max(touched.values()) > BUFFERS, touched

"""The ledger does not grow for ever, and nothing goes that somebody still needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import Consumer, Envelope, Housekeeping, LedgerWork, Relay, Subscription, consumers_of
from hedgerow_core.persistence import Database

WEEK = timedelta(days=7)
A_RANGE, HEADROOM = 10_000, 1_000


class Placed(BaseModel):
    number: int


async def ignore(_event: Placed, _envelope: Envelope, _work: LedgerWork) -> None:
    return None


def subscription(name: str = "books.note", **options: Any) -> Subscription:
    return Subscription(name=name, event="shop.order_placed", model=Placed, handle=ignore, **options)


@asynccontextmanager
async def as_owner(database: Database) -> AsyncIterator[AsyncConnection]:
    """What only the owner of the schema may do: to let time pass."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        yield connection
        await connection.commit()
    await database.engine.dispose()


async def publish(shop: Database, *numbers: int) -> None:
    async with shop.transaction() as connection:
        statement = text(
            """
            INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
                occurred_at)
            VALUES (:id, 'shop.order_placed', 1, 'order', :id, 1, jsonb_build_object('number', CAST(:n AS int)),
                clock_timestamp())
            """
        )
        for number in numbers:
            await connection.execute(statement, {"id": uuid4(), "n": number})


async def fill_up(shop: Database) -> None:
    """Use up the ids of the range that is being filled."""
    async with as_owner(shop) as connection:
        await connection.execute(
            text(
                """
                SELECT setval('outbox_id_seq', min(until_id) - 1) FROM outbox_ranges
                WHERE until_id - 1 > (SELECT last_value FROM outbox_id_seq)
                """
            )
        )


async def let_pass(shop: Database, time: timedelta) -> None:
    async with as_owner(shop) as connection:
        await connection.execute(
            text(
                "UPDATE outbox_ranges "
                "SET filled_at = filled_at - CAST(:t AS interval), cut_at = cut_at - CAST(:t AS interval)"
            ),
            {"t": time},
        )
        await connection.execute(
            text("UPDATE feed_consumers SET reported_at = reported_at - CAST(:t AS interval)"), {"t": time}
        )
        await connection.execute(
            text("UPDATE outbox SET occurred_at = occurred_at - CAST(:t AS interval)"), {"t": time}
        )


async def numbers(database: Database, statement: str) -> list[int]:
    async with database.reading() as connection:
        return list((await connection.execute(text(statement))).scalars())


async def kept(shop: Database) -> list[int]:
    return await numbers(shop, "SELECT (payload->>'number')::int FROM outbox ORDER BY id")


async def carried(books: Database) -> list[int]:
    return await numbers(books, "SELECT (payload->>'number')::int FROM deliveries ORDER BY position")


async def opened(books: Database, holder: str = "relay", **options: Any) -> Relay:
    relay = Relay(books, "shop", [subscription(**options)], holder=holder)
    await relay.open()
    return relay


async def carry(relay: Relay) -> None:
    while await relay.step():
        pass


async def report(relay: Relay) -> None:
    """Step as after some idle seconds, when a relay renews its lease and reports where it is."""
    relay._renew_at = relay._report_at = 0.0
    await carry(relay)


def keeper(shop: Database, consumers: dict[str, Consumer] | None = None) -> Housekeeping:
    return Housekeeping(shop, consumers or {}, keep_events=WEEK)


Keep = Callable[[], Awaitable[None]]


@pytest.fixture
async def keep(shop: Database) -> Keep:
    housekeeping = keeper(shop)
    await housekeeping.open()

    async def run() -> None:
        await housekeeping.cut()
        await housekeeping.retire()

    return run


async def ranges(shop: Database) -> list[tuple[int, int]]:
    async with shop.reading() as connection:
        rows = await connection.execute(text("SELECT from_id, until_id FROM outbox_ranges ORDER BY from_id"))
        return [(row.from_id, row.until_id) for row in rows]


async def test_one_empty_range_always_lies_ahead(shop: Database, keep: Keep) -> None:
    assert await ranges(shop) == [(0, A_RANGE), (A_RANGE, 2 * A_RANGE)]
    await keep()
    assert len(await ranges(shop)) == 2

    await fill_up(shop)
    await publish(shop, 1)
    await keep()

    assert [start for start, _end in await ranges(shop)] == [0, A_RANGE, 2 * A_RANGE]


async def test_a_range_is_as_large_as_a_day_needs(shop: Database, keep: Keep) -> None:
    async with as_owner(shop) as connection:
        await connection.execute(text("UPDATE outbox_ranges SET cut_at = cut_at - interval '6 hours'"))
    await fill_up(shop)
    await publish(shop, 1)

    await keep()

    start, end = (await ranges(shop))[-1]
    assert 3.9 * A_RANGE < end - start <= 4 * A_RANGE


async def test_what_outruns_the_ranges_is_kept_beside_them_and_carried(
    shop: Database, books: Database, keep: Keep
) -> None:
    relay = await opened(books)
    await fill_up(shop)
    await fill_up(shop)
    await publish(shop, 1, 2)
    await keep()
    await publish(shop, 3)

    await carry(relay)

    assert await carried(books) == [1, 2, 3]
    assert (await ranges(shop))[-1][0] == 2 * A_RANGE + 1 + HEADROOM, (
        "the next range begins well behind what outran it"
    )


async def test_a_statement_that_is_running_while_a_range_is_cut_is_not_refused(shop: Database, keep: Keep) -> None:
    """It was planned before the range was there, and draws its ids afterwards."""
    await fill_up(shop)
    await fill_up(shop)
    slowly = text(
        """
        INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
            occurred_at)
        SELECT gen_random_uuid(), 'shop.order_placed', 1, 'order', gen_random_uuid(), 1,
            jsonb_build_object('number', number), clock_timestamp()
        FROM (SELECT number, pg_sleep(0.5) FROM generate_series(1, 3) number OFFSET 0) slowly
        """
    )

    async def insert() -> None:
        async with shop.transaction() as connection:
            await connection.execute(slowly)

    inserting = asyncio.create_task(insert())
    await asyncio.sleep(0.2)
    await keep()
    assert len(await ranges(shop)) == 3, "the range was cut while the statement ran"
    await inserting

    assert await kept(shop) == [1, 2, 3]


async def test_a_full_range_goes_when_it_is_old_and_passed(shop: Database, books: Database, keep: Keep) -> None:
    relay = await opened(books)
    await publish(shop, 1)
    await fill_up(shop)
    await publish(shop, 2)
    await carry(relay)
    await keep()
    await let_pass(shop, WEEK)
    await report(relay)

    await keep()

    assert await kept(shop) == [2]
    assert await carried(books) == [1, 2]


async def test_a_range_stays_while_it_is_young(shop: Database, books: Database, keep: Keep) -> None:
    relay = await opened(books)
    await publish(shop, 1)
    await fill_up(shop)
    await publish(shop, 2)
    await report(relay)

    await keep()
    await keep()

    assert await kept(shop) == [1, 2]


async def test_a_range_stays_while_a_living_subscriber_has_not_passed_it(
    shop: Database, books: Database, keep: Keep
) -> None:
    fast, slow = await opened(books, name="books.fast"), await opened(books, name="books.slow")
    await report(slow)
    await publish(shop, 1)
    await fill_up(shop)
    await publish(shop, 2)
    await keep()
    await let_pass(shop, WEEK)
    async with as_owner(shop) as connection:
        await connection.execute(text("UPDATE feed_consumers SET reported_at = clock_timestamp()"))
    await report(fast)

    await keep()
    assert await kept(shop) == [1, 2]
    await report(slow)
    await carry(slow)

    assert await carried(books) == [1, 1, 2, 2]


async def test_what_outran_the_ranges_goes_too(shop: Database, books: Database, keep: Keep) -> None:
    relay = await opened(books)
    await fill_up(shop)
    await fill_up(shop)
    await publish(shop, 1, 2)
    await keep()
    await carry(relay)
    await let_pass(shop, WEEK + timedelta(hours=1))
    await report(relay)

    await keep()

    assert await kept(shop) == []


async def late(shop: Database, books: Database, keep: Keep) -> Relay:
    """A subscriber that comes back after events that it has not read have gone."""
    relay = await opened(books)
    await publish(shop, 1)
    await report(relay)
    await publish(shop, 2)
    await fill_up(shop)
    await publish(shop, 3)
    await keep()
    await let_pass(shop, WEEK + timedelta(days=1))
    await keep()
    assert await kept(shop) == [3]
    return await opened(books, holder="relay")


async def test_a_subscriber_that_falls_behind_the_window_stops_loudly_and_skips_nothing(
    shop: Database, books: Database, keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    relay = await late(shop, books, keep)

    await carry(relay)
    await carry(relay)

    assert await carried(books) == [1], "3 must not be delivered as if 2 had never been"
    expired = await numbers(books, "SELECT count(*) FROM feed_cursors WHERE expired_at IS NOT NULL")
    assert expired == [1]


async def test_a_new_subscriber_gets_what_is_still_there(shop: Database, books: Database, keep: Keep) -> None:
    await late(shop, books, keep)

    await carry(await opened(books, name="books.new"))

    assert await numbers(
        books, "SELECT (payload->>'number')::int FROM deliveries WHERE subscription = 'books.new'"
    ) == [3]


async def test_a_context_may_have_its_ranges_cut_but_drops_no_table_itself(shop: Database) -> None:
    for statement in (
        "DROP TABLE outbox_0",
        "TRUNCATE outbox_0",
        "DELETE FROM outbox_0",
        "UPDATE outbox_ranges SET until_id = 0",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            async with shop.engine.begin() as connection:
                await connection.execute(text(statement))


async def completed_long_ago(books: Database, ago: timedelta) -> None:
    async with books.transaction() as connection:
        done = text(
            "UPDATE deliveries SET state = 'completed', completed_at = clock_timestamp() - CAST(:ago AS interval)"
        )
        await connection.execute(done, {"ago": ago})


async def prune(books: Database, **options: Any) -> None:
    consumers = consumers_of([subscription(**options)], [])
    housekeeping = keeper(books, consumers)
    await housekeeping.open()
    await housekeeping.prune()


async def gone_from_outbox(shop: Database) -> None:
    async with as_owner(shop) as connection:
        await connection.execute(text("TRUNCATE outbox"))


async def test_a_completed_delivery_goes_after_its_dedupe_window(shop: Database, books: Database) -> None:
    await publish(shop, 1)
    await carry(await opened(books))
    await completed_long_ago(books, timedelta(days=31))
    await gone_from_outbox(shop)

    await prune(books)

    assert await carried(books) == []


@pytest.mark.parametrize(
    ("ago", "keep_completed"), [(timedelta(days=29), timedelta(days=30)), (timedelta(days=4000), None)]
)
async def test_within_its_window_it_stays_and_without_a_window_for_ever(
    shop: Database, books: Database, ago: timedelta, keep_completed: timedelta | None
) -> None:
    await publish(shop, 1)
    await carry(await opened(books))
    await completed_long_ago(books, ago)
    await gone_from_outbox(shop)

    await prune(books, keep_completed=keep_completed)

    assert await carried(books) == [1]


async def test_it_stays_while_its_event_could_be_carried_again(shop: Database, books: Database) -> None:
    await publish(shop, 1)
    await carry(await opened(books))
    await completed_long_ago(books, timedelta(days=31))

    await prune(books)

    assert await carried(books) == [1]


async def test_what_is_not_completed_is_never_pruned(shop: Database, books: Database) -> None:
    await publish(shop, 1)
    await carry(await opened(books))
    await completed_long_ago(books, timedelta(days=31))
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'dead'"))
    await gone_from_outbox(shop)

    await prune(books)

    assert await carried(books) == [1]


async def test_a_consumer_says_for_how_long_it_keeps(books: Database) -> None:
    (consumer,) = consumers_of([subscription(keep_completed=None)], []).values()

    assert consumer.keep_completed is None
    assert replace(consumer, keep_completed=WEEK).keep_completed == WEEK

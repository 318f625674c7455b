"""A replay carries what a subscription never had, in order, and lets an expired feed go on; nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from hedgerow_core.domain import NotFoundError, new_id
from hedgerow_core.messaging import Relay, Start, Subscription, replay, trail
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.feed import EventFilter
from hedgerow_core.messaging.replay import Replay, ReplayBatch
from hedgerow_core.messaging.trail import AuditFilter
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import MigratedDatabases, context_database

NAME = "books.note_order"
DECISION = Decision(by="ann", why="the history is missing")
PUBLISH = text(
    """
    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at)
    VALUES (:id, :type, :version, 'order', :aggregate, 1, jsonb_build_object('number', CAST(:number AS int)),
        clock_timestamp())
    """
)
AN_ORDER = UUID(int=1)


class PlacedOrder(BaseModel):
    number: int


async def ignore(*_: Any) -> None: ...


def subscription(**options: Any) -> Subscription:
    return Subscription(name=NAME, event="shop.order_placed", model=PlacedOrder, handle=ignore, **options)


def a_replay(*, again: bool = False, **which: Any) -> Replay:
    return Replay(subscription=subscription(), which=EventFilter(**which), again=again)


async def publish(
    shop: Database, *numbers: int, aggregate: UUID = AN_ORDER, type: str = "shop.order_placed", version: int = 1
) -> list[UUID]:
    ids = [new_id() for _ in numbers]
    async with shop.transaction() as connection:
        for id, number in zip(ids, numbers, strict=True):
            where = {"id": id, "number": number, "aggregate": aggregate, "type": type, "version": version}
            await connection.execute(PUBLISH, where)
    return ids


async def relayed(books: Database, **options: Any) -> None:
    """The feed does one step: opens its cursor, and carries what is new."""
    relay = Relay(books, "shop", [subscription(**options)], holder="test")
    await relay.open()
    await relay.step()


async def carry(books: Database, wanted: Replay, *, limit: int = 1_000, after: int = 0) -> list[int]:
    """All batches of a replay; how many each has changed."""
    changed: list[int] = []
    batch: ReplayBatch | None = None
    while batch is None or batch.more:
        async with books.transaction() as connection:
            batch = await replay.carry(connection, wanted, DECISION, limit=limit, before=batch, after=after)
        changed.append(batch.changed)
    return changed


async def numbers(books: Database) -> list[int]:
    async with books.reading() as connection:
        rows = await connection.execute(text("SELECT payload FROM deliveries ORDER BY position"))
        return [row.payload["number"] for row in rows]


async def expire(books: Database) -> None:
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE feed_cursors SET expired_at = now(), holder = NULL"))
        await connection.execute(text("UPDATE feed_cursors SET expires_at = '-infinity'"))


async def test_a_replay_brings_what_a_late_start_left_out_and_nothing_twice(
    shop: Database, books: Database
) -> None:
    await publish(shop, 1, 2)
    await relayed(books, start=Start.LATEST)
    await publish(shop, 3)
    await relayed(books, start=Start.LATEST)
    assert await numbers(books) == [3]

    assert await carry(books, a_replay()) == [2]

    assert await numbers(books) == [1, 2, 3]
    assert await carry(books, a_replay()) == [0]


async def test_only_events_of_the_type_and_versions_that_the_subscription_reads_are_carried(
    shop: Database, books: Database
) -> None:
    await publish(shop, 1, type="shop.order_canceled")
    await publish(shop, 2)
    newer = Replay(subscription=subscription(version=2), which=EventFilter())

    assert await carry(books, newer) == [0]
    assert await carry(books, a_replay()) == [1]


@pytest.mark.parametrize("chosen", ["ids", "aggregate_id", "since"])
async def test_a_replay_may_be_narrowed(shop: Database, books: Database, chosen: str) -> None:
    await publish(shop, 1)
    async with shop.reading() as connection:
        now = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    other = UUID(int=2)
    (id,) = await publish(shop, 2, aggregate=other)
    which: dict[str, Any] = {
        "ids": {"ids": (id,)},
        "aggregate_id": {"aggregate_id": other},
        "since": {"since": now},
    }

    await carry(books, a_replay(**which[chosen]))

    assert await numbers(books) == [2]


async def test_an_expired_feed_stands_still_until_it_is_replayed_and_then_goes_on(
    shop: Database, books: Database
) -> None:
    await publish(shop, 1)
    await relayed(books)
    await expire(books)
    await publish(shop, 2, 3)
    await relayed(books)
    assert await numbers(books) == [1]

    assert await carry(books, a_replay(), limit=1) == [1, 1, 0]
    await publish(shop, 4)
    await relayed(books)

    assert await numbers(books) == [1, 2, 3, 4]


async def test_a_narrowed_replay_leaves_an_expired_feed_stopped_because_the_rest_would_be_lost(
    shop: Database, books: Database
) -> None:
    await relayed(books)
    await expire(books)
    first, _second = await publish(shop, 1, 2)

    await carry(books, a_replay(ids=(first,)))
    await relayed(books)

    assert await numbers(books) == [1]
    async with books.reading() as connection:
        found = await replay.preview(connection, a_replay())
    assert (found.stopped, found.missing) == (True, 1)


async def test_a_replay_passes_no_event_of_a_transaction_that_commits_late(shop: Database, books: Database) -> None:
    """The relay brings it, and with it what came after: never a later one first."""
    await relayed(books)
    await expire(books)
    async with shop.engine.connect() as late:
        where = {"id": new_id(), "number": 1, "aggregate": AN_ORDER, "type": "shop.order_placed", "version": 1}
        await late.execute(PUBLISH, where)
        await publish(shop, 2, aggregate=UUID(int=2))
        async with books.transaction() as connection:
            first = await replay.carry(connection, a_replay(), DECISION, limit=1)
        await late.commit()
    await publish(shop, 3)
    async with books.transaction() as connection:
        await replay.carry(connection, a_replay(), DECISION, before=first)
    assert await numbers(books) == [2]

    await relayed(books)

    assert await numbers(books) == [1, 2, 3]


async def test_again_sets_going_what_ended_and_leaves_alone_what_is_on_its_way(
    shop: Database, books: Database
) -> None:
    await publish(shop, 1, 2, 3, 4)
    await relayed(books)
    async with books.transaction() as connection:
        for position, state in ((1, "completed"), (2, "discarded"), (3, "dead")):
            where = {"number": position, "state": state}
            set_state = (
                "UPDATE deliveries SET state = :state, attempts = 9 WHERE (payload ->> 'number')::int = :number"
            )
            await connection.execute(text(set_state), where)
    async with books.reading() as connection:
        found = await replay.preview(connection, a_replay(again=True))

    assert (found.missing, found.ended, found.under_way) == (0, 3, 1)
    assert await carry(books, a_replay()) == [0]
    assert await carry(books, a_replay(again=True), limit=2) == [2, 1]
    async with books.reading() as connection:
        rows = await connection.execute(text("SELECT state, attempts FROM deliveries"))
        assert {tuple(row) for row in rows} == {("pending", 0)}


async def test_an_interrupted_replay_goes_on_behind_the_position_that_it_reached(
    shop: Database, books: Database
) -> None:
    await publish(shop, 1, 2, 3)
    await relayed(books)
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'completed'"))
        first = await replay.carry(connection, a_replay(again=True), DECISION, limit=2)
        # The worker is quick.
        await connection.execute(text("UPDATE deliveries SET state = 'completed'"))

    assert await carry(books, a_replay(again=True), after=first.reached) == [1]


async def test_every_batch_of_a_replay_is_written_down_as_part_of_the_first(
    shop: Database, books: Database
) -> None:
    await publish(shop, 1, 2, 3)

    await carry(books, a_replay(aggregate_id=AN_ORDER), limit=1)

    async with books.reading() as connection:
        *further, first = await trail.listed(connection, AuditFilter(), limit=9)
    assert (first.action, first.actor, first.affected) == ("ledger.replay", "ann", 1)
    assert first.details == {"subscription": NAME, "aggregate_id": str(AN_ORDER)}
    assert [(entry.affected, entry.details["continues"]) for entry in further] == [(1, first.id)] * 2


@pytest.fixture
def without_shop(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(books=()) as address:
        yield address


async def test_where_the_publisher_is_not_there_is_nothing_to_replay(without_shop: DatabaseAddress) -> None:
    async with context_database(without_shop, "books") as books:
        with pytest.raises(NotFoundError, match="outbox of shop"):
            await carry(books, a_replay())

"""An operator learns how a ledger stands: what waits, for how long, and what somebody should look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from hedgerow_core.messaging import Relay, Subscription, health, partitions
from hedgerow_core.messaging.health import Alarm, Matter, SubscriptionHealth, alarms
from hedgerow_core.persistence import Database

NAME = "books.note_order"
NO_TIME = timedelta(0)
MANY = 60_000
"""More than the planner reads in one go rather than by an index."""

INSERT = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, next_at)
    VALUES (:id, :name, 'shop', :position, :key, :partition, 'shop.order_placed', 1, '{}', clock_timestamp(),
        :state, clock_timestamp() - CAST(:due_since AS interval))
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A delivery, as far as its health is concerned."""

    state: str = "pending"
    due_since: timedelta = NO_TIME
    key: str = "a"
    partition: int = 1
    name: str = NAME


async def put(books: Database, *rows: Row) -> None:
    async with books.transaction() as connection:
        for position, row in enumerate(rows, 1):
            await connection.execute(INSERT, {"id": uuid4(), "position": position, **asdict(row)})


async def stand(books: Database, name: str = NAME) -> SubscriptionHealth:
    async with books.reading() as connection:
        found = await health.look(connection, [NAME], publishers=["shop", "somewhere_else"])
    return {stands.subscription: stands for stands in found}[name]


async def run(database: Database, sql: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text(sql))


async def test_a_subscription_that_never_had_a_delivery_is_healthy(books: Database) -> None:
    assert list(alarms([await stand(books)], stale_after_s=60)) == []


async def test_deliveries_are_counted_by_state_and_completed_ones_never(books: Database) -> None:
    states = ["pending", "processing", "retry_wait", "dead", "parked", "parked", "completed", "discarded"]
    await put(books, *(Row(state=state) for state in states))

    found = await stand(books)

    assert (found.pending, found.retry, found.dead, found.parked) == (2, 1, 1, 2)


async def test_a_subscription_that_this_build_does_not_know_is_seen_once_the_ledger_met_it(books: Database) -> None:
    async with books.transaction() as connection:
        await partitions.register(connection, ["books.gone"])
    await put(books, Row(state="dead", name="books.gone"))

    assert (await stand(books, "books.gone")).dead == 1


@pytest.mark.parametrize(
    ("rows", "age_s"),
    [
        ([Row(due_since=timedelta(minutes=5))], 300),
        ([Row(state="processing", due_since=timedelta(minutes=5))], 300),
        ([Row(state="retry_wait", due_since=timedelta(minutes=5))], 300),
        ([Row(due_since=timedelta(minutes=-5))], 0),  # a task that was asked for later
        ([Row(due_since=timedelta(minutes=-5)), Row(due_since=timedelta(minutes=2))], 120),
        ([Row(due_since=timedelta(minutes=1)), Row(due_since=timedelta(minutes=9), partition=63)], 540),
        ([Row(due_since=timedelta(minutes=1)), Row(due_since=timedelta(minutes=9))], 540),
        ([Row(state=state, due_since=timedelta(days=1)) for state in ("completed", "dead", "parked")], 0),
    ],
)
async def test_the_age_is_that_of_the_delivery_that_has_been_due_for_the_longest_time(
    books: Database, rows: list[Row], age_s: float
) -> None:
    await put(books, *rows)

    assert (await stand(books)).oldest_pending_s == pytest.approx(age_s, abs=5)


async def test_a_lease_that_ran_out_is_seen_and_one_that_was_given_back_is_not(books: Database) -> None:
    async with books.transaction() as connection:
        await partitions.register(connection, [NAME])
        given_back = await partitions.take(connection, NAME, 1, owner="alive")
        assert given_back is not None
        await partitions.release(connection, given_back)
        await partitions.take(connection, NAME, 2, owner="killed")
        await connection.execute(
            text(
                "UPDATE delivery_partitions SET expires_at = clock_timestamp() - interval '1 s' WHERE partition = 2"
            )
        )

    assert (await stand(books)).expired_leases == 1


class Order(BaseModel):
    number: int


async def _never(*_: Any) -> None:
    raise AssertionError


@pytest.fixture
async def relay(shop: Database, books: Database) -> Relay:
    wanted = Subscription(name=NAME, event="shop.order_placed", model=Order, handle=_never)
    relay = Relay(books, "shop", [wanted], holder="test")
    await relay.open()
    return relay


PUBLISH = """
    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at)
    SELECT gen_random_uuid(), 'shop.order_placed', 1, 'order', gen_random_uuid(), 1,
        jsonb_build_object('number', n), clock_timestamp() - interval '{ago}'
    FROM generate_series(1, {count}) n
"""


async def test_an_event_lags_until_it_is_carried(shop: Database, books: Database, relay: Relay) -> None:
    before = await stand(books)
    await run(shop, PUBLISH.format(count=1, ago="5 min"))
    waiting = await stand(books)
    while await relay.step():
        pass
    carried = await stand(books)

    assert (before.publisher, before.relay_lag_s, carried.relay_lag_s) == ("shop", None, None)
    assert waiting.relay_lag_s == pytest.approx(300, abs=5)


async def test_an_event_behind_the_page_that_was_carried_lags(
    shop: Database, books: Database, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow_core.messaging.relay.PAGE", 2)
    await run(shop, PUBLISH.format(count=2, ago="1 h"))
    await run(shop, PUBLISH.format(count=1, ago="5 min"))
    assert (await stand(books)).relay_lag_s == pytest.approx(3600, abs=5)

    assert await relay.step(), "there is another page"

    assert (await stand(books)).relay_lag_s == pytest.approx(300, abs=5)


async def test_the_lag_of_a_feed_that_is_read_again_after_a_restore_can_be_asked_for(
    shop: Database, books: Database, relay: Relay
) -> None:
    await run(shop, PUBLISH.format(count=1, ago="5 min"))
    await run(books, "UPDATE feed_cursors SET snapshot = 'rescan'")

    assert (await stand(books)).relay_lag_s == pytest.approx(300, abs=5)


def healthy(**changes: Any) -> SubscriptionHealth:
    well: dict[str, Any] = {
        "subscription": NAME, "pending": 7, "retry": 1, "dead": 0, "parked": 0, "oldest_pending_s": 59.0,
        "expired_leases": 1, "paused": False, "publisher": "shop", "relay_lag_s": 59.0, "feed_expired_s": None,
    }  # fmt: skip
    return SubscriptionHealth(**well | changes)


@pytest.mark.parametrize(
    ("changes", "alarm"),
    [
        ({}, None),
        ({"oldest_pending_s": 61.0}, Alarm(subscription=NAME, what=Matter.STALE, age_s=61.0)),
        ({"oldest_pending_s": 61.0, "paused": True}, None),
        ({"dead": 3, "paused": True}, Alarm(subscription=NAME, what=Matter.DEAD, count=3)),
        ({"relay_lag_s": 61.0}, Alarm(subscription=NAME, what=Matter.NOT_CARRIED, age_s=61.0)),
        (
            {"relay_lag_s": 61.0, "feed_expired_s": 5.0},
            Alarm(subscription=NAME, what=Matter.FEED_EXPIRED, age_s=5.0),
        ),
    ],
)
def test_somebody_is_called_when_it_takes_too_long_or_wants_a_decision(
    changes: dict[str, Any], alarm: Alarm | None
) -> None:
    assert list(alarms([healthy(**changes)], stale_after_s=60)) == ([alarm] if alarm else [])


async def test_what_somebody_decided_raises_no_alarm(books: Database) -> None:
    await put(books, Row(state="dead"), Row(due_since=timedelta(hours=1)))
    assert {alarm.what for alarm in alarms([await stand(books)], stale_after_s=60)} == {"dead", "stale"}

    await run(books, "UPDATE deliveries SET skipped_at = clock_timestamp() WHERE state = 'dead'")
    await run(
        books, f"INSERT INTO paused_subscriptions (subscription, actor, reason) VALUES ('{NAME}', 'ann', 'x')"
    )

    assert list(alarms([await stand(books)], stale_after_s=60)) == []


async def test_an_expired_feed_raises_an_alarm(shop: Database, books: Database, relay: Relay) -> None:
    await run(books, "UPDATE feed_cursors SET expired_at = clock_timestamp() - interval '1 min'")

    (alarm,) = alarms([await stand(books)], stale_after_s=60)

    assert (alarm.what, alarm.age_s) == (Matter.FEED_EXPIRED, pytest.approx(60, abs=5))


FILL = """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, next_at)
    SELECT gen_random_uuid(), '{name}', 'shop', n, (n % 50000)::text, n % 64, 'shop.order_placed', 1, '{{}}',
        clock_timestamp(), '{state}', clock_timestamp() - interval '5 min'
    FROM generate_series(1, {count}) n
"""


async def rows_read(books: Database, statement: str) -> int:
    """Rows that PostgreSQL looked at in `deliveries`, by its own account, for the look or another statement."""
    async with books.reading() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")).scalar_one()
    nodes = list(_nodes(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]))
    assert nodes, "the plan is there"
    return int(
        sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes
            if node.get("Relation Name") == "deliveries"
        )
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


async def test_a_look_reads_no_more_of_a_long_backlog_than_it_counts(shop: Database, books: Database) -> None:
    for state in ("pending", "completed"):
        await run(books, FILL.format(name=NAME, state=state, count=MANY))
    async with books.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        await connection.execute(text("ANALYZE books.deliveries"))
        await connection.commit()
    look = health._statement(("shop",)).text.replace(":names", f"ARRAY['{NAME}']")

    read = await rows_read(books, look)
    found = await stand(books)

    assert found.pending == health.COUNTED_TO
    assert read <= health.COUNTED_TO + 64 * health.LOOKED_AT + 100
    counted = f"SELECT count(*) FROM deliveries WHERE subscription = '{NAME}' AND state = 'pending'"
    assert await rows_read(books, counted) >= MANY, "the twin: a plain count reads them all"

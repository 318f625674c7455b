"""Operators see every delivery, and what they decide takes effect once, in order, and is written down."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import deliveries, partitions, steering
from hedgerow_core.messaging.steering import DeliveryFilter, DeliveryState
from hedgerow_core.persistence import Database

NAME = "books.note_order"
INSERT = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, attempts, reason)
    VALUES (:id, 'books.note_order', 'shop', :position, :key, 1, 'shop.order_placed', 1, '{}', clock_timestamp(),
        :state, :attempts, :reason)
    """
)
BY = {"by": "ann", "why": "it was mended"}


@pytest.fixture
async def ledger(books: Database) -> Database:
    """A dead delivery with two parked followers, a dead one of another key, and a healthy one."""
    rows = [(1, "a", "dead"), (2, "a", "parked"), (3, "a", "parked"), (4, "b", "dead"), (5, "c", "pending")]
    async with books.transaction() as connection:
        await partitions.register(connection, [NAME])
        for position, key, state in rows:
            await connection.execute(
                INSERT,
                {
                    "id": id_of(position),
                    "position": position,
                    "key": key,
                    "state": state,
                    "attempts": 10 if state == "dead" else 0,
                    "reason": f"RuntimeError: Poison {position}" if state == "dead" else None,
                },
            )
    return books


def id_of(position: int) -> UUID:
    return UUID(int=position)


async def states(ledger: Database) -> dict[int, str]:
    async with ledger.reading() as connection:
        rows = await connection.execute(text("SELECT position, state FROM deliveries ORDER BY position"))
        return {row.position: row.state for row in rows}


async def test_a_retried_delivery_is_due_again_with_its_followers_behind_it(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        assert await steering.retry(connection, DeliveryFilter(ids=(id_of(1),)), **BY) == 1

    assert await states(ledger) == {1: "pending", 2: "pending", 3: "pending", 4: "dead", 5: "pending"}
    async with ledger.transaction() as connection:
        claim = await partitions.take(connection, NAME, 1, owner="test")
        assert claim is not None
        batch = await deliveries.claim_batch(connection, claim, ordered=True)
    assert [delivery.envelope.position for delivery in batch][:3] == [1, 2, 3]
    assert batch[0].envelope.attempt == 1


async def test_retrying_twice_changes_nothing_more(ledger: Database) -> None:
    which = DeliveryFilter(states=(DeliveryState.DEAD,))
    async with ledger.transaction() as connection:
        first = await steering.retry(connection, which, **BY)
        second = await steering.retry(connection, which, **BY)

    assert (first, second) == (2, 0)


async def test_a_discarded_delivery_never_runs_and_lets_its_followers_go_on(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        await steering.discard(connection, DeliveryFilter(ids=(id_of(1),)), **BY)

    assert await states(ledger) == {1: "discarded", 2: "pending", 3: "pending", 4: "dead", 5: "pending"}
    async with ledger.reading() as connection:
        (record,) = await steering.listed(connection, DeliveryFilter(ids=(id_of(1),)), limit=1)
    assert record.reason == "discarded by ann: it was mended"


async def test_a_follower_stays_parked_behind_another_dead_one_of_its_key(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'dead' WHERE position = 2"))
        await steering.discard(connection, DeliveryFilter(ids=(id_of(1),)), **BY)

    assert (await states(ledger))[3] == "parked"


@pytest.mark.parametrize(
    ("which", "positions"),
    [
        (DeliveryFilter(), [1, 2, 3, 4, 5]),
        (DeliveryFilter(ids=(id_of(2), id_of(5))), [2, 5]),
        (DeliveryFilter(states=(DeliveryState.DEAD,)), [1, 4]),
        (DeliveryFilter(states=(DeliveryState.DEAD, DeliveryState.PARKED)), [1, 2, 3, 4]),
        (DeliveryFilter(subscription="books.note_order"), [1, 2, 3, 4, 5]),
        (DeliveryFilter(subscription="books.other"), []),
        (DeliveryFilter(type="shop.order_placed", error="poison 4"), [4]),
        (DeliveryFilter(error="100%"), []),
        (DeliveryFilter(since=SystemClock().now() + timedelta(hours=1)), []),
        (DeliveryFilter(until=SystemClock().now() + timedelta(hours=1)), [1, 2, 3, 4, 5]),
    ],
)
async def test_deliveries_are_found_by_what_is_asked_for(
    ledger: Database, which: DeliveryFilter, positions: list[int]
) -> None:
    async with ledger.reading() as connection:
        found = await steering.listed(connection, which, limit=100)
        counts = await steering.counted(connection, which)

    assert sorted(record.event_id.int for record in found) == positions
    assert sum(counts.values()) == len(positions)


async def test_every_decision_is_written_down_with_who_why_which_and_how_many(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        await steering.retry(connection, DeliveryFilter(states=(DeliveryState.DEAD,)), **BY)

    async with ledger.reading() as connection:
        action = (await connection.execute(text("SELECT * FROM ledger_actions"))).one()
    assert (action.action, action.actor, action.reason) == ("retry", "ann", "it was mended")
    assert (action.filter, action.affected) == ({"states": ["dead"]}, 2)


async def test_a_completed_delivery_is_left_alone(ledger: Database) -> None:
    everything = DeliveryFilter(ids=(id_of(1), new_id()))
    async with ledger.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'completed' WHERE position = 1"))
        assert await steering.retry(connection, everything, **BY) == 0
        assert await steering.discard(connection, everything, **BY) == 0

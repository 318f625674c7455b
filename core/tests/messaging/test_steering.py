"""Operators see every delivery, and what they decide takes effect once, in order, and is written down."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import deliveries, partitions, pausing, selection, steering, trail
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.selection import DeliveryFilter, DeliveryState, Place
from hedgerow_core.messaging.steering import Action
from hedgerow_core.messaging.trail import AuditFilter
from hedgerow_core.persistence import Database

NAME = "books.note_order"
INSERT = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, attempts, reason)
    VALUES (:id, :name, :publisher, :position, :key, 1, :type, 1, '{"secret": 1}', clock_timestamp(),
        :state, :attempts, :reason)
    """
)
DECISION = Decision(by="ann", why="it was mended")
DEAD = DeliveryFilter(states=(DeliveryState.DEAD,))


async def insert(
    books: Database, position: int, key: str, state: str, *, name: str = NAME, task: bool = False
) -> None:
    async with books.transaction() as connection:
        await connection.execute(
            INSERT,
            {
                "id": id_of(position),
                "name": name,
                "publisher": "books" if task else "shop",
                "type": name if task else "shop.order_placed",
                "position": position,
                "key": key,
                "state": state,
                "attempts": 10 if state == "dead" else 0,
                "reason": f"RuntimeError: Poison {position}" if state == "dead" else None,
            },
        )


@pytest.fixture
async def ledger(books: Database) -> Database:
    """A dead delivery with two parked followers, a dead one of another key, and a healthy one."""
    async with books.transaction() as connection:
        await partitions.register(connection, [NAME])
    rows = [(1, "a", "dead"), (2, "a", "parked"), (3, "a", "parked"), (4, "b", "dead"), (5, "c", "pending")]
    for row in rows:
        await insert(books, *row)
    return books


def id_of(position: int) -> UUID:
    return UUID(int=position)


async def states(ledger: Database) -> dict[int, str]:
    async with ledger.reading() as connection:
        rows = await connection.execute(text("SELECT position, state FROM deliveries ORDER BY position"))
        return {row.position: row.state for row in rows}


async def decide(ledger: Database, action: Action, which: DeliveryFilter) -> int:
    async with ledger.transaction() as connection:
        return (await steering.decide(connection, action, which, DECISION)).changed


async def claimed(ledger: Database) -> list[int]:
    """What a worker would take now, in its order."""
    async with ledger.transaction() as connection:
        claim = await partitions.take(connection, NAME, 1, owner="test")
        assert claim is not None
        batch = await deliveries.claim_batch(connection, claim, ordered=True)
        return [delivery.envelope.position for delivery in batch]


async def written_down(ledger: Database) -> list[tuple[str, str, str, dict[str, object], int]]:
    async with ledger.reading() as connection:
        found = await trail.listed(connection, AuditFilter(), limit=10)
    return [(each.action, each.actor, each.reason, each.details, each.affected) for each in found]


async def test_a_retried_delivery_is_due_again_with_its_followers_behind_it(ledger: Database) -> None:
    assert await decide(ledger, Action.RETRY, DeliveryFilter(ids=(id_of(1),))) == 1

    assert await states(ledger) == {1: "pending", 2: "pending", 3: "pending", 4: "dead", 5: "pending"}
    assert (await claimed(ledger))[:3] == [1, 2, 3]


async def test_retrying_twice_changes_nothing_more(ledger: Database) -> None:
    assert await decide(ledger, Action.RETRY, DEAD) == 2
    assert await decide(ledger, Action.RETRY, DEAD) == 0


async def test_a_discarded_delivery_never_runs_and_lets_its_followers_go_on(ledger: Database) -> None:
    await decide(ledger, Action.DISCARD, DeliveryFilter(ids=(id_of(1),)))

    assert await states(ledger) == {1: "discarded", 2: "pending", 3: "pending", 4: "dead", 5: "pending"}
    async with ledger.reading() as connection:
        (record,) = await selection.opened(connection, id_of(1))
    assert record.reason == "discarded by ann: it was mended"


async def test_a_canceled_task_says_so(ledger: Database) -> None:
    await insert(ledger, 6, "x", "pending", name="books.send_receipt", task=True)

    await decide(ledger, Action.CANCEL, DeliveryFilter(ids=(id_of(6),), tasks=True))

    async with ledger.reading() as connection:
        (record,) = await selection.opened(connection, id_of(6))
    assert (record.state, record.reason) == ("discarded", "canceled by ann: it was mended")


async def test_a_skipped_delivery_stays_dead_and_its_followers_go_on_without_it(ledger: Database) -> None:
    assert await decide(ledger, Action.SKIP, DeliveryFilter(ids=(id_of(1),))) == 1

    assert await states(ledger) == {1: "dead", 2: "pending", 3: "pending", 4: "dead", 5: "pending"}
    # A claim parks what is behind a dead one: not behind a skipped one.
    assert await claimed(ledger) == [2, 3, 5]


async def test_without_a_skip_the_followers_of_a_dead_one_do_not_run(ledger: Database) -> None:
    assert await claimed(ledger) == [5]


async def test_a_skipped_delivery_may_be_retried_later_and_then_holds_its_followers_again(ledger: Database) -> None:
    first = DeliveryFilter(ids=(id_of(1),))
    await decide(ledger, Action.SKIP, first)

    assert await decide(ledger, Action.SKIP, first) == 0
    assert await decide(ledger, Action.RETRY, first) == 1
    async with ledger.reading() as connection:
        (record,) = await selection.opened(connection, id_of(1))
    assert (record.state, record.skipped_at) == ("pending", None)


async def test_only_dead_deliveries_can_be_skipped(ledger: Database) -> None:
    assert await decide(ledger, Action.SKIP, DeliveryFilter(ids=(id_of(2), id_of(5)))) == 0


async def test_a_follower_stays_parked_behind_another_dead_one_of_its_key(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'dead' WHERE position = 2"))

    await decide(ledger, Action.SKIP, DeliveryFilter(ids=(id_of(1),)))

    assert (await states(ledger))[3] == "parked"


async def test_many_are_changed_in_batches_that_go_on_where_the_last_one_ended(ledger: Database) -> None:
    for position in range(10, 15):
        await insert(ledger, position, str(position), "dead")
    batch: steering.Batch | None = None
    seen = []
    while batch is None or batch.reached:
        async with ledger.transaction() as connection:
            batch = await steering.decide(connection, Action.RETRY, DEAD, DECISION, limit=3, after=batch)
        seen.append(batch.changed)

    assert seen == [3, 3, 1]
    latest, middle, first = await written_down(ledger)
    assert first == ("ledger.retry", "ann", "it was mended", {"states": ["dead"]}, 3)
    assert (middle[4], latest[4]) == (3, 1)
    assert set(latest[3]) == {"states", "continues"}


async def test_what_dies_again_meanwhile_is_not_changed_twice_by_the_same_decision(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        first = await steering.decide(connection, Action.RETRY, DEAD, DECISION, limit=1)
        await connection.execute(text("UPDATE deliveries SET state = 'dead' WHERE position = 1"))
        rest = await steering.decide(connection, Action.RETRY, DEAD, DECISION, limit=10, after=first)

    assert (first.changed, rest.changed) == (1, 1)
    assert (await states(ledger))[1] == "dead"


async def test_what_remains_to_be_changed_can_be_counted(ledger: Database) -> None:
    async with ledger.reading() as connection:
        assert await steering.remaining(connection, Action.DISCARD, DeliveryFilter(subscription=NAME)) == 5
        assert await steering.remaining(connection, Action.SKIP, DeliveryFilter(subscription=NAME)) == 2


@pytest.mark.parametrize(
    ("which", "positions"),
    [
        (DeliveryFilter(), [1, 2, 3, 4, 5]),
        (DeliveryFilter(ids=(id_of(2), id_of(5))), [2, 5]),
        (DEAD, [1, 4]),
        (DeliveryFilter(states=(DeliveryState.DEAD, DeliveryState.PARKED)), [1, 2, 3, 4]),
        (DeliveryFilter(subscription="books.note_order"), [1, 2, 3, 4, 5]),
        (DeliveryFilter(subscription="books.other"), []),
        (DeliveryFilter(tasks=True), []),
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
        found = await selection.listed(connection, which, limit=100)
        counts = await selection.counted(connection, which)

    assert sorted(record.event_id.int for record in found) == positions
    assert sum(counts.values()) == len(positions)


async def test_tasks_are_what_a_context_has_addressed_to_itself(ledger: Database) -> None:
    await insert(ledger, 6, "x", "pending", name="books.send_receipt", task=True)

    async with ledger.reading() as connection:
        (task,) = await selection.listed(connection, DeliveryFilter(tasks=True), limit=9)
    assert task.subscription == "books.send_receipt"


async def test_pages_neither_repeat_nor_lose_a_delivery_while_others_arrive(ledger: Database) -> None:
    seen: list[int] = []
    before: Place | None = None
    for arrival in (100, 101, 102):
        async with ledger.reading() as connection:
            page = await selection.listed(connection, DeliveryFilter(), limit=2, before=before)
        seen += [record.position for record in page]
        before = Place(page[-1].received_at, page[-1].event_id, page[-1].subscription)
        await insert(ledger, arrival, "z", "pending")

    assert seen == [5, 4, 3, 2, 1]


async def test_a_list_holds_no_payload_and_a_single_delivery_does(ledger: Database) -> None:
    async with ledger.reading() as connection:
        (listed, *_rest) = await selection.listed(connection, DeliveryFilter(), limit=1)
        (opened,) = await selection.opened(connection, id_of(1))

    assert not hasattr(listed, "payload")
    assert not hasattr(listed, "errors")
    assert opened.payload == {"secret": 1}


async def test_every_decision_is_written_down_with_who_why_which_and_how_many(ledger: Database) -> None:
    await decide(ledger, Action.RETRY, DEAD)

    assert await written_down(ledger) == [("ledger.retry", "ann", "it was mended", {"states": ["dead"]}, 2)]


async def test_a_decision_that_changed_nothing_is_no_entry(ledger: Database) -> None:
    await decide(ledger, Action.RETRY, DeliveryFilter(ids=(new_id(),)))

    assert await written_down(ledger) == []


async def test_a_completed_delivery_is_left_alone(ledger: Database) -> None:
    everything = DeliveryFilter(ids=(id_of(1), new_id()))
    async with ledger.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'completed' WHERE position = 1"))

    for action in Action:
        assert await decide(ledger, action, everything) == 0


async def test_a_delivery_that_runs_is_left_to_its_holder(ledger: Database) -> None:
    assert await claimed(ledger) == [5]

    for action in Action:
        assert await decide(ledger, action, DeliveryFilter(ids=(id_of(5),))) == 0


async def test_a_list_shows_what_is_paused(ledger: Database) -> None:
    async with ledger.transaction() as connection:
        await pausing.pause(connection, NAME, DECISION)
        listed = await selection.listed(connection, DeliveryFilter(), limit=1)
        await pausing.resume(connection, NAME, DECISION)
        later = await selection.listed(connection, DeliveryFilter(), limit=1)

    assert [record.paused for record in (*listed, *later)] == [True, False]

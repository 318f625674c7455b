"""From a committed event in `shop` to its effect in `books`, on a real ledger."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import suppress
from datetime import timedelta

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from core.tests.messaging.shop_and_books import (
    SOON,
    Effects,
    Order,
    OrderPlaced,
    PlacedOrder,
    SendReceipt,
    books_work,
    note,
    place,
    shop_work,
    states,
    subscription,
    until,
    worker,
)
from hedgerow_core.domain import SystemClock, UnavailableError, new_id
from hedgerow_core.messaging import (
    Drain,
    Envelope,
    Hint,
    LedgerWork,
    OutboundTaskHandler,
    Relay,
    RetryPolicy,
    Subscription,
    TaskHandler,
    consumers_of,
    deliveries,
    partitions,
    unit_of_work,
)
from hedgerow_core.messaging.deliveries import NEWER_BUILD_GRACE
from hedgerow_core.persistence import Database


async def test_every_committed_event_takes_effect_once_and_in_order(
    shop: Database, books: Database, effects: Effects
) -> None:
    order = Order(new_id())
    for number in range(1, 31):
        await place(shop, order, number)

    async with worker(books, subscription(note)), worker(books, subscription(note)):
        await until(books, {"completed": 30})

    assert await effects() == list(range(1, 31))


def counting(name: str) -> Subscription:
    return Subscription(name=name, event="shop.order_placed", model=PlacedOrder, handle=note, retry=SOON)


async def delivered(books: Database, name: str) -> list[int]:
    async with books.reading() as connection:
        rows = text("SELECT payload FROM deliveries WHERE subscription = :name ORDER BY position")
        return [row.payload["number"] for row in await connection.execute(rows, {"name": name})]


async def test_a_subscription_that_is_added_later_gets_the_history(shop: Database, books: Database) -> None:
    first, second = counting("books.first"), counting("books.second")
    order = Order(new_id())
    for number in (1, 2):
        await place(shop, order, number)
    older_build = Relay(books, "shop", [first], holder="older")
    await older_build.open()
    await older_build.step()

    newer_build = Relay(books, "shop", [first, second], holder="newer")
    await newer_build.open()
    await newer_build.step()

    assert await delivered(books, "books.first") == [1, 2]
    assert await delivered(books, "books.second") == [1, 2]


async def test_an_older_build_cannot_lead_a_new_subscription_past_its_events(
    shop: Database, books: Database
) -> None:
    first, second = counting("books.first"), counting("books.second")
    older_build = Relay(books, "shop", [first], holder="older")
    newer_build = Relay(books, "shop", [first, second], holder="newer")
    for relay in (older_build, newer_build):
        await relay.open()

    order = Order(new_id())
    for number in range(1, 7):
        await place(shop, order, number)
        await older_build.step()
        await newer_build.step()

    assert await delivered(books, "books.first") == [1, 2, 3, 4, 5, 6]
    assert await delivered(books, "books.second") == [1, 2, 3, 4, 5, 6]


async def test_subscriptions_that_have_caught_up_move_together(shop: Database, books: Database) -> None:
    first, second = counting("books.first"), counting("books.second")
    older_build = Relay(books, "shop", [first], holder="same")
    await older_build.open()
    await older_build.step()
    relay = Relay(books, "shop", [first, second], holder="same")
    await relay.open()

    await relay.step()

    async with books.reading() as connection:
        places = (await connection.execute(text("SELECT DISTINCT snapshot, after_id FROM feed_cursors"))).all()
    assert len(places) == 1


async def test_a_worker_that_stops_leaves_the_feed_to_the_next_at_once(
    shop: Database, books: Database, effects: Effects
) -> None:
    async with worker(books, subscription(note)):
        await place(shop, Order(new_id()), 1)
        await until(books, {"completed": 1})
    await place(shop, Order(new_id()), 2)
    successor = Relay(books, "shop", [subscription(note)], holder="successor")
    await successor.open()

    await successor.step()

    assert await states(books) == {"completed": 1, "pending": 1}


async def test_after_a_restore_into_another_cluster_nothing_is_lost_or_doubled(
    shop: Database, books: Database, effects: Effects
) -> None:
    order = Order(new_id())
    for number in (1, 2):
        await place(shop, order, number)
    async with worker(books, subscription(note)):
        await until(books, {"completed": 2})
    await place(shop, order, 3)
    # What a dump brings along: transaction ids of the old cluster, far ahead of the new one's counter.
    async with shop.engine.connect() as restored:
        await restored.execute(text("SET ROLE NONE"))
        await restored.execute(text("UPDATE outbox SET xid = (xid::text::bigint + 1000000)::text::xid8"))
        await restored.execute(text("UPDATE books.feed_cursors SET system_identifier = 1, holder = NULL"))
        await restored.execute(text("UPDATE books.feed_cursors SET expires_at = '-infinity'"))
        await restored.commit()
    await place(shop, order, 4)

    async with worker(books, subscription(note)):
        await until(books, {"completed": 4})

    assert await effects() == [1, 2, 3, 4]


async def test_an_event_of_another_version_is_not_delivered(shop: Database, books: Database) -> None:
    await place(shop, Order(new_id()), 1)
    newer = Subscription(
        name="books.note_order_v2", event="shop.order_placed", model=PlacedOrder, handle=note, version=2
    )

    async with worker(books, newer):
        await asyncio.sleep(0.5)

    assert await states(books) == {}


async def test_a_rolled_back_event_never_was(shop: Database, books: Database, effects: Effects) -> None:
    with suppress(ZeroDivisionError):
        async with unit_of_work(shop, shop_work, lambda: None) as work:
            lost = Order(new_id())
            lost.record(OrderPlaced(number=1))
            work.saved(lost, version=1)
            await work.flush()
            raise ZeroDivisionError
    await place(shop, Order(new_id()), 2)

    async with worker(books, subscription(note)):
        await until(books, {"completed": 1})

    assert await effects() == [2]


async def test_an_event_that_commits_late_is_not_lost(shop: Database, books: Database, effects: Effects) -> None:
    async with worker(books, subscription(note)):
        async with unit_of_work(shop, shop_work, lambda: None) as slow:
            early = Order(new_id())
            early.record(OrderPlaced(number=1))
            slow.saved(early, version=1)
            await slow.flush()
            await place(shop, Order(new_id()), 2)
            await until(books, {"completed": 1})
        await until(books, {"completed": 2})

    assert await effects() == [2, 1]


async def test_a_failing_handler_is_tried_again_and_leaves_nothing_of_its_failed_attempts(
    shop: Database, books: Database, effects: Effects
) -> None:
    attempts: list[int] = []

    async def fails_once(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        attempts.append(envelope.attempt)
        await note(event, envelope, work)
        if envelope.attempt == 1:
            raise RuntimeError("not today")

    await place(shop, Order(new_id()), 7)

    async with worker(books, subscription(fails_once)):
        await until(books, {"completed": 1})

    assert attempts == [1, 2]
    assert await effects() == [7]


async def test_a_poisoned_key_parks_its_followers_and_nobody_else(
    shop: Database, books: Database, effects: Effects
) -> None:
    async def chokes_on_two(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        if event.number == 2:
            raise RuntimeError("poison")
        await note(event, envelope, work)

    poisoned, healthy = Order(new_id()), Order(new_id())
    for number in (1, 2, 3, 4):
        await place(shop, poisoned, number)
    await place(shop, healthy, 10)

    async with worker(books, subscription(chokes_on_two)):
        await until(books, {"completed": 2, "dead": 1, "parked": 2})

    assert sorted(await effects()) == [1, 10]
    async with books.reading() as connection:
        dead = (await connection.execute(text("SELECT * FROM deliveries WHERE state = 'dead'"))).one()
    assert dead.attempts == 3
    assert dead.reason == "RuntimeError: poison"
    assert [error["attempt"] for error in dead.errors] == [1, 2, 3]


async def test_a_payload_that_no_longer_decodes_is_dead_with_that_reason(shop: Database, books: Database) -> None:
    class Demanding(BaseModel):
        colour: str

    await place(shop, Order(new_id()), 1)
    strict = Subscription(name="books.paint", event="shop.order_placed", model=Demanding, handle=note)

    async with worker(books, strict):
        await until(books, {"dead": 1})

    async with books.reading() as connection:
        reason = (await connection.execute(text("SELECT reason FROM deliveries"))).scalar_one()
    assert "colour" in reason


async def test_a_delivery_whose_handler_is_gone_is_dead_with_that_reason_after_a_grace(
    shop: Database, books: Database
) -> None:
    async with unit_of_work(books, books_work, lambda: None) as work:
        await work.tasks.enqueue(SendReceipt(number=1), key="new")
        await work.tasks.enqueue(SendReceipt(number=2), key="old")
    async with books.transaction() as connection:
        age = text("UPDATE deliveries SET next_at = next_at - CAST(:grace AS interval) WHERE ordering_key = 'old'")
        await connection.execute(age, {"grace": NEWER_BUILD_GRACE})

    async with worker(books, subscription(note)):
        await until(books, {"dead": 1, "pending": 1})

    async with books.reading() as connection:
        dead = (await connection.execute(text("SELECT * FROM deliveries WHERE state = 'dead'"))).one()
    assert dead.ordering_key == "old"
    assert dead.reason == "no handler of this name is installed"


async def test_a_neighbour_in_the_batch_does_not_pay_for_a_failure(
    shop: Database, books: Database, effects: Effects
) -> None:
    async def meets_a_closed_gateway(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        await note(event, envelope, work)
        if event.number == 5:
            raise UnavailableError("closed", code="gateway_away", retry_after=timedelta(seconds=1))

    for number in range(1, 11):
        await place(shop, Order(new_id()), number)
    async with books.transaction() as connection:
        await partitions.register(connection, ["books.note_order"])
    wanted = subscription(meets_a_closed_gateway)
    once = dataclasses.replace(wanted, retry=RetryPolicy(attempts=1))
    relay = Relay(books, "shop", [once], holder="test")
    await relay.open()
    await relay.step()
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET partition = 1"))

    drain = Drain(books, consumers_of([once], []), work_for=books_work, clock=SystemClock(), owner="test")
    await drain(Hint("books", "books.note_order", 1))

    assert await states(books) == {"completed": 9, "dead": 1}
    assert sorted(await effects()) == [1, 2, 3, 4, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("nul \x00 in it"), UnavailableError("busy", code="database_busy", retry_after=timedelta(1))],
)
async def test_every_failure_is_written_down_and_waits_for_its_retry(
    shop: Database, books: Database, error: Exception
) -> None:
    async def fails(_event: PlacedOrder, _envelope: Envelope, _work: LedgerWork) -> None:
        raise error

    await place(shop, Order(new_id()), 1)
    patient = dataclasses.replace(subscription(fails), retry=RetryPolicy(first_wait=timedelta(hours=1)))

    async with worker(books, patient):
        await until(books, {"retry_wait": 1})
        await asyncio.sleep(0.3)

    async with books.reading() as connection:
        row = (await connection.execute(text("SELECT attempts, errors FROM deliveries"))).one()
    assert row.attempts == 1
    assert row.errors[0]["type"] == type(error).__qualname__


async def test_nobody_is_hinted_at_what_waits_behind_a_retry(shop: Database, books: Database) -> None:
    async def fails(_event: PlacedOrder, _envelope: Envelope, _work: LedgerWork) -> None:
        raise RuntimeError("not today")

    order = Order(new_id())
    for number in (1, 2):
        await place(shop, order, number)
    patient = dataclasses.replace(subscription(fails), retry=RetryPolicy(first_wait=timedelta(hours=1)))

    async with worker(books, patient):
        await until(books, {"retry_wait": 1, "pending": 1})
        taken = await leases_taken(books)
        await asyncio.sleep(0.5)

        assert await leases_taken(books) == taken


async def leases_taken(books: Database) -> int:
    async with books.reading() as connection:
        count: int = (await connection.execute(text("SELECT sum(token) FROM delivery_partitions"))).scalar_one()
        return count


async def test_a_holder_that_stalls_past_its_lease_cannot_make_an_effect_happen_twice(
    shop: Database, books: Database, effects: Effects
) -> None:
    """Its transaction holds the completed row; the next holder waits for it, and must then see that it is done."""
    await place(shop, Order(new_id()), 1)
    wanted = subscription(note)
    relay = Relay(books, "shop", [wanted], holder="test")
    await relay.open()
    await relay.step()
    async with books.transaction() as connection:
        await partitions.register(connection, [wanted.name])
        await connection.execute(text("UPDATE deliveries SET partition = 1"))
        stalled = await partitions.take(connection, wanted.name, 1, owner="stalled")
        assert stalled is not None
        (claimed,) = await deliveries.claim_batch(connection, stalled, ordered=True)
        await connection.execute(text("UPDATE delivery_partitions SET expires_at = '-infinity'"))

    async with books.transaction() as connection:
        await note(PlacedOrder(number=1), claimed.envelope, books_work(connection))
        await deliveries.complete(connection, stalled, [claimed.id])
        drain = Drain(books, consumers_of([wanted], []), work_for=books_work, clock=SystemClock(), owner="next")
        following = asyncio.create_task(drain(Hint("books", wanted.name, 1)))
        await asyncio.sleep(0.5)
        assert not following.done()
    await following

    assert await effects() == [1]
    assert await states(books) == {"completed": 1}


async def test_a_handler_that_hangs_has_failed_once_its_deadline_is_over(
    shop: Database, books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow_core.messaging.drain.DEADLINE", timedelta(milliseconds=200))

    async def hangs(_task: SendReceipt, _work: LedgerWork) -> None:
        await asyncio.sleep(60)

    async with unit_of_work(books, books_work, lambda: None) as work:
        await work.tasks.enqueue(SendReceipt(number=1))
    async with worker(books, TaskHandler(task=SendReceipt, handle=hangs, retry=SOON)):
        await until(books, {"dead": 1})

    async with books.reading() as connection:
        errors = (await connection.execute(text("SELECT errors FROM deliveries"))).scalar_one()
    assert [error["type"] for error in errors] == ["TimeoutError"] * SOON.attempts
    assert errors[0]["message"] == "broken off after 0.2 s; the traceback says where it was then"
    assert "in hangs" in errors[0]["trace"]


async def test_a_task_runs_after_the_commit_that_asked_for_it_and_once_per_key(
    books: Database, effects: Effects
) -> None:
    async def send(task: SendReceipt, work: LedgerWork) -> None:
        await work.connection.execute(text("INSERT INTO effects (number) VALUES (:n)"), {"n": task.number})

    async with worker(books, TaskHandler(task=SendReceipt, handle=send, retry=SOON)):
        async with unit_of_work(books, books_work, lambda: None) as work:
            first = await work.tasks.enqueue(SendReceipt(number=1), key="receipt-1")
            again = await work.tasks.enqueue(SendReceipt(number=1), key="receipt-1")
            await asyncio.sleep(0.2)
            assert await states(books) == {}
        await until(books, {"completed": 1})

    assert first == again
    assert await effects() == [1]


async def test_a_delayed_task_waits(books: Database, effects: Effects) -> None:
    async def send(task: SendReceipt, work: LedgerWork) -> None:
        await work.connection.execute(text("INSERT INTO effects (number) VALUES (:n)"), {"n": task.number})

    async with worker(books, TaskHandler(task=SendReceipt, handle=send, retry=SOON)):
        async with unit_of_work(books, books_work, lambda: None) as work:
            await work.tasks.enqueue(SendReceipt(number=1), delay=timedelta(seconds=0.5))
        await asyncio.sleep(0.2)
        assert await states(books) == {"pending": 1}
        await until(books, {"completed": 1})


async def test_an_outbound_call_happens_outside_any_transaction(books: Database, effects: Effects) -> None:
    open_transactions: list[int] = []

    async def call(_task: SendReceipt) -> str:
        async with books.reading() as connection:
            count = text(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
                "AND datname = current_database()"
            )
            open_transactions.append((await connection.execute(count)).scalar_one())
        return "sent"

    async def apply(task: SendReceipt, answer: str, work: LedgerWork) -> None:
        assert answer == "sent"
        await work.connection.execute(text("INSERT INTO effects (number) VALUES (:n)"), {"n": task.number})

    async with unit_of_work(books, books_work, lambda: None) as work:
        await work.tasks.enqueue(SendReceipt(number=5))
    async with worker(books, OutboundTaskHandler(task=SendReceipt, call=call, apply=apply, retry=SOON)):
        await until(books, {"completed": 1})

    assert open_transactions == [0]
    assert await effects() == [5]


async def test_a_hint_for_nothing_is_harmless(books: Database) -> None:
    drain = Drain(books, {}, work_for=books_work, clock=SystemClock(), owner="test")

    await drain(Hint("books", "books.unheard_of", 3))

    assert await states(books) == {}

"""What a killed worker leaves behind is tried again, one after the other, and costs its neighbours one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import (
    SOON,
    Effects,
    Order,
    PlacedOrder,
    SendReceipt,
    books_work,
    note,
    place,
    states,
    subscription,
    until,
    worker,
)
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import (
    Drain,
    Envelope,
    Hint,
    LedgerWork,
    Recovery,
    Relay,
    Subscription,
    TaskHandler,
    consumers_of,
    partitions,
    recovery,
    unit_of_work,
)
from hedgerow_core.persistence import Database

KILLER, NEIGHBOUR, FRESH = 1, 2, 3
NAME = "books.note_order"


async def delivered(books: Database, wanted: Subscription) -> None:
    """Have all events of the shop delivered, each into the partition of its number."""
    relay = Relay(books, "shop", [wanted], holder="test")
    await relay.open()
    await relay.step()
    async with books.transaction() as connection:
        await partitions.register(connection, [wanted.name])
        await connection.execute(text("UPDATE deliveries SET partition = (payload->>'number')::int"))


async def killed_while_it_ran(books: Database, numbers: Sequence[int]) -> None:
    """Leave what a worker leaves that is killed in the first attempt at these, and whose lease is over."""
    async with books.transaction() as connection:
        await connection.execute(
            text(
                "UPDATE deliveries SET state = 'processing', attempts = 1, token = 1, owner = 'killed' "
                "WHERE (payload->>'number')::int = ANY(:numbers)"
            ),
            {"numbers": list(numbers)},
        )
        await connection.execute(
            text(
                "UPDATE delivery_partitions SET token = 1, owner = 'killed', expires_at = clock_timestamp() "
                "FROM deliveries d WHERE d.partition = delivery_partitions.partition AND d.state = 'processing'"
            )
        )


async def attempts(books: Database) -> dict[int, int]:
    """How often each number has been claimed."""
    async with books.reading() as connection:
        rows = await connection.execute(text("SELECT (payload->>'number')::int AS n, attempts FROM deliveries"))
        return {row.n: row.attempts for row in rows}


def drain_of(books: Database, wanted: Subscription) -> Drain:
    return Drain(
        books,
        consumers_of([wanted], []),
        work_for=books_work,
        clock=SystemClock(),
        owner="next",
        recovery=Recovery(),
    )


async def trying_the_first(
    shop: Database, books: Database, numbers: Sequence[int]
) -> tuple[Drain, asyncio.Task[None], asyncio.Event]:
    """Orphan the killer and its neighbour, and have the killer tried again, until the event is set."""
    reached, may_end = asyncio.Event(), asyncio.Event()

    async def handle(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        if event.number == KILLER:
            reached.set()
            await may_end.wait()
        await note(event, envelope, work)

    wanted = subscription(handle)
    for number in numbers:
        await place(shop, Order(new_id()), number)
    await delivered(books, wanted)
    await killed_while_it_ran(books, (KILLER, NEIGHBOUR))
    drain = drain_of(books, wanted)
    trying = asyncio.create_task(drain(Hint("books", NAME, KILLER)))
    await reached.wait()
    return drain, trying, may_end


async def test_an_orphan_of_a_killed_worker_is_claimed_again_once_its_lease_is_over(
    books: Database, effects: Effects
) -> None:
    async with unit_of_work(books, books_work, lambda: None) as work:
        await work.tasks.enqueue(SendReceipt(number=1))
    async with books.transaction() as connection:  # what a worker leaves that was killed in its first attempt
        await connection.execute(
            text(
                "INSERT INTO delivery_partitions (subscription, partition, token, owner, expires_at) "
                "SELECT subscription, partition, 1, 'killed', clock_timestamp() + interval '1 s' FROM deliveries"
            )
        )
        await connection.execute(
            text("UPDATE deliveries SET state = 'processing', attempts = 1, token = 1, owner = 'killed'")
        )

    sent: list[int] = []

    async def send(_task: SendReceipt, work: LedgerWork) -> None:
        sent.append(1)

    async with worker(books, TaskHandler(task=SendReceipt, handle=send, retry=SOON)):
        await until(books, {"completed": 1})

    assert len(sent) == 1


async def test_while_one_orphan_is_tried_the_others_in_the_process_are_not_even_claimed(
    shop: Database, books: Database, effects: Effects
) -> None:
    drain, trying, may_end = await trying_the_first(shop, books, (KILLER, NEIGHBOUR, FRESH))
    waiting = asyncio.create_task(drain(Hint("books", NAME, NEIGHBOUR)))
    await drain(Hint("books", NAME, FRESH))
    claimed = await attempts(books)
    may_end.set()
    await asyncio.gather(trying, waiting)

    assert claimed == {KILLER: 2, NEIGHBOUR: 1, FRESH: 1}
    assert await effects() == [FRESH, KILLER, NEIGHBOUR]


async def test_an_orphan_that_takes_long_does_not_hold_up_the_others_for_ever(
    shop: Database, books: Database, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ALONE_FOR_S", 0.1)
    drain, trying, may_end = await trying_the_first(shop, books, (KILLER, NEIGHBOUR))
    await drain(Hint("books", NAME, NEIGHBOUR))
    may_end.set()
    await trying

    assert await effects() == [NEIGHBOUR, KILLER]


async def test_what_is_fresh_in_an_orphaned_partition_waits_until_the_orphans_are_through(
    shop: Database, books: Database, effects: Effects
) -> None:
    wanted = subscription(note)
    for number in (KILLER, FRESH):
        await place(shop, Order(new_id()), number)
    await delivered(books, wanted)
    await killed_while_it_ran(books, [KILLER])
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET partition = 1"))
    drain = drain_of(books, wanted)

    await drain(Hint("books", wanted.name, KILLER))
    first = await effects()
    await drain(Hint("books", wanted.name, KILLER))

    assert (first, await effects()) == ([KILLER], [KILLER, FRESH])


@pytest.mark.parametrize("state", ["pending", "retry_wait"])  # the second: postponed by an older build
async def test_an_orphan_does_not_pass_an_untried_delivery_of_its_key(
    shop: Database, books: Database, effects: Effects, state: str
) -> None:
    wanted, order = subscription(note), Order(new_id())
    for number in (FRESH, KILLER):
        await place(shop, order, number)
    await delivered(books, wanted)
    await killed_while_it_ran(books, [KILLER])
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET partition = 1"))
        await connection.execute(text("UPDATE deliveries SET state = :state WHERE attempts = 0"), {"state": state})
    drain = drain_of(books, wanted)

    await drain(Hint("books", wanted.name, 1))
    first = await effects()
    await drain(Hint("books", wanted.name, 1))

    assert (first, await effects()) == ([], [FRESH, KILLER])


async def test_an_orphan_behind_poison_is_parked_like_any_follower(
    shop: Database, books: Database, effects: Effects
) -> None:
    async def handle(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        if event.number == KILLER:
            raise RuntimeError("poison")
        await note(event, envelope, work)

    order = Order(new_id())
    wanted = subscription(handle)
    for number in (KILLER, NEIGHBOUR):
        await place(shop, order, number)
    await delivered(books, wanted)
    await killed_while_it_ran(books, (KILLER, NEIGHBOUR))
    async with books.transaction() as connection:
        last: dict[str, Any] = {"killer": str(KILLER), "tried": wanted.retry.attempts - 1}
        await connection.execute(
            text(
                "UPDATE deliveries SET partition = 1, attempts = CASE payload->>'number' "
                "WHEN :killer THEN :tried ELSE attempts END"
            ),
            last,
        )

    await drain_of(books, wanted)(Hint("books", wanted.name, 1))

    assert await states(books) == {"dead": 1, "parked": 1}
    assert await effects() == []


async def test_a_lease_that_was_given_back_is_not_extended_any_more(books: Database) -> None:
    async with books.transaction() as connection:
        await partitions.register(connection, [NAME])
        claim = await partitions.take(connection, NAME, 1, owner="test")
        assert claim is not None
        await partitions.keep(connection, claim)
        await partitions.release(connection, claim)

        with pytest.raises(partitions.FencedError):
            await partitions.keep(connection, claim)

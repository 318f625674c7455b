"""A batch in which some fail: the others take effect together, followers wait, and nobody is run too often."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import (
    Effects,
    Order,
    PlacedOrder,
    books_work,
    note,
    place,
    subscription,
)
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import Drain, Envelope, Hint, LedgerWork, Relay, RetryPolicy, consumers_of, partitions
from hedgerow_core.persistence import Database

KEYS, EACH = 3, 8
TOGETHER_AND_ONCE_MORE = 3


async def claimed_together(shop: Database, books: Database, drain: Drain, name: str) -> None:
    """Deliver numbers 0 to 23, of three keys in turn, into one partition, and have it drained once."""
    orders = [Order(new_id()) for _ in range(KEYS)]
    for number in range(KEYS * EACH):
        await place(shop, orders[number % KEYS], number)
    async with books.transaction() as connection:
        await partitions.register(connection, [name])
    relay = Relay(books, "shop", [subscription(note)], holder="test")
    await relay.open()
    await relay.step()
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET partition = 1"))
    await drain(Hint("books", name, 1))


def drain_of(books: Database, ill: set[int], runs: Counter[int], *, ordered: bool = True) -> Drain:
    async def handle(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        runs[event.number] += 1
        if event.number in ill:
            raise RuntimeError("ill")
        await note(event, envelope, work)

    patient = dataclasses.replace(
        subscription(handle, ordered=ordered), retry=RetryPolicy(first_wait=timedelta(hours=1))
    )
    consumers = consumers_of([patient], [])
    return Drain(books, consumers, work_for=books_work, clock=SystemClock(), owner="test")


async def stands(books: Database) -> dict[int, tuple[str, int]]:
    """State and attempts of every number."""
    statement = text("SELECT (payload->>'number')::int AS n, state, attempts FROM deliveries")
    async with books.reading() as connection:
        return {row.n: (row.state, row.attempts) for row in await connection.execute(statement)}


@pytest.mark.parametrize("ill", [{0}, {4}, {23}, {3, 4}, {5, 11, 22}, {0, 1, 2}])
async def test_what_does_not_follow_a_failure_takes_effect_and_what_does_waits_untried(
    shop: Database, books: Database, effects: Effects, ill: set[int]
) -> None:
    runs: Counter[int] = Counter()

    await claimed_together(shop, books, drain_of(books, ill, runs), "books.note_order")

    first = {key: min((number for number in ill if number % KEYS == key), default=99) for key in range(KEYS)}
    for number, stand in (await stands(books)).items():
        blocked_by = first[number % KEYS]
        expected = ("completed", 1) if number < blocked_by else ("retry_wait", 1)
        assert stand == (expected if number <= blocked_by else ("pending", 0)), number
    seen = await effects()
    for key in range(KEYS):
        of_key = [number for number in seen if number % KEYS == key]
        assert of_key == sorted(of_key)


async def test_without_order_only_the_ill_ones_are_held_back(
    shop: Database, books: Database, effects: Effects
) -> None:
    await claimed_together(shop, books, drain_of(books, {4, 5}, Counter(), ordered=False), "books.note_order")

    assert sorted(await effects()) == [number for number in range(KEYS * EACH) if number not in {4, 5}]


async def test_a_failure_does_not_make_its_neighbours_run_one_by_one(
    shop: Database, books: Database, effects: Effects
) -> None:
    runs: Counter[int] = Counter()

    await claimed_together(shop, books, drain_of(books, {10}, runs), "books.note_order")

    async with books.reading() as connection:
        transactions = await connection.execute(text("SELECT count(DISTINCT xmin::text) FROM effects"))
        assert transactions.scalar_one() == len(["before it", "behind it"])
    assert max(runs.values()) <= TOGETHER_AND_ONCE_MORE


async def test_a_commit_that_fails_is_nobodys_fault_until_all_have_run_one_by_one(
    shop: Database, books: Database, effects: Effects
) -> None:
    async with books.engine.connect() as owner:
        await owner.execute(text("SET ROLE NONE"))
        await owner.execute(text("ALTER TABLE effects ADD UNIQUE (number) DEFERRABLE INITIALLY DEFERRED"))
        await owner.execute(text("INSERT INTO effects (number) VALUES (22)"))
        await owner.commit()
    await books.engine.dispose()
    runs: Counter[int] = Counter()

    await claimed_together(shop, books, drain_of(books, set(), runs), "books.note_order")

    stand = await stands(books)
    assert {number for number, (state, _) in stand.items() if state != "completed"} == {22}
    assert stand[22] == ("retry_wait", 1)
    assert max(runs.values()) == len(["together", "alone"])


NOTE_AT_END = text("INSERT INTO effects (number) VALUES (:n)")


async def note_at_end(event: PlacedOrder, _envelope: Envelope, work: LedgerWork) -> None:
    work.write_at_end(NOTE_AT_END, {"n": event.number})


def drain_at_end(books: Database) -> Drain:
    patient = dataclasses.replace(subscription(note_at_end), retry=RetryPolicy(first_wait=timedelta(hours=1)))
    return Drain(books, consumers_of([patient], []), work_for=books_work, clock=SystemClock(), owner="test")


async def test_what_handlers_leave_for_the_end_is_written_in_order_by_one_statement(
    shop: Database, books: Database, effects: Effects
) -> None:
    async with books.engine.connect() as owner:
        await owner.execute(text("SET ROLE NONE"))
        await owner.execute(text("ALTER TABLE effects ADD at timestamptz DEFAULT clock_timestamp()"))
        await owner.commit()
    await claimed_together(shop, books, drain_at_end(books), "books.note_order")

    async with books.reading() as connection:
        written = (await connection.execute(text("SELECT number FROM effects ORDER BY at"))).scalars().all()
        transactions = await connection.execute(text("SELECT count(DISTINCT xmin::text) FROM effects"))
        assert transactions.scalar_one() == 1
    assert written == list(range(KEYS * EACH))


async def test_whose_row_fails_at_the_end_is_blamed_and_the_others_take_effect(
    shop: Database, books: Database, effects: Effects
) -> None:
    async with books.engine.connect() as owner:
        await owner.execute(text("SET ROLE NONE"))
        await owner.execute(text("ALTER TABLE effects ADD CHECK (number <> 22)"))
        await owner.commit()

    await claimed_together(shop, books, drain_at_end(books), "books.note_order")

    stand = await stands(books)
    assert {number for number, (state, _) in stand.items() if state != "completed"} == {22}
    assert stand[22] == ("retry_wait", 1)
    assert await effects() == [number for number in range(KEYS * EACH) if number != 22]

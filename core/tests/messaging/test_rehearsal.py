"""A dry run says what would happen, and changes nothing: no row, no attempt, no call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Task
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import (
    Envelope,
    LedgerWork,
    OutboundTaskHandler,
    Subscription,
    TaskHandler,
    consumers_of,
    rehearsal,
)
from hedgerow_core.messaging.rehearsal import Outcome, Verdict
from hedgerow_core.messaging.selection import DeliveryFilter
from hedgerow_core.persistence import Database

INSERT = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, attempts)
    VALUES (:id, :name, 'shop', 1, 'a', 1, 'shop.order_placed', :version, :payload, clock_timestamp(), 'dead', 10)
    """
)
EVERYTHING = text("SELECT to_jsonb(d) AS row FROM deliveries d ORDER BY event_id")


class PlacedOrder(BaseModel):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReceipt(Task):
    name: ClassVar[str] = "books.send_receipt"
    number: int


def work(connection: AsyncConnection) -> LedgerWork:
    return LedgerWork(connection, context="books", clock=SystemClock(), translations={})


async def dead(books: Database, *, name: str = "books.note_order", version: int = 1, number: Any = 7) -> UUID:
    from json import dumps

    id = new_id()
    async with books.transaction() as connection:
        where = {"id": id, "name": name, "version": version, "payload": dumps({"number": number})}
        await connection.execute(INSERT, where)
    return id


async def everything(books: Database) -> list[dict[str, Any]]:
    async with books.reading() as connection:
        return [row.row for row in await connection.execute(EVERYTHING)]


async def rehearsed(books: Database, *consumers: Any, limit: int = 20) -> list[Outcome]:
    subscriptions = [each for each in consumers if isinstance(each, Subscription)]
    tasks = [each for each in consumers if not isinstance(each, Subscription)]
    async with books.reading() as connection:
        parts = await rehearsal.retryable(connection, DeliveryFilter(), limit=limit)
    return await rehearsal.rehearse(books, consumers_of(subscriptions, tasks), work, parts)


def noting(handle: Any) -> Subscription:
    return Subscription(name="books.note_order", event="shop.order_placed", model=PlacedOrder, handle=handle)


async def leave_a_task(event: PlacedOrder, _envelope: Envelope, work: LedgerWork) -> None:
    await work.tasks.enqueue(SendReceipt(number=event.number))
    seen = await work.connection.execute(text("SELECT count(*) FROM deliveries"))
    assert seen.scalar_one() == 2, "the handler sees its own effect"


async def test_a_handler_that_passes_would_complete_and_leaves_no_trace(books: Database) -> None:
    id = await dead(books)
    before = await everything(books)

    (outcome,) = await rehearsed(books, noting(leave_a_task))

    assert (outcome.event_id, outcome.verdict, outcome.note) == (id, Verdict.WOULD_COMPLETE, None)
    assert await everything(books) == before
    assert before[0]["attempts"] == 10


async def test_a_handler_that_raises_would_fail_with_its_error_and_leaves_no_trace(books: Database) -> None:
    async def break_down(event: PlacedOrder, envelope: Envelope, work: LedgerWork) -> None:
        await leave_a_task(event, envelope, work)
        raise RuntimeError("still broken")

    await dead(books)
    before = await everything(books)

    (outcome,) = await rehearsed(books, noting(break_down))

    assert (outcome.verdict, outcome.note) == (Verdict.WOULD_FAIL, "RuntimeError: still broken")
    assert await everything(books) == before


async def test_a_handler_that_breaks_the_database_would_fail_and_the_next_one_is_tried(books: Database) -> None:
    async def break_once(event: PlacedOrder, _envelope: Envelope, work: LedgerWork) -> None:
        if event.number == 1:
            await work.connection.execute(text("SELECT 1/0"))

    await dead(books, number=1)
    await dead(books, number=2)

    outcomes = await rehearsed(books, noting(break_once))

    assert [outcome.verdict for outcome in outcomes] == [Verdict.WOULD_FAIL, Verdict.WOULD_COMPLETE]


async def test_what_is_only_checked_at_the_commit_is_found_out(books: Database) -> None:
    async with books.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        await connection.execute(text("CREATE TABLE seats (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        await connection.execute(text("GRANT ALL ON seats TO hedgerow_books"))
        await connection.commit()
    await books.engine.dispose()

    async def take_one_seat_twice(_event: PlacedOrder, _envelope: Envelope, work: LedgerWork) -> None:
        await work.connection.execute(text("INSERT INTO seats VALUES (1), (1)"))

    await dead(books)

    (outcome,) = await rehearsed(books, noting(take_one_seat_twice))

    assert outcome.verdict is Verdict.WOULD_FAIL


async def test_what_calls_the_world_outside_is_named_and_not_tried(books: Database) -> None:
    calls: list[SendReceipt] = []

    async def call(task: SendReceipt) -> None:
        calls.append(task)

    async def apply(_task: SendReceipt, _answer: None, _work: LedgerWork) -> None:
        calls.clear()

    await dead(books, name="books.send_receipt")
    before = await everything(books)

    (outcome,) = await rehearsed(books, OutboundTaskHandler(task=SendReceipt, call=call, apply=apply))

    assert (outcome.verdict, outcome.note) == (Verdict.NOT_TRIED, "calls the world outside")
    assert calls == []
    assert await everything(books) == before


async def test_a_task_that_stays_inside_is_tried(books: Database) -> None:
    tried: list[int] = []

    async def handle(task: SendReceipt, _work: LedgerWork) -> None:
        tried.append(task.number)

    await dead(books, name="books.send_receipt")

    (outcome,) = await rehearsed(books, TaskHandler(task=SendReceipt, handle=handle))

    assert (outcome.verdict, tried) == (Verdict.WOULD_COMPLETE, [7])


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"name": "books.gone"}, "no handler of this name is installed"),
        ({"version": 2}, "version 2 is newer than 1"),
        ({"number": "seven"}, "ValidationError"),
    ],
)
async def test_what_cannot_be_handled_would_fail_and_says_why(
    books: Database, options: dict[str, Any], note: str
) -> None:
    await dead(books, **options)

    (outcome,) = await rehearsed(books, noting(leave_a_task))

    assert outcome.verdict is Verdict.WOULD_FAIL
    assert note in str(outcome.note)


async def test_no_more_are_tried_than_asked_for(books: Database) -> None:
    for _ in range(3):
        await dead(books)

    assert len(await rehearsed(books, noting(leave_a_task), limit=2)) == 2


async def test_what_completed_is_not_what_a_retry_would_change(books: Database) -> None:
    await dead(books)
    async with books.transaction() as connection:
        await connection.execute(text("UPDATE deliveries SET state = 'completed'"))

    assert await rehearsed(books, noting(leave_a_task)) == []

"""What follows is worked off until all is quiet; what never ends, or fails, is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from core.tests.messaging.shop_and_books import books_work
from hedgerow_core.application import Task
from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import Consumer, Drain, LedgerWork, TaskHandler, consumers_of
from hedgerow_core.persistence import Database
from hedgerow_core.testing import Cascade, EndlessCascadeError, Workplace, cascade


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Task):
    name: ClassVar[str] = "books.echo"

    left: int


def workplace(books: Database, handle: Any) -> Workplace:
    consumers: Mapping[str, Consumer] = consumers_of((), (TaskHandler(task=Echo, handle=handle),))
    drain = Drain(books, consumers, work_for=books_work, clock=SystemClock(), owner="test")
    return Workplace(database=books, consumers=consumers, drain=drain)


async def begun(books: Database, handle: Any, *, left: int = 3) -> Cascade:
    """A cascade that has an echo to begin with."""
    begun = Cascade([workplace(books, handle)])
    await begun.open()
    async with books.transaction() as connection:
        await books_work(connection).tasks.enqueue(Echo(left=left))
    return begun


async def test_what_follows_from_what_follows_has_happened_when_it_is_quiet(books: Database) -> None:
    heard: list[int] = []

    async def echo(task: Echo, work: LedgerWork) -> None:
        heard.append(task.left)
        if task.left:
            await work.tasks.enqueue(Echo(left=task.left - 1))

    echoing = await begun(books, echo)
    await echoing.work_off()

    assert heard == [3, 2, 1, 0]


async def test_a_cascade_without_an_end_names_who_goes_on(books: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "MAX_ROUNDS", 12)

    async def echo(task: Echo, work: LedgerWork) -> None:
        await work.tasks.enqueue(task)

    echoing = await begun(books, echo)
    with pytest.raises(EndlessCascadeError, match=r"does not end: .* books\.echo"):
        await echoing.work_off()


async def test_what_is_due_later_is_not_waited_for(books: Database) -> None:
    heard: list[int] = []

    async def echo(task: Echo, work: LedgerWork) -> None:
        heard.append(task.left)
        await work.tasks.enqueue(task, delay=timedelta(hours=1))

    echoing = await begun(books, echo)
    await echoing.work_off()

    assert heard == [3]
    assert await echoing.failures() == []


async def test_a_handler_that_fails_is_named_with_its_error(books: Database) -> None:
    async def stumble(_task: Echo, _work: LedgerWork) -> None:
        raise RuntimeError("thorns")

    echoing = await begun(books, stumble)
    await echoing.work_off()

    (failure,) = await echoing.failures()
    assert str(failure) == "books.echo (retry_wait): RuntimeError: thorns"

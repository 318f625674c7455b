"""`shop` places orders and publishes them; `books` takes note of them, in a worker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Task
from hedgerow_core.domain import AggregateRoot, DomainEvent, SystemClock
from hedgerow_core.messaging import (
    Consumer,
    Dispatcher,
    Drain,
    Envelope,
    EventContract,
    Housekeeping,
    InProcessHints,
    LedgerWork,
    OutboundTaskHandler,
    Relay,
    RetryPolicy,
    Subscription,
    TaskHandler,
    consumers_of,
    unit_of_work,
)
from hedgerow_core.persistence import Database

SOON = RetryPolicy(attempts=3, first_wait=timedelta(milliseconds=20))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(DomainEvent):
    number: int


class Order(AggregateRoot[UUID]):
    pass


class OrderPlacedV1(EventContract):
    event_type: ClassVar[str] = "shop.order_placed"
    number: int


class PlacedOrder(BaseModel):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReceipt(Task):
    name: ClassVar[str] = "books.send_receipt"
    number: int


def shop_work(connection: AsyncConnection) -> LedgerWork:
    return LedgerWork(
        connection,
        context="shop",
        clock=SystemClock(),
        translations={OrderPlaced: lambda event: OrderPlacedV1(number=event.number)},
    )


def books_work(connection: AsyncConnection) -> LedgerWork:
    return LedgerWork(connection, context="books", clock=SystemClock(), translations={})


async def place(shop: Database, order: Order, number: int) -> None:
    async with unit_of_work(shop, shop_work, lambda: None) as work:
        order.record(OrderPlaced(number=number))
        work.saved(order, version=number)


def subscription(handle: Callable[..., Awaitable[None]], **options: Any) -> Subscription:
    return Subscription(
        name="books.note_order",
        event="shop.order_placed",
        model=PlacedOrder,
        handle=handle,
        retry=SOON,
        **options,
    )


@asynccontextmanager
async def worker(
    books: Database, *consumers: Subscription | TaskHandler | OutboundTaskHandler
) -> AsyncIterator[Dispatcher]:
    subscriptions = [consumer for consumer in consumers if isinstance(consumer, Subscription)]
    tasks = [consumer for consumer in consumers if not isinstance(consumer, Subscription)]
    named: dict[str, Consumer] = consumers_of(subscriptions, tasks)
    drain = Drain(books, named, work_for=books_work, clock=SystemClock(), owner="test")
    relays = [Relay(books, "shop", subscriptions, holder="test")] if subscriptions else []
    hints = InProcessHints(drain)
    chores = [Housekeeping(books, named, keep_events=timedelta(days=7))]
    dispatcher = Dispatcher(books, relays, named, hints, chores)
    running = asyncio.create_task(dispatcher.run())
    yield dispatcher
    dispatcher.stop()
    await running
    await hints.finish()


async def states(books: Database) -> dict[str, int]:
    async with books.reading() as connection:
        rows = await connection.execute(text("SELECT state, count(*) FROM deliveries GROUP BY state"))
        return {row.state: row.count for row in rows}


async def until(books: Database, expected: dict[str, int]) -> None:
    seen: dict[str, int] = {}
    for _ in range(400):
        seen = await states(books)
        if seen == expected:
            return
        await asyncio.sleep(0.025)
    pytest.fail(f"expected {expected}, saw {seen}")


Effects = Callable[[], Awaitable[list[int]]]


async def note(event: PlacedOrder, _envelope: Envelope, work: LedgerWork) -> None:
    await work.connection.execute(text("INSERT INTO effects (number) VALUES (:n)"), {"n": event.number})

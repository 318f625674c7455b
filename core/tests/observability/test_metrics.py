"""What is measured is told under declared names, and nothing that a caller makes up becomes a time series."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import SendReceipt
from core.tests.messaging.test_schedules import hourly, last_seen
from hedgerow_core.domain import SystemClock
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.messaging import CatchUp, OutboundTaskHandler, Scheduler, consumers_of, health
from hedgerow_core.messaging.calling_out import called
from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.observability import tracing
from hedgerow_core.observability.catalogue import Kind, Metric, metrics
from hedgerow_core.observability.labels import LABELS, NO_ROUTE, OTHER_METHOD
from hedgerow_core.observability.metrics import HTTP_SECONDS, REGISTRY
from hedgerow_core.observability.tallies import Tally
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.database import POOL_SIZE
from hedgerow_core.persistence.observing import Observer

NAME = "books.send_receipt"
BOUNDS = (0.001, 0.01, 0.1, 1.0, 10.0)


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def undeclared(found: Iterable[Metric]) -> set[str]:
    return {label for metric in found for label in metric.labels if label not in LABELS}


def test_every_label_is_declared() -> None:
    registry = CollectorRegistry()
    Counter("made_up", "…", ["context", "user_id"], registry=registry)

    assert undeclared(metrics().values()) == set(), "say in labels.py what may stand in it"
    assert undeclared(metrics(registry).values()) == {"user_id"}, "the twin"


def test_every_declared_label_is_one_of_a_metric() -> None:
    assert LABELS.keys() == {label for metric in metrics().values() for label in metric.labels}


@pytest.mark.parametrize("metric", metrics().values(), ids=lambda metric: metric.name)
def test_a_metric_is_named_after_its_unit_and_says_what_it_means(metric: Metric) -> None:
    assert metric.name.startswith("hedgerow_")
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.name.removesuffix("_total").endswith(f"_{metric.unit}") or not metric.unit
    assert ("_seconds" in metric.name) == (metric.unit == "seconds")
    assert metric.meaning.endswith(".")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.add_middleware(RequestBoundary)

    @app.get("/measured/{id}")
    async def measured(id: str) -> str:
        return id

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


def requests(method: str, route: str, status: int) -> float:
    name = "hedgerow_http_request_duration_seconds_count"
    return told(name, method=method, route=route, status=str(status))


async def test_a_request_is_counted_by_its_routes_template_and_not_by_its_path(http: httpx.AsyncClient) -> None:
    for _ in range(3):
        await http.get(f"/measured/{uuid4()}")
    nowhere = requests("GET", NO_ROUTE, 404)
    await http.get(f"/nowhere/{uuid4()}")

    assert requests("GET", "/measured/{id}", 200) == 3
    assert requests("GET", NO_ROUTE, 404) == nowhere + 1


async def test_what_callers_make_up_makes_no_series(http: httpx.AsyncClient) -> None:
    async def made_up() -> None:
        await http.request(uuid4().hex[:8].upper(), "/measured/one")
        await http.request(uuid4().hex[:8].upper(), f"/{uuid4()}")

    await made_up()
    series = len(HTTP_SECONDS.series)
    for _ in range(20):
        await made_up()

    assert len(HTTP_SECONDS.series) == series
    assert requests(OTHER_METHOD, "/measured/{id}", 405) >= 21


@given(st.lists(st.floats(0, 20)))
def test_a_tally_tells_what_the_library_would_tell(observed: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally("made_up_seconds", "…", ("route",), buckets=BOUNDS, unit="seconds", registry=ours)
    library = Histogram("made_up_seconds", "…", ["route"], buckets=BOUNDS, unit="seconds", registry=theirs)
    for amount in [*observed, *BOUNDS]:
        tally.of("a").observe(amount)
        library.labels("a").observe(amount)

    told = generate_latest(ours)

    assert told.splitlines() == [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    tally.of("a").observe(1)
    assert generate_latest(ours) != told, "the twin"


def outbound(call: Any) -> Consumer:
    async def apply(_task: object, _answer: object, _work: object) -> None: ...

    return consumers_of([], [OutboundTaskHandler(task=SendReceipt, call=call, apply=apply)])[NAME]


def calls(outcome: str) -> float:
    name = "hedgerow_task_call_duration_seconds_count"
    return told(name, context="books", subscription=NAME, outcome=outcome)


async def test_a_call_outside_is_answered_failed_or_late() -> None:
    async def answers(_task: object) -> str:
        return "sent"

    async def breaks(_task: object) -> str:
        raise RuntimeError("no")

    async def hangs(_task: object) -> str:
        await asyncio.sleep(60)
        return "never"

    before = {outcome: calls(outcome) for outcome in ("answered", "failed", "late")}
    assert await called("books", outbound(answers), SendReceipt(number=1)) == "sent"
    with pytest.raises(RuntimeError):
        await called("books", outbound(breaks), SendReceipt(number=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await called("books", outbound(hangs), SendReceipt(number=1))

    assert {outcome: calls(outcome) - count for outcome, count in before.items()} == dict.fromkeys(before, 1)


async def test_ticks_are_counted_and_each_begins_a_trace(books: Database) -> None:
    scheduler = Scheduler(books, [hourly(CatchUp.ALL)], SystemClock())
    await scheduler.open()
    labels = {"context": "books", "schedule": "books.hourly"}
    made, late = (told(f"hedgerow_schedule_ticks{which}_total", **labels) for which in ("", "_late"))

    await last_seen(books, timedelta(hours=5))
    await scheduler.step()

    async with books.reading() as connection:
        rows = (await connection.execute(text("SELECT traceparent, correlation_id FROM deliveries"))).all()
    assert told("hedgerow_schedule_ticks_total", **labels) - made == len(rows) >= 5
    assert len(rows) - 1 <= told("hedgerow_schedule_ticks_late_total", **labels) - late <= len(rows)
    assert {tracing.trace_id_in(row.traceparent) for row in rows} == {row.correlation_id for row in rows}
    assert len({row.correlation_id for row in rows}) == len(rows)


async def test_a_schedule_that_nobody_ticks_is_overdue(books: Database) -> None:
    scheduler = Scheduler(books, [hourly()], SystemClock())

    async def overdue() -> dict[str, float]:
        async with books.reading() as connection:
            return await health.overdue(connection, ["books.hourly", "books.unseen"])

    assert await overdue() == {}, "nobody has seen it yet"
    await scheduler.open()
    assert await overdue() == {"books.hourly": 0}
    await last_seen(books, timedelta(hours=5))
    assert 5 * 3600 <= (await overdue())["books.hourly"] < 7 * 3600


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - a pool tells nobody
            await asyncio.sleep(0.01)


async def test_a_pool_tells_who_has_a_connection_who_waits_and_who_got_none(
    shop_and_books: DatabaseAddress,
) -> None:
    turned_away: list[bool] = []
    shop = Database(shop_and_books, "shop", pool_wait_s=0.3)
    shop.observer = Observer(
        nested=lambda _: None, refused=lambda: None, turned_away=lambda: turned_away.append(True)
    )
    assert (shop.in_use, shop.queue.waiting) == (0, 0), "asking connects nowhere"
    release = asyncio.Event()

    async def hold() -> None:
        async with shop.transaction():
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(POOL_SIZE)]
    await until(lambda: shop.in_use == POOL_SIZE and not shop.queue.waiting)
    one_too_many = asyncio.create_task(shop.ping())
    await until(lambda: bool(shop.queue.waiting))
    assert (shop.queue.waiting, shop.in_use) == (1, POOL_SIZE)
    (refused,) = await asyncio.gather(one_too_many, return_exceptions=True)
    release.set()
    await asyncio.gather(*holders)

    assert getattr(refused, "code", None) == "database_busy"
    assert turned_away == [True]
    assert (shop.in_use, shop.queue.waiting) == (0, 0)
    await shop.close()

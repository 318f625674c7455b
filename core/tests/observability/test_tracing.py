"""One trace tells the whole story: request → outbox → handler → what that records, with and without an SDK."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from core.tests.messaging.shop_and_books import Order, PlacedOrder, SendReceipt, books_work, place
from core.tests.questions.orchard import A_TREE, Orchard, Tree, raises
from hedgerow_core.application import Cause, caused_by
from hedgerow_core.application.questions import QuestionFailed
from hedgerow_core.domain import NotFoundError, SystemClock, new_id
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.messaging import (
    Drain,
    Envelope,
    LedgerWork,
    Relay,
    RetryPolicy,
    Subscription,
    TaskHandler,
    consumers_of,
)
from hedgerow_core.observability import tracing
from hedgerow_core.persistence import Database
from hedgerow_core.testing import work_off_all

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = "canary-4111"


@asynccontextmanager
async def api(shop: Database) -> AsyncIterator[httpx.AsyncClient]:
    """One route, which places an order."""
    app = FastAPI()
    app.add_middleware(RequestBoundary)

    @app.post("/orders")
    async def orders(number: int = 1, id: UUID | None = None) -> None:
        await place(shop, Order(id or new_id()), number)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


async def ask_for_a_receipt(event: PlacedOrder, _envelope: Envelope, work: LedgerWork) -> None:
    await work.tasks.enqueue(SendReceipt(number=event.number))


async def send(_task: SendReceipt, _work: LedgerWork) -> None:
    return None


async def refuse(_task: SendReceipt, _work: LedgerWork) -> None:
    raise RuntimeError(f"no mail for {SECRET}")


async def refuse_order(_event: PlacedOrder, _envelope: Envelope, _work: LedgerWork) -> None:
    raise RuntimeError(f"no room for {SECRET}")


NAME = "books.note_order"
ONCE = RetryPolicy(first_wait=timedelta(hours=1))


async def work_off(books: Database, *, note: Any = ask_for_a_receipt, receipts: Any = send) -> None:
    """Carry and handle what there is; the handler of the event records a task."""
    noting = Subscription(name=NAME, event="shop.order_placed", model=PlacedOrder, handle=note, retry=ONCE)
    task = TaskHandler(task=SendReceipt, handle=receipts, retry=ONCE)
    relay = Relay(books, "shop", [noting], holder="test")
    await relay.open()
    while await relay.step():
        pass
    consumers = consumers_of([noting], [task])
    drain = Drain(books, consumers, work_for=books_work, clock=SystemClock(), owner="test")
    await work_off_all(books, consumers, drain)


async def traceparents(database: Database, table: str) -> dict[str, list[tuple[str, str]]]:
    """Traceparent and correlation of every row, by type."""
    async with database.reading() as connection:
        rows = await connection.execute(text(f"SELECT type, traceparent, correlation_id FROM {table}"))
        found: dict[str, list[tuple[str, str]]] = {}
        for row in rows:
            found.setdefault(row.type, []).append((row.traceparent, row.correlation_id))
    return found


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
def sdk(
    provider: TracerProvider, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> InMemorySpanExporter:
    """An SDK that is set up for this test alone; the library knows only for ever."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    exporter.clear()
    return exporter


def named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


async def test_request_handler_and_follow_up_share_one_trace(
    shop: Database, books: Database, sdk: InMemorySpanExporter
) -> None:
    async with api(shop) as client:
        await client.post("/orders", headers={"traceparent": CALLER})
    await work_off(books)

    (request,) = named(sdk, "POST /orders")
    (handler,) = named(sdk, f"process {NAME}")
    (follow_up,) = named(sdk, "process books.send_receipt")
    assert {trace_of(span) for span in (request, handler, follow_up)} == {tracing.trace_id_in(CALLER)}
    assert handler.parent is not None
    assert handler.parent.span_id == request.context.span_id
    assert follow_up.parent is not None
    assert follow_up.parent.span_id == handler.context.span_id


async def test_a_span_says_which_message_it_handles(
    shop: Database, books: Database, sdk: InMemorySpanExporter
) -> None:
    await place(shop, Order(new_id()), 1)
    await work_off(books)

    async with shop.reading() as connection:
        id = (await connection.execute(text("SELECT event_id FROM outbox"))).scalar_one()
    (handler,) = named(sdk, f"process {NAME}")
    assert handler.kind is trace.SpanKind.CONSUMER
    assert dict(handler.attributes or {}) == {
        "messaging.system": "hedgerow",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": NAME,
        "messaging.message.id": str(id),
        "hedgerow.attempt": 1,
    }


async def test_a_batch_is_linked_to_its_messages_and_each_is_handled_in_its_own_trace(
    shop: Database, books: Database, sdk: InMemorySpanExporter
) -> None:
    one_key = new_id()
    async with api(shop) as client:
        for number in (1, 2, 3):
            await client.post("/orders", params={"number": number, "id": str(one_key)})
    await work_off(books)

    requests = {trace_of(span) for span in named(sdk, "POST /orders")}
    (batch,) = named(sdk, f"process batch {NAME}")
    handlers = named(sdk, f"process {NAME}")
    assert len(requests) == 3
    assert {trace_of(span) for span in handlers} == requests
    assert trace_of(batch) not in requests
    assert (batch.attributes or {})["messaging.batch.message_count"] == len(batch.links) == 3
    inside = [span for span in handlers if [link.context.span_id for link in span.links] == [batch.context.span_id]]
    assert len(inside) == 3


async def test_a_failed_attempt_is_marked_and_its_span_carries_no_content(
    shop: Database, books: Database, sdk: InMemorySpanExporter
) -> None:
    await place(shop, Order(new_id()), 1)
    await work_off(books, receipts=refuse)

    (failed,) = named(sdk, "process books.send_receipt")
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "RuntimeError"
    assert SECRET not in failed.to_json()
    (fine,) = named(sdk, f"process {NAME}")
    assert fine.status.status_code is trace.StatusCode.UNSET


async def test_a_failed_batch_is_marked_and_its_spans_carry_no_content(
    shop: Database, books: Database, sdk: InMemorySpanExporter
) -> None:
    one_key = new_id()
    for number in (1, 2):
        await place(shop, Order(one_key), number)
    await work_off(books, note=refuse_order)

    (batch,) = named(sdk, f"process batch {NAME}")
    together, alone = named(sdk, f"process {NAME}")
    for span in (batch, together, alone):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert SECRET not in span.to_json()


@pytest.mark.parametrize("caller", [CALLER, None])
async def test_without_an_sdk_the_trace_flows_through_the_columns(
    shop: Database, books: Database, caller: str | None
) -> None:
    assert not tracing.is_tracing()
    async with api(shop) as client:
        answer = await client.post("/orders", headers={"traceparent": caller} if caller else {})
    await work_off(books)

    (published,) = (await traceparents(shop, "outbox"))["shop.order_placed"]
    handled = await traceparents(books, "deliveries")
    assert published[0] == (caller or published[0])
    assert tracing.well_formed(published[0])
    assert published[1] == tracing.trace_id_in(published[0]) == answer.headers["x-request-id"]
    assert handled == {"shop.order_placed": [published], "books.send_receipt": [published]}


async def test_a_message_that_belongs_to_no_trace_begins_one(shop: Database, books: Database) -> None:
    await place(shop, Order(new_id()), 1)
    await work_off(books)

    handled = await traceparents(books, "deliveries")
    assert handled["shop.order_placed"] == [(None, None)]
    ((follow_up, correlation),) = handled["books.send_receipt"]
    assert tracing.well_formed(follow_up)
    assert correlation == tracing.trace_id_in(follow_up)


@pytest.mark.parametrize(
    "header",
    [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        CALLER + "-more",
        "x" * 10_000,
    ],
)
def test_a_malformed_traceparent_is_not_taken_over(header: str) -> None:
    assert not tracing.well_formed(header)
    assert tracing.well_formed(CALLER), "the twin"


async def test_a_failure_is_one_line_with_all_names_and_no_content(
    shop: Database, books: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        await place(shop, Order(new_id()), 1)
        await work_off(books, receipts=refuse)

    written = capsys.readouterr().out + caplog.text
    (line,) = [line for line in written.splitlines() if "delivery_failed" in line]
    for fact in ("subscription", "publisher", "type", "event_id", "attempt", "error", "place", "retry_in_s"):
        assert re.search(rf"\b{fact}\b", re.sub(r"\x1b\[[\d;]*m", "", line)), fact
    assert "duration_ms" in line
    assert "RuntimeError" in line
    assert SECRET not in written
    async with books.reading() as connection:
        kept = (
            await connection.execute(text("SELECT errors::text FROM deliveries WHERE state = 'retry_wait'"))
        ).scalar_one()
    assert SECRET in kept, "who is asked for it finds it with the delivery"


async def ask_in(traceparent: str, orchard: Orchard) -> None:
    with caused_by(Cause(traceparent=traceparent)):
        await orchard.desk().ask("orchard.get_tree", A_TREE, as_=Tree)


async def test_a_question_and_its_answer_are_two_spans_of_the_asker_s_trace(sdk: InMemorySpanExporter) -> None:
    orchard = Orchard()

    await ask_in(CALLER, orchard)

    (asks,), (answers,) = named(sdk, "ask orchard.get_tree"), named(sdk, "answer orchard.get_tree")
    assert {trace_of(span) for span in (asks, answers)} == {tracing.trace_id_in(CALLER)}
    assert (asks.kind, answers.kind) == (trace.SpanKind.CLIENT, trace.SpanKind.SERVER)
    assert answers.parent is not None
    assert answers.parent.span_id == asks.context.span_id
    assert dict(answers.attributes or {}) == {
        "rpc.system": "hedgerow",
        "rpc.method": "orchard.get_tree",
        "hedgerow.asker": "press",
    }
    (met,) = orchard.causes
    assert f"{answers.context.span_id:016x}" in (met.traceparent or "")


async def test_an_answer_that_broke_is_marked_and_one_that_was_refused_is_not(sdk: InMemorySpanExporter) -> None:
    with pytest.raises(QuestionFailed):
        await ask_in(CALLER, Orchard(raises(RuntimeError(SECRET))))
    with pytest.raises(NotFoundError):
        await ask_in(CALLER, Orchard(raises(NotFoundError("none"))))

    broken, refused = named(sdk, "answer orchard.get_tree")
    assert (broken.attributes or {})["error.type"] == "RuntimeError"
    assert "error.type" not in (refused.attributes or {})
    assert all(SECRET not in str(span.to_json()) for span in sdk.get_finished_spans())


def test_a_grpc_call_has_a_span_in_the_trace_of_who_calls(sdk: InMemorySpanExporter) -> None:
    with tracing.called("shop.OrderService", "GetOrder", CALLER):
        within = tracing.current_traceparent() or ""
        tracing.call_ended(5)

    (span,) = named(sdk, "shop.OrderService/GetOrder")
    assert trace_of(span) == tracing.trace_id_in(CALLER) == tracing.trace_id_in(within)
    assert span.kind is trace.SpanKind.SERVER
    assert dict(span.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "shop.OrderService",
        "rpc.method": "GetOrder",
        "rpc.grpc.status_code": 5,
    }

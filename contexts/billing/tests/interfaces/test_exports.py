"""The export: RFC 4180, exact, harmless in a spreadsheet, and never half a file that looks whole."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy import event, text

from contexts.billing.tests.books import one_of_each, opened
from hedgerow_billing import plugin
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.document_ports import InvoiceRow
from hedgerow_billing.application.ports import CustomerNews
from hedgerow_billing.application.queries import export_invoices
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.infrastructure.work import PostgresBillingWork
from hedgerow_billing.interfaces import exports
from hedgerow_billing.interfaces.exports import COLUMNS, cell, cells, table
from hedgerow_core.application import ALL_ROWS, Bus, RowScope
from hedgerow_core.domain import new_id
from hedgerow_core.http import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.persistence import Database
from hedgerow_core.security import Principal
from hedgerow_core.testing import FakeClock

WorkOff = Callable[[], Awaitable[None]]


def rows_in(answer: httpx.Response) -> list[dict[str, str]]:
    """The table, by column."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


async def test_an_export_says_what_the_list_says(
    http: httpx.AsyncClient, bus: Bus, customer: UUID, work_off: WorkOff
) -> None:
    made = await one_of_each(bus, work_off, customer)

    answer = await http.get("/invoices.csv")

    rows = rows_in(answer)
    assert answer.headers["content-disposition"] == 'attachment; filename="invoices.csv"'
    assert answer.text.partition("\r\n")[0] == ",".join(COLUMNS)
    assert [row["id"] for row in rows] == [
        str(view.id) for view in sorted(made.values(), key=lambda each: each.id.bytes, reverse=True)
    ]
    (row,) = (row for row in rows if row["id"] == str(made["refunded"].id))
    assert row == {
        "id": str(made["refunded"].id),
        "number": made["refunded"].number,
        "status": "paid",
        "customer_id": str(customer),
        "customer_name": "",
        "currency": "EUR",
        "net": "49.97",
        "tax": "8.30",
        "total": "58.27",
        "credited": "8.27",
        "due": "0.00",
        "paid": "58.00",
        "refunded": "8.00",
        "created_at": "2026-01-15T12:00:00Z",
        "opened_at": "2026-01-15T12:00:00Z",
        "due_on": "2026-01-29",
        "overdue_at": "",
        "paid_at": "2026-01-15T12:00:00Z",
        "voided_at": "",
        "uncollectible_at": "",
    }
    for view in made.values():
        (told,) = (row for row in rows if row["id"] == str(view.id))
        assert told["due"].replace(".", "").lstrip("0") == str(view.due.amount or "")


async def test_rows_filters_and_order_are_those_of_the_list(
    http: httpx.AsyncClient, bus: Bus, customer: UUID, clock: FakeClock
) -> None:
    first = await opened(bus, customer)
    clock.advance(timedelta(seconds=1))
    second = await opened(bus, customer, currency="JPY")
    await bus.execute(VoidInvoice(customer_id=customer, invoice_id=second.id))
    await opened(bus, new_id())

    async def ids(query: str = "") -> list[str]:
        return [row["id"] for row in rows_in(await http.get(f"/invoices.csv{query}"))]

    assert await ids() == [str(second.id), str(first.id)]
    assert await ids("?sort=created_at") == [str(first.id), str(second.id)]
    assert await ids("?status=void") == [str(second.id)]
    assert await ids("?currency__in=EUR&overdue_at__is_null=true") == [str(first.id)]
    assert await ids(f"?number={first.number}") == [str(first.id)]


@pytest.mark.parametrize("query", ["limit=3", "cursor=x", "sort=status", "tip=1", "total=much"])
async def test_a_question_that_is_not_understood_is_refused_before_anything_is_sent(
    query: str, http: httpx.AsyncClient
) -> None:
    answer = await http.get(f"/invoices.csv?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_stretches_together_are_everything_in_one_short_statement_each(
    http: httpx.AsyncClient, bus: Bus, customer: UUID, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await opened(bus, customer) for _ in range(7)]
    monkeypatch.setattr(export_invoices, "STRETCH", 3)
    statements: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    rows = rows_in(await http.get("/invoices.csv"))

    assert [row["id"] for row in rows] == [str(invoice.id) for invoice in reversed(made)]
    assert len(statements) == 3


async def test_no_connection_is_held_while_somebody_reads(
    bus: Bus, customer: UUID, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await opened(bus, customer)
    monkeypatch.setattr(export_invoices, "STRETCH", 1)
    query = export_invoices.ExportInvoices(rows=RowScope(customer))
    pieces = exports._written(bus, query, await bus.ask(query))

    async for _piece in pieces:
        assert database.in_use == 0


async def test_a_customer_who_is_known_is_named(
    bus: Bus, customer: UUID, database: Database, clock: FakeClock
) -> None:
    await opened(bus, customer)
    async with database.transaction() as connection:
        work = PostgresBillingWork(connection, context="billing", clock=clock)
        await work.customers.learn(CustomerNews(id=customer, version=1, name="=Ann", email="ann@example.org"))

    (row,) = (await bus.ask(export_invoices.ExportInvoices(rows=ALL_ROWS))).items

    assert cells(row)[COLUMNS.index("customer_name")] == "'=Ann"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_a_cell_that_a_spreadsheet_would_work_out_is_defused(start: str) -> None:
    assert cell(f'{start}HYPERLINK("x")') == f'\'{start}HYPERLINK("x")'


def test_cells_that_are_harmless_stay_as_they_are() -> None:
    assert cell("Ann = Bob") == "Ann = Bob"
    assert cell(None) == ""
    assert cell(date(2026, 1, 29)) == "2026-01-29"
    assert cell(datetime(2026, 1, 15, 12, 0, 0, 5, tzinfo=UTC)) == "2026-01-15T12:00:00.000005Z"


def test_quotes_commas_and_lines_come_back() -> None:
    row = ['a "quoted" one', "a, b", "two\r\nlines", "", "Grüße"]

    written = table([row, ["x"] * 5])

    assert written.endswith(b"\r\n")
    assert next(csv.reader(io.StringIO(written.decode(), newline=""))) == row


@pytest.mark.parametrize(("currency", "total"), [("EUR", "19.99"), ("JPY", "1999"), ("KWD", "1.999")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, total: str) -> None:
    at = datetime(2026, 1, 15, tzinfo=UTC)
    row = InvoiceRow(
        id=new_id(),
        number=None,
        status=InvoiceStatus.DRAFT,
        customer_id=new_id(),
        customer_name=None,
        currency=currency,
        net=1999,
        tax=0,
        total=1999,
        credited=0,
        due=1999,
        paid=0,
        refunded=0,
        created_at=at,
        opened_at=None,
        due_on=None,
        overdue_at=None,
        paid_at=None,
        voided_at=None,
        uncollectible_at=None,
    )
    assert cells(row)[COLUMNS.index("total")] == total


@asynccontextmanager
async def served(container: BillingContainer, bus: Bus, customer: UUID) -> AsyncIterator[int]:
    """The routes behind a real server on loopback; its port."""

    async def authenticate(request: Request) -> None:
        request.state.principal = Principal(subject=customer, session=None, roles=frozenset({"user"}))

    app = FastAPI()
    install_problem_handlers(app)
    for router in plugin.routes(container, bus):
        for route in router.routes:
            assert isinstance(route, PipelineRoute)
            route.stages = (authenticate,)
            app.router.routes.append(route)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn gives nothing to wait for
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def test_an_export_that_breaks_off_does_not_look_complete(
    container: BillingContainer, bus: Bus, customer: UUID, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await opened(bus, customer)
    monkeypatch.setattr(export_invoices, "STRETCH", 2)
    async with served(container, bus, customer) as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/v1/billing/invoices.csv"
        assert len(rows_in(await client.get(url))) == 4, "the twin"
        asked = 0

        def fail(_connection: object, _cursor: object, _statement: str, *_: object) -> None:
            nonlocal asked
            asked += 1
            if asked == 2:
                raise RuntimeError("the second stretch fails")

        event.listen(database.engine.sync_engine, "before_cursor_execute", fail)
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await client.get(url)


async def test_an_export_ends_some_time(bus: Bus, customer: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        await opened(bus, customer)
    monkeypatch.setattr(export_invoices, "STRETCH", 1)
    monkeypatch.setattr(exports, "EXPORT_WITHIN", timedelta(seconds=-1))
    query = export_invoices.ExportInvoices(rows=RowScope(customer))

    with pytest.raises(exports.ExportTookTooLong):
        async for _piece in exports._written(bus, query, await bus.ask(query)):
            pass


async def test_who_could_not_notice_a_broken_end_gets_no_export(
    container: BillingContainer, bus: Bus, customer: UUID
) -> None:
    async with served(container, bus, customer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v1/billing/invoices.csv HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert b"422" in answer.partition(b"\r\n")[0]
    assert b"billing.export_needs_http_1_1" in answer


async def test_the_export_is_written_in_the_lists_own_index(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_sort = off"))
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT invoices.id, customers.name FROM invoices "
                "LEFT JOIN customers ON customers.id = invoices.customer_id "
                "ORDER BY invoices.created_at DESC, invoices.id DESC LIMIT 501"
            )
        )
        lines = "\n".join(plan.scalars())
    assert "ix_invoices_created" in lines

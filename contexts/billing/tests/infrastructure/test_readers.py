"""The rules of reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text

from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.queries.list_invoices import ListInvoices
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.errors import InvoiceNotFound
from hedgerow_core.application import ALL_ROWS, Bus, Filter, Operator, RowScope
from hedgerow_core.domain import ValidationError, new_id
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock

OpenOne = Callable[..., Awaitable[InvoiceView]]


async def test_a_foreign_and_a_missing_invoice_look_the_same(bus: Bus, customer: UUID, open_one: OpenOne) -> None:
    invoice = await open_one()
    for query in (
        GetInvoice(rows=RowScope(new_id()), invoice_id=invoice.id),
        GetInvoice(rows=RowScope(customer), invoice_id=new_id()),
    ):
        with pytest.raises(InvoiceNotFound):
            await bus.ask(query)
    assert not (await bus.ask(ListInvoices(rows=RowScope(new_id()), limit=10))).items


async def test_who_looks_after_all_reaches_everybodys_invoices(bus: Bus, customer: UUID, open_one: OpenOne) -> None:
    mine, theirs = await open_one(), await open_one(of=new_id())
    assert await bus.ask(GetInvoice(rows=ALL_ROWS, invoice_id=theirs.id)) == theirs
    everybodys = await bus.ask(ListInvoices(rows=ALL_ROWS, limit=10))
    assert [invoice.id for invoice in everybodys.items] == [theirs.id, mine.id]
    of_one = (Filter("customer_id", Operator.EQ, customer),)
    assert (await bus.ask(ListInvoices(rows=ALL_ROWS, limit=10, filters=of_one))).items == [mine]
    foreign = (Filter("customer_id", Operator.EQ, theirs.customer_id),)
    assert (await bus.ask(ListInvoices(rows=RowScope(customer), limit=10, filters=foreign))).items == []


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "total", "-total"])
async def test_pages_together_are_the_whole_sorted_list(
    sort: str, bus: Bus, customer: UUID, open_one: OpenOne, clock: FakeClock
) -> None:
    made = []
    for total in (300, 100, 300, 200, 100):
        made.append(await open_one(total=total))
        clock.advance(timedelta(microseconds=total % 200))  # some share their moment
    seen: list[InvoiceView] = []
    cursor = None
    while True:
        page = await bus.ask(ListInvoices(rows=RowScope(customer), limit=2, sort=sort, cursor=cursor))
        assert len(page.items) <= 2
        seen += page.items
        cursor = page.next
        if cursor is None:
            break
    key = sort.removeprefix("-")
    in_order = sorted(
        made,
        key=lambda view: (view.created_at if key == "created_at" else view.total.amount, view.id.bytes),
        reverse=sort.startswith("-"),
    )
    assert [view.id for view in seen] == [view.id for view in in_order]


async def test_the_list_can_be_narrowed_to_a_state(bus: Bus, customer: UUID, open_one: OpenOne) -> None:
    void, stays = await open_one(), await open_one()
    await bus.execute(VoidInvoice(customer_id=customer, invoice_id=void.id))
    page = await bus.ask(
        ListInvoices(rows=RowScope(customer), limit=10, filters=(Filter("status", Operator.EQ, "open"),))
    )
    assert [view.id for view in page.items] == [stays.id]


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [("status", None), ("total,total", None), ("total,", None), ("-total", "x"), ("total", "WzFd")],
)
async def test_an_unknown_sort_key_or_cursor_is_refused(
    sort: str, cursor: str | None, bus: Bus, customer: UUID
) -> None:
    with pytest.raises(ValidationError):
        await bus.ask(ListInvoices(rows=RowScope(customer), limit=10, sort=sort, cursor=cursor))


async def test_a_list_with_payments_is_one_statement(
    bus: Bus, customer: UUID, open_one: OpenOne, database: Database
) -> None:
    for _ in range(3):
        invoice = await open_one()
        await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    statements: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    page = await bus.ask(ListInvoices(rows=RowScope(customer), limit=10))
    assert [len(view.payments) for view in page.items] == [1, 1, 1]
    assert len(statements) == 1


async def test_times_are_utc_whatever_the_session_says(
    bus: Bus, customer: UUID, open_one: OpenOne, clock: FakeClock, database: Database
) -> None:
    invoice = await open_one()
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    async with database.reading() as connection:
        await connection.execute(text("SET TIME ZONE 'Asia/Kathmandu'"))
    view = await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))
    assert view.payments[0].requested_at == clock.now()
    assert view.payments[0].requested_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("sort", ["-created_at", "total"])
async def test_the_owners_list_comes_out_of_an_index(sort: str, database: Database) -> None:
    order = "created_at DESC, id DESC" if sort == "-created_at" else "total, id"
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_sort = off"))
        plan = await connection.execute(
            text(f"EXPLAIN SELECT * FROM invoices WHERE customer_id = '{new_id()}' ORDER BY {order} LIMIT 21")
        )
        lines = "\n".join(plan.scalars())
    assert ("ix_invoices_owner_created" if sort == "-created_at" else "ix_invoices_owner_total") in lines

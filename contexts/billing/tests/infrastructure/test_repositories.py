"""The rules of saving."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, event, text
from sqlalchemy.exc import IntegrityError

from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain.errors import InvoiceNotFound, PaymentInProgress
from hedgerow_core.application import Bus
from hedgerow_core.domain import ConflictError, new_id
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
OpenOne = Callable[..., Awaitable[InvoiceView]]

_PAYMENT = """
    INSERT INTO payments (id, invoice_id, status, amount, currency, requested_at)
    VALUES (gen_random_uuid(), '{invoice}', '{status}', 1, 'EUR', now())
"""


async def test_an_invoice_comes_back_as_it_was_saved(
    database: Database, container: BillingContainer, clock: FakeClock, open_one: OpenOne
) -> None:
    opened = await open_one()
    async with database.transaction() as connection:
        work = container.work(connection)
        invoice = await work.invoices.get(opened.id)
        payment = invoice.request_payment(clock.now())
        invoice.payment_failed(payment.id, "card_declined", clock.now())
        invoice.request_payment(clock.now())
        await connection.execute(
            text("INSERT INTO payments VALUES (:id, :invoice, 'failed', 1999, 'EUR', :at, :at, NULL, 'x')"),
            {"id": payment.id, "invoice": invoice.id, "at": clock.now()},
        )
        await work.invoices.update(invoice)
        again = await work.invoices.get(invoice.id)
    assert again == invoice
    assert again.version == invoice.version == 3
    assert (again.lines, again.total, again.currency) == (invoice.lines, invoice.total, invoice.currency)
    assert [p.id for p in again.payments] == [p.id for p in invoice.payments]
    assert again.payments[1].requested_at == clock.now()


async def test_saving_over_somebody_elses_change_is_a_conflict(
    database: Database, container: BillingContainer, clock: FakeClock, open_one: OpenOne
) -> None:
    opened = await open_one()
    async with database.transaction() as connection:
        stale = await container.work(connection).invoices.get(opened.id)
    async with database.transaction() as connection:
        work = container.work(connection)
        fresh = await work.invoices.get(opened.id)
        fresh.void(clock.now())
        await work.invoices.update(fresh)
    stale.void(clock.now())
    with pytest.raises(ConflictError) as conflict:
        async with database.transaction() as connection:
            await container.work(connection).invoices.update(stale)
    assert conflict.value.code == "concurrent_change"


@pytest.mark.parametrize("status", ["pending", "unknown"])
async def test_the_database_allows_one_payment_in_progress(
    status: str, database: Database, open_one: OpenOne
) -> None:
    invoice = await open_one()
    payment = text(_PAYMENT.format(invoice=invoice.id, status=status))
    async with database.transaction() as connection:
        await connection.execute(payment)
    with pytest.raises(PaymentInProgress):
        async with database.transaction() as connection:
            await connection.execute(payment)


async def test_the_database_allows_no_payment_without_invoice(database: Database) -> None:
    with pytest.raises(InvoiceNotFound):
        async with database.transaction() as connection:
            await connection.execute(text(_PAYMENT.format(invoice=new_id(), status="pending")))


@pytest.mark.parametrize("status", ["paid", "void", "lost"])
async def test_the_database_knows_the_states(status: str, database: Database, open_one: OpenOne) -> None:
    invoice = await open_one()
    with pytest.raises(IntegrityError, match="ck_invoices"):
        async with database.transaction() as connection:
            await connection.execute(
                text("UPDATE invoices SET status = :status WHERE id = :id"), {"status": status, "id": invoice.id}
            )


async def test_creating_an_invoice_takes_two_inserts(database: Database, bus: Bus, customer: UUID) -> None:
    statements: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    line = NewLine(description="Hedge", quantity=1, unit_price=1)
    await bus.execute(CreateInvoice(customer_id=customer, currency="EUR", lines=(line,)))
    assert [statement.split()[:3] for statement in statements] == [
        ["INSERT", "INTO", "invoices"],
        ["INSERT", "INTO", "outbox"],
    ]

"""The rules of the commands, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.errors import InvoiceNotFound, PaymentInProgress
from hedgerow_billing.domain.payment import PaymentStatus
from hedgerow_core.application import Bus, RowScope
from hedgerow_core.domain import ConflictError, ValidationError, new_id

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
OpenOne = Callable[..., Awaitable[InvoiceView]]

LINES = (
    NewLine(description="Hawthorn, bare root", quantity=40, unit_price=150),
    NewLine(description="Planting, 5 € a metre", quantity=3, unit_price=1999),
)


async def test_a_command_answers_what_a_query_then_reads(bus: Bus, customer: UUID, open_one: OpenOne) -> None:
    draft = await bus.execute(CreateInvoice(customer_id=customer, currency="EUR", lines=LINES))
    assert draft.version == 1
    assert (draft.total.amount, [line.amount for line in draft.lines]) == (11997, [6000, 5997])
    assert draft == await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=draft.id))

    invoice = await open_one()
    pending = await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    assert pending.version == 3
    assert pending == await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))


async def test_every_change_publishes_its_event_with_the_saved_version(
    bus: Bus, customer: UUID, open_one: OpenOne, rows: Rows
) -> None:
    paid = await open_one(total=700)
    pending = await bus.execute(RequestPayment(customer_id=customer, invoice_id=paid.id))
    void = await open_one(total=800)
    await bus.execute(VoidInvoice(customer_id=customer, invoice_id=void.id))

    published = await rows("SELECT * FROM outbox ORDER BY id")
    assert [(row.type, row.aggregate_version) for row in published] == [
        ("billing.invoice_created", 1),
        ("billing.invoice_opened", 2),
        ("billing.payment_requested", 3),
        ("billing.invoice_created", 1),
        ("billing.invoice_opened", 2),
        ("billing.invoice_voided", 3),
    ]
    assert {(row.aggregate_type, row.version) for row in published} == {("invoice", 1)}
    assert published[2].payload == {
        "invoice_id": str(paid.id),
        "customer_id": str(customer),
        "payment_id": str(pending.payments[0].id),
        "amount": 700,
        "currency": "EUR",
        "requested_at": "2026-01-15T12:00:00Z",
    }


async def test_a_request_for_payment_records_payment_and_task_together(
    bus: Bus, customer: UUID, open_one: OpenOne, rows: Rows
) -> None:
    invoice = await open_one()
    pending = await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    (payment,) = pending.payments
    assert payment.status is PaymentStatus.PENDING
    (task,) = await rows("SELECT * FROM deliveries")
    assert task.subscription == "billing.charge_payment"
    assert task.ordering_key == str(payment.id)
    assert task.payload == {
        "payment_id": str(payment.id),
        "invoice_id": str(invoice.id),
        "requested_at": "2026-01-15T12:00:00Z",
    }


@pytest.mark.parametrize("command", [OpenInvoice, VoidInvoice, RequestPayment])
async def test_nobody_acts_on_a_foreign_invoice(
    command: type[OpenInvoice | VoidInvoice | RequestPayment], bus: Bus, open_one: OpenOne
) -> None:
    invoice = await open_one()
    with pytest.raises(InvoiceNotFound):
        await bus.execute(command(customer_id=new_id(), invoice_id=invoice.id))


async def test_a_refused_command_leaves_nothing_behind(bus: Bus, customer: UUID, rows: Rows) -> None:
    with pytest.raises(ValidationError):
        await bus.execute(CreateInvoice(customer_id=customer, currency="DEM", lines=LINES))
    assert await rows("SELECT 1 FROM invoices") == await rows("SELECT 1 FROM outbox") == []


async def test_of_many_requests_for_payment_at_once_one_wins(
    bus: Bus, customer: UUID, open_one: OpenOne, rows: Rows
) -> None:
    invoice = await open_one()
    request = RequestPayment(customer_id=customer, invoice_id=invoice.id)
    answers = await asyncio.gather(*(bus.execute(request) for _ in range(8)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(refused) == 7
    assert {type(error) for error in refused} == {PaymentInProgress}
    assert len(await rows("SELECT 1 FROM payments")) == 1
    assert len(await rows("SELECT 1 FROM deliveries")) == 1


async def test_void_against_request_for_payment_has_one_winner(bus: Bus, customer: UUID, open_one: OpenOne) -> None:
    for _ in range(10):
        invoice = await open_one()
        whose = {"customer_id": customer, "invoice_id": invoice.id}
        answers = await asyncio.gather(
            bus.execute(VoidInvoice(**whose)), bus.execute(RequestPayment(**whose)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(refused) == 1
        assert isinstance(refused[0], ConflictError)
        now = await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))
        assert (now.status == "void") == (not now.payments)

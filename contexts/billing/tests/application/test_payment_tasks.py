"""The rules of charging and reconciling, drained from a real ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.gateway import (
    KEYS_HOLD,
    Answer,
    ChargeRequest,
    GatewayTimeoutError,
    Moved,
)
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.tasks.charge_payment import ChargePayment
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import PaymentNotFound
from hedgerow_billing.domain.money import Money
from hedgerow_billing.infrastructure.gateways.sandbox import DECLINED, TIMES_OUT, UNAVAILABLE, SandboxGateway
from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application import Bus, RowScope
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
OpenOne = Callable[..., Awaitable[InvoiceView]]
WorkOff = Callable[[], Awaitable[None]]
Pay = Callable[[int], Awaitable[InvoiceView]]


class RecordingGateway:
    """Takes the money of every key once; says what it was asked; can lose its first answers."""

    def __init__(self, *, lost_answers: int = 0, found: Answer | None = None) -> None:
        self.charges: list[ChargeRequest] = []
        self._lost_answers = lost_answers
        self._found = found

    async def charge(self, request: ChargeRequest) -> Answer:
        self.charges.append(request)
        if len(self.charges) <= self._lost_answers:
            raise GatewayTimeoutError
        return Moved(reference=f"ref of {request.idempotency_key}")

    async def find_charge(self, request: ChargeRequest) -> Answer | None:
        return self._found


@pytest.fixture
def pay(bus: Bus, customer: UUID, open_one: OpenOne, work_off: WorkOff) -> Pay:
    """An open invoice of that total, its payment requested and worked off."""

    async def pay(total: int) -> InvoiceView:
        invoice = await open_one(total=total)
        await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
        await work_off()
        return await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))

    return pay


async def test_a_charge_that_succeeds_pays_the_invoice(pay: Pay, rows: Rows) -> None:
    invoice = await pay(1999)
    (payment,) = invoice.payments
    assert (invoice.status, payment.status, payment.failure) == ("paid", "succeeded", None)
    assert invoice.paid_at == payment.settled_at is not None
    (event,) = await rows("SELECT payload FROM outbox WHERE type = 'billing.invoice_paid'")
    assert event.payload["total_amount"] == 1999


async def test_a_declined_charge_leaves_the_invoice_open_and_payable(
    pay: Pay, bus: Bus, customer: UUID, work_off: WorkOff, rows: Rows
) -> None:
    invoice = await pay(DECLINED)
    assert (invoice.status, [p.failure for p in invoice.payments]) == ("open", ["card_declined"])
    (event,) = await rows("SELECT payload FROM outbox WHERE type = 'billing.payment_failed'")
    assert event.payload["reason"] == "card_declined"

    again = await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    assert [p.status for p in again.payments] == ["failed", "pending"]
    await work_off()
    twice = await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))
    assert [p.status for p in twice.payments] == ["failed", "failed"]


@pytest.mark.parametrize(
    "settings", [BillingSettings(gateway=Gateway.SANDBOX, sandbox_latency_s=0, reconcile_delay_s=3600)]
)
async def test_a_charge_that_times_out_is_unknown_until_the_reconciler_comes(pay: Pay, rows: Rows) -> None:
    unknown = await pay(TIMES_OUT)
    assert (unknown.status, unknown.payments[0].status) == ("open", "unknown")
    (task,) = await rows(
        "SELECT state, next_at > clock_timestamp() + interval '50 minutes' AS later FROM deliveries"
        " WHERE subscription = 'billing.reconcile_payment'"
    )
    assert (task.state, task.later) == ("pending", True)


async def test_the_reconciler_settles_what_timed_out(pay: Pay, rows: Rows) -> None:
    invoice = await pay(TIMES_OUT)
    assert (invoice.status, [p.status for p in invoice.payments]) == ("paid", ["succeeded"])
    assert {row.state for row in await rows("SELECT state FROM deliveries")} == {"completed"}


@pytest.mark.parametrize("gateway", [RecordingGateway(lost_answers=1)])
async def test_a_charge_the_gateway_never_heard_of_is_made_again_under_the_same_key(
    pay: Pay, gateway: RecordingGateway
) -> None:
    invoice = await pay(1999)
    assert invoice.status == "paid"
    key = f"hedgerow-payment-{invoice.payments[0].id}"
    assert [(charge.idempotency_key, charge.amount.amount) for charge in gateway.charges] == [(key, 1999)] * 2


@pytest.mark.parametrize("gateway", [RecordingGateway(lost_answers=2)])
async def test_a_gateway_that_stays_silent_is_asked_again_and_nothing_is_guessed(pay: Pay, rows: Rows) -> None:
    invoice = await pay(1999)
    assert (invoice.status, invoice.payments[0].status) == ("open", "unknown")
    (task,) = await rows("SELECT state FROM deliveries WHERE subscription = 'billing.reconcile_payment'")
    assert task.state == "retry_wait"


async def test_an_unavailable_gateway_is_tried_again_by_the_ledger(pay: Pay, rows: Rows) -> None:
    invoice = await pay(UNAVAILABLE)
    assert (invoice.status, invoice.payments[0].status) == ("open", "pending")
    (task,) = await rows("SELECT state, errors FROM deliveries")
    assert (task.state, task.errors[0]["type"]) == ("retry_wait", "GatewayUnavailableError")


@pytest.mark.parametrize("gateway", [RecordingGateway()])
async def test_a_settled_payment_is_not_charged_again(
    pay: Pay, container: BillingContainer, gateway: RecordingGateway, database: Database
) -> None:
    invoice = await pay(1999)
    handler = container.charge_payment()
    task = ChargePayment(payment_id=invoice.payments[0].id, invoice_id=invoice.id)
    assert await handler.call(task) is None
    async with database.transaction() as connection:
        await handler.apply(task, None, container.work(connection))
    assert len(gateway.charges) == 1


async def test_the_same_result_applied_twice_changes_nothing(
    pay: Pay, container: BillingContainer, gateway: SandboxGateway, database: Database, rows: Rows
) -> None:
    invoice = await pay(1999)
    payment = invoice.payments[0].id
    result = await gateway.find_charge(ChargeRequest.for_payment(payment, Money(1999, Currency("EUR"))))
    before = await rows("SELECT version, paid_at FROM invoices")
    async with database.transaction() as connection:
        work = container.work(connection)
        task = ChargePayment(payment_id=payment, invoice_id=invoice.id)
        await container.charge_payment().apply(task, result, work)
        await work.flush()
    assert await rows("SELECT version, paid_at FROM invoices") == before
    assert len(await rows("SELECT 1 FROM outbox WHERE type = 'billing.invoice_paid'")) == 1


@pytest.mark.parametrize(
    ("age", "charges"),
    [(KEYS_HOLD, 1), (KEYS_HOLD + timedelta(seconds=1), 0)],
    ids=["the key holds", "the key may be forgotten"],
)
@pytest.mark.parametrize("gateway", [RecordingGateway(found=Moved(reference="of before"))])
async def test_a_charge_that_may_be_older_than_its_key_is_looked_for_first(
    bus: Bus,
    customer: UUID,
    open_one: OpenOne,
    container: BillingContainer,
    gateway: RecordingGateway,
    clock: FakeClock,
    age: timedelta,
    charges: int,
) -> None:
    gateway.charges.clear()
    invoice = await open_one()
    pending = await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    clock.advance(age)
    task = ChargePayment(payment_id=pending.payments[0].id, invoice_id=invoice.id)
    assert isinstance(await container.charge_payment().call(task), Moved)
    assert len(gateway.charges) == charges


async def test_a_task_without_its_payment_fails_loudly(container: BillingContainer) -> None:
    with pytest.raises(PaymentNotFound):
        await container.charge_payment().call(ChargePayment(payment_id=new_id(), invoice_id=new_id()))

"""The rules of credits, refunds and write-offs, from the command to what the ledger did of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.gateway import (
    Answer,
    ChargeRequest,
    Declined,
    GatewayTimeoutError,
    Moved,
    RefundRequest,
)
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.tasks.refund_payment import RefundPayment
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain.errors import (
    CreditExceedsInvoice,
    InvoiceNotFound,
    InvoiceNotPaid,
    RefundExceedsPayment,
    RefundNotFound,
)
from hedgerow_billing.infrastructure.gateways.sandbox import REFUND_TIMES_OUT
from hedgerow_core.application import ALL_ROWS, Bus
from hedgerow_core.domain import PreconditionError, Versions, new_id
from hedgerow_core.persistence import Database

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
OpenOne = Callable[..., Awaitable[InvoiceView]]
WorkOff = Callable[[], Awaitable[None]]
Pay = Callable[..., Awaitable[InvoiceView]]


class ReluctantGateway:
    """Takes every charge; of refunds it loses the first answers, and then declines or gives back."""

    def __init__(self, *, lost_answers: int = 0, declines: bool = False) -> None:
        self.refunds: list[RefundRequest] = []
        self._lost_answers = lost_answers
        self._declines = declines

    async def charge(self, request: ChargeRequest) -> Answer:
        return Moved(reference=f"ref of {request.idempotency_key}")

    async def refund(self, request: RefundRequest) -> Answer:
        self.refunds.append(request)
        if len(self.refunds) <= self._lost_answers:
            raise GatewayTimeoutError
        return Declined(reason="charge_disputed") if self._declines else Moved(reference=f"back {request.charge}")

    async def find_refund(self, request: RefundRequest) -> Answer | None:
        return None


@pytest.fixture
def pay(bus: Bus, customer: UUID, open_one: OpenOne, work_off: WorkOff) -> Pay:
    async def pay(*, total: int = 1999) -> InvoiceView:
        invoice = await open_one(total=total)
        await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
        await work_off()
        return await now(bus, invoice)

    return pay


async def now(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.ask(GetInvoice(rows=ALL_ROWS, invoice_id=invoice.id))


async def balances(rows: Rows) -> dict[str, int]:
    return {row.account: int(row.sum) for row in await rows("SELECT account, sum(amount) FROM postings GROUP BY 1")}


def refund_of(invoice: InvoiceView, amount: int | None = None) -> RequestRefund:
    return RequestRefund(invoice_id=invoice.id, amount=amount, reason="cut twice")


async def test_a_credit_is_numbered_booked_and_told_of(bus: Bus, open_one: OpenOne, rows: Rows) -> None:
    invoice = await open_one()
    credited = await bus.execute(CreditInvoice(invoice_id=invoice.id, amount=500, reason="cut twice"))
    assert credited == await now(bus, invoice)
    assert (credited.due.amount, credited.credited.amount) == (1499, 500)
    assert [note.number for note in credited.credit_notes] == ["CN-000001"]
    assert await balances(rows) == {"receivable": 1499, "revenue": -1499}
    (event,) = await rows("SELECT payload FROM outbox WHERE type = 'billing.credit_note_issued'")
    assert (event.payload["number"], event.payload["amount"], event.payload["refund_id"]) == (
        "CN-000001",
        500,
        None,
    )


async def test_a_refused_credit_uses_no_number_up(bus: Bus, open_one: OpenOne) -> None:
    invoice = await open_one()
    with pytest.raises(CreditExceedsInvoice):
        await bus.execute(CreditInvoice(invoice_id=invoice.id, amount=1999, reason="all"))
    credited = await bus.execute(CreditInvoice(invoice_id=invoice.id, amount=1, reason="less"))
    assert credited.credit_notes[0].number == "CN-000001"


async def test_a_refund_that_succeeds_is_documented_and_booked(
    pay: Pay, bus: Bus, work_off: WorkOff, rows: Rows
) -> None:
    paid = await pay()
    requested = await bus.execute(refund_of(paid, 500))
    assert ([str(refund.status) for refund in requested.refunds], requested.credit_notes) == (["pending"], [])
    assert (requested.refunded.amount, requested.refundable.amount) == (500, 1499)
    await work_off()
    refunded = await now(bus, paid)
    assert [str(refund.status) for refund in refunded.refunds] == ["succeeded"]
    assert [note.refund_id for note in refunded.credit_notes] == [refunded.refunds[0].id]
    assert await balances(rows) == {"receivable": 0, "revenue": -1499, "gateway": 1499}
    (event,) = await rows("SELECT payload FROM outbox WHERE type = 'billing.invoice_refunded'")
    assert event.payload["amount"] == 500


@pytest.mark.parametrize("gateway", [ReluctantGateway(declines=True)])
async def test_a_declined_refund_leaves_the_money_and_no_trace_in_the_books(
    gateway: ReluctantGateway, pay: Pay, bus: Bus, work_off: WorkOff, rows: Rows
) -> None:
    paid = await pay()
    await bus.execute(refund_of(paid))
    await work_off()
    kept = await now(bus, paid)
    assert [(str(refund.status), refund.failure) for refund in kept.refunds] == [("failed", "charge_disputed")]
    assert (kept.refundable.amount, kept.credit_notes) == (1999, [])
    assert await balances(rows) == {"receivable": 0, "revenue": -1999, "gateway": 1999}
    assert await rows("SELECT 1 FROM number_series WHERE series = 'CN'") == []
    (event,) = await rows("SELECT payload FROM outbox WHERE type = 'billing.refund_failed'")
    assert event.payload["reason"] == "charge_disputed"


async def test_a_refund_that_times_out_is_settled_by_the_reconciler(pay: Pay, bus: Bus, work_off: WorkOff) -> None:
    paid = await pay(total=REFUND_TIMES_OUT)
    await bus.execute(refund_of(paid))
    await work_off()
    refunded = await now(bus, paid)
    assert [str(refund.status) for refund in refunded.refunds] == ["succeeded"]
    assert len(refunded.credit_notes) == 1


@pytest.mark.parametrize("gateway", [ReluctantGateway(lost_answers=1)])
async def test_a_refund_the_gateway_never_heard_of_is_asked_for_again_under_the_same_key(
    gateway: ReluctantGateway, pay: Pay, bus: Bus, work_off: WorkOff
) -> None:
    paid = await pay()
    requested = await bus.execute(refund_of(paid, 700))
    await work_off()
    key = f"hedgerow-refund-{requested.refunds[0].id}"
    charge = f"ref of hedgerow-payment-{paid.payments[0].id}"
    asked = [(one.idempotency_key, one.charge, one.amount.amount) for one in gateway.refunds]
    assert asked == [(key, charge, 700)] * 2
    assert [str(refund.status) for refund in (await now(bus, paid)).refunds] == ["succeeded"]


async def test_a_settled_refund_is_not_made_again_and_draws_no_second_number(
    pay: Pay, bus: Bus, container: BillingContainer, work_off: WorkOff, database: Database, rows: Rows
) -> None:
    paid = await pay()
    refund = (await bus.execute(refund_of(paid))).refunds[0]
    task = RefundPayment(refund_id=refund.id, invoice_id=paid.id)
    handler = container.refund_payment()
    outcome = await handler.call(task)
    await work_off()
    assert await handler.call(task) is None
    async with database.transaction() as connection:
        await handler.apply(task, outcome, container.work(connection))
    assert [row.latest for row in await rows("SELECT latest FROM number_series WHERE series = 'CN'")] == [1]
    assert len((await now(bus, paid)).credit_notes) == 1


async def test_a_task_without_its_refund_fails_loudly(container: BillingContainer) -> None:
    with pytest.raises(RefundNotFound):
        await container.refund_payment().call(RefundPayment(refund_id=new_id(), invoice_id=new_id()))


async def test_of_many_refunds_at_once_those_that_fit_are_made(pay: Pay, bus: Bus, work_off: WorkOff) -> None:
    paid = await pay(total=1000)
    answers = await asyncio.gather(*(bus.execute(refund_of(paid, 300)) for _ in range(8)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert {type(error) for error in refused} == {RefundExceedsPayment}
    assert len(refused) == 5
    await work_off()
    refunded = await now(bus, paid)
    assert (refunded.refunded.amount, refunded.refundable.amount) == (900, 100)


async def test_what_is_written_off_and_paid_after_all_is_recovered(
    bus: Bus, customer: UUID, open_one: OpenOne, work_off: WorkOff, rows: Rows
) -> None:
    invoice = await open_one()
    lost = await bus.execute(WriteOffInvoice(invoice_id=invoice.id))
    assert lost.status == "uncollectible"
    assert await balances(rows) == {"receivable": 0, "revenue": -1999, "bad_debt": 1999}

    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    await work_off()
    assert (await now(bus, invoice)).status == "paid"
    assert await balances(rows) == {"receivable": 0, "revenue": -1999, "bad_debt": 0, "gateway": 1999}


@pytest.mark.parametrize(
    "command",
    [
        lambda it, expected: CreditInvoice(invoice_id=it, amount=1, reason="less", expected=expected),
        lambda it, expected: RequestRefund(invoice_id=it, amount=1, reason="back", expected=expected),
        lambda it, expected: WriteOffInvoice(invoice_id=it, expected=expected),
    ],
)
async def test_each_names_the_version_that_it_means_and_an_invoice_that_is_there(
    command: Callable[[UUID, Versions | None], Any], bus: Bus, open_one: OpenOne
) -> None:
    invoice = await open_one()
    with pytest.raises(PreconditionError):
        await bus.execute(command(invoice.id, frozenset({99})))
    with pytest.raises(InvoiceNotFound):
        await bus.execute(command(new_id(), None))


async def test_what_is_not_paid_is_not_refunded(bus: Bus, open_one: OpenOne) -> None:
    invoice = await open_one()
    with pytest.raises(InvoiceNotPaid):
        await bus.execute(refund_of(invoice))

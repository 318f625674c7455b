"""Ask for the payment of an open invoice: the intent is recorded now, the gateway is called by a task."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.tasks.charge_payment import ChargePayment
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPayment(Command[InvoiceView]):
    """Collect the total."""

    customer_id: UUID
    invoice_id: UUID
    expected: Versions | None = None


class RequestPaymentHandler:
    """The payment and the task that charges it leave in one transaction: neither exists without the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RequestPayment, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, or ConflictError if it is not open or being paid already."""
        invoice = await work.invoices.of_customer(command.customer_id, command.invoice_id)
        invoice.demand_version(command.expected)
        payment = invoice.request_payment(self._clock.now())
        await work.invoices.update(invoice)
        charge = ChargePayment(payment_id=payment.id, invoice_id=invoice.id, requested_at=payment.requested_at)
        await work.tasks.enqueue(charge, key=str(payment.id))
        return view_of(invoice)

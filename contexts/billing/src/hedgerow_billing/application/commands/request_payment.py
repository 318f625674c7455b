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
    """Collect what is due."""

    customer_id: UUID
    invoice_id: UUID
    method: str | None = None
    """The gateway's name for how the customer pays; None is as the invoice says."""
    expected: Versions | None = None


class RequestPaymentHandler:
    """The payment and the task that charges it leave in one transaction: neither exists without the other.

    Under a lock: a payment that is asked for and one that the plan begins would else wait for each other.
    """

    def __init__(self, clock: Clock, *, method_needed: bool) -> None:
        self._clock = clock
        self._method_needed = method_needed

    async def __call__(self, command: RequestPayment, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, ValidationError, or ConflictError if it can't be paid now."""
        invoice = await work.invoices.locked(command.invoice_id, owner_id=command.customer_id)
        invoice.demand_version(command.expected)
        payment = invoice.request_payment(self._clock.now(), command.method, method_needed=self._method_needed)
        await work.invoices.update(invoice)
        await work.tasks.enqueue(ChargePayment(payment_id=payment.id, invoice_id=invoice.id), key=str(payment.id))
        return view_of(invoice)

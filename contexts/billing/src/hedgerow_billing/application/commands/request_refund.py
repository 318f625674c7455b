"""Ask for money to be given back: the intent is recorded now, the gateway is called by a task."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.tasks.refund_payment import RefundPayment
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_billing.domain.money import Money
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund(Command[InvoiceView]):
    """Give back `amount` minor units of what was paid, or all that is left of it, whoever paid it."""

    invoice_id: UUID
    amount: int | None
    reason: str
    expected: Versions | None = None


class RequestRefundHandler:
    """Under a lock: of many refunds at the same moment, each sees what those before it have left."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RequestRefund, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, or ConflictError if it is not paid, or less is left."""
        invoice = await work.invoices.locked(command.invoice_id)
        invoice.demand_version(command.expected)
        amount = None if command.amount is None else Money(command.amount, invoice.currency)
        refund = invoice.request_refund(amount, command.reason, self._clock.now())
        await work.invoices.update(invoice)
        await work.tasks.enqueue(RefundPayment(refund_id=refund.id, invoice_id=invoice.id), key=str(refund.id))
        return view_of(invoice)

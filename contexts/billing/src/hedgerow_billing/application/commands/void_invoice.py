"""Void an invoice that shall not be paid."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidInvoice(Command[InvoiceView]):
    """Withdraw a draft or an open invoice."""

    customer_id: UUID
    invoice_id: UUID
    expected: Versions | None = None


class VoidInvoiceHandler:
    """Only the owner's invoice is found, so nobody can act on another's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: VoidInvoice, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, or ConflictError if it is paid, void or being paid."""
        invoice = await work.invoices.of_customer(command.customer_id, command.invoice_id)
        invoice.demand_version(command.expected)
        invoice.void(self._clock.now())
        await work.invoices.update(invoice)
        return view_of(invoice)

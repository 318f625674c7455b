"""Write an invoice off: nobody counts on its money any more."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffInvoice(Command[InvoiceView]):
    """Give an open invoice up as uncollectible, whoever's it is."""

    invoice_id: UUID
    expected: Versions | None = None


class WriteOffInvoiceHandler:
    """For who looks after the books."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: WriteOffInvoice, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, or ConflictError if it is not open or being paid."""
        invoice = await work.invoices.get(command.invoice_id)
        invoice.demand_version(command.expected)
        invoice.write_off(self._clock.now())
        await work.invoices.update(invoice)
        return view_of(invoice)

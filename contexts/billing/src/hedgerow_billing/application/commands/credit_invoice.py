"""Credit some of an open invoice: so much less is owed, and a credit note says why."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_billing.domain.money import Money
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditInvoice(Command[InvoiceView]):
    """Have less owed, whoever owes it. `amount` in minor units of the invoice's currency, tax included."""

    invoice_id: UUID
    amount: int
    reason: str
    expected: Versions | None = None


class CreditInvoiceHandler:
    """For who looks after the books."""

    def __init__(self, *, clock: Clock, series: str) -> None:
        self._clock = clock
        self._series = series

    async def __call__(self, command: CreditInvoice, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, or ConflictError if not open, being paid or too small."""
        invoice = await work.invoices.locked(command.invoice_id)
        invoice.demand_version(command.expected)
        amount = Money(command.amount, invoice.currency)
        invoice.credit(await work.numbers.draw(self._series), amount, command.reason, self._clock.now())
        await work.invoices.update(invoice)
        return view_of(invoice)

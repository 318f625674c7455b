"""Open a draft, so that it can be paid."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoice(Command[InvoiceView]):
    """Make the draft binding."""

    customer_id: UUID
    invoice_id: UUID
    expected: Versions | None = None


class OpenInvoiceHandler:
    """Gives the invoice its number. Only the owner's is found, so nobody can act on another's."""

    def __init__(self, *, clock: Clock, series: str, plan: RetryPlan) -> None:
        self._clock = clock
        self._series = series
        self._plan = plan

    async def __call__(self, command: OpenInvoice, work: BillingWork) -> InvoiceView:
        """Raises InvoiceNotFound, PreconditionError, or ConflictError if it is no draft or comes to nothing."""
        invoice = await work.invoices.of_customer(command.customer_id, command.invoice_id)
        invoice.demand_version(command.expected)
        invoice.open(await work.numbers.draw(self._series), self._clock.now())
        invoice.plan_collection(self._plan)
        await work.invoices.update(invoice)
        return view_of(invoice)

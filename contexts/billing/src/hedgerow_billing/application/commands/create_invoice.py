"""Create a draft invoice for the customer who asks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.views import InvoiceView, view_of
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.invoice import DUE_DAYS, Invoice
from hedgerow_billing.domain.lines import InvoiceLine
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.taxes import TaxRate
from hedgerow_core.application import Command
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line as asked for; `unit_price` in minor units of the invoice's currency."""

    description: str
    quantity: int
    unit_price: int
    tax_rate: str = "0"
    """A percentage with at most three decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateInvoice(Command[InvoiceView]):
    """Write a draft."""

    id: UUID | None = None
    """Under which it is written; a new one unless the seed says so."""
    customer_id: UUID
    currency: str
    lines: tuple[NewLine, ...]
    due_days: int = DUE_DAYS
    automatic: bool = False
    payment_method: str | None = None


class CreateInvoiceHandler:
    """Two inserts: the invoice and its event. No customer row is needed, so billing works while users is away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: CreateInvoice, work: BillingWork) -> InvoiceView:
        """Raises ValidationError for an unknown currency, an impossible line or too large a total."""
        currency = Currency(command.currency)
        invoice = Invoice.draft(
            id=command.id,
            customer_id=command.customer_id,
            currency=currency,
            lines=[
                InvoiceLine(
                    description=line.description,
                    quantity=line.quantity,
                    unit_price=Money(line.unit_price, currency),
                    tax_rate=TaxRate.parse(line.tax_rate),
                )
                for line in command.lines
            ],
            at=self._clock.now(),
            due_days=command.due_days,
            automatic=command.automatic,
            payment_method=command.payment_method,
        )
        await work.invoices.add(invoice)
        return view_of(invoice)

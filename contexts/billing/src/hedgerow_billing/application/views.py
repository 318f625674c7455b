"""What callers see of an invoice: one read model, built from a changed aggregate or straight from a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_billing.domain.invoice import Invoice, InvoiceStatus
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.payment import PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyView:
    """An amount in minor units."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line; both amounts are minor units of the invoice's currency."""

    description: str
    quantity: int
    unit_price: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """An attempt to pay. `failure` is the gateway's reason, once it has refused."""

    id: UUID
    status: PaymentStatus
    amount: MoneyView
    requested_at: datetime
    settled_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice whole: lines in the order given, payments oldest first."""

    id: UUID
    customer_id: UUID
    status: InvoiceStatus
    total: MoneyView
    currency: str
    lines: Sequence[LineView]
    payments: Sequence[PaymentView]
    version: int
    created_at: datetime
    opened_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None


def view_of(invoice: Invoice) -> InvoiceView:
    """The read model of an aggregate in hand, so that a command answers without a second look at the database."""
    return InvoiceView(
        id=invoice.id,
        customer_id=invoice.customer_id,
        status=invoice.status,
        total=_money(invoice.total),
        currency=invoice.currency.code,
        lines=[
            LineView(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price.amount,
                amount=line.amount.amount,
            )
            for line in invoice.lines
        ],
        payments=[
            PaymentView(
                id=payment.id,
                status=payment.status,
                amount=_money(payment.amount),
                requested_at=payment.requested_at,
                settled_at=payment.settled_at,
                failure=payment.failure,
            )
            for payment in invoice.payments
        ],
        version=invoice.version,
        created_at=invoice.created_at,
        opened_at=invoice.opened_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
    )


def _money(money: Money) -> MoneyView:
    return MoneyView(amount=money.amount, currency=money.currency.code)

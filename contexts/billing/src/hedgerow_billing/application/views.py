"""What callers see of an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from hedgerow_billing.domain.credit_note import CreditNote
from hedgerow_billing.domain.invoice import Invoice, InvoiceStatus
from hedgerow_billing.domain.lines import InvoiceLine
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.taxes import Tax
from hedgerow_billing.domain.transfer import Payment, Refund, TransferStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyView:
    """An amount in minor units."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line; both amounts are minor units of the invoice's currency, before tax. The rate is a percentage."""

    description: str
    quantity: int
    unit_price: int
    tax_rate: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxView:
    """What the lines of a rate come to, and the tax on it, in minor units."""

    rate: str
    net: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """An attempt to pay. `failure` is the gateway's reason, once it has refused."""

    id: UUID
    status: TransferStatus
    amount: MoneyView
    automatic: bool
    requested_at: datetime
    settled_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundView:
    """Money on its way back, or back. `failure` is the gateway's reason, once it has refused."""

    id: UUID
    status: TransferStatus
    amount: MoneyView
    reason: str
    requested_at: datetime
    settled_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteView:
    """What was taken back, of which `tax` was tax."""

    id: UUID
    number: str
    amount: MoneyView
    tax: MoneyView
    reason: str
    issued_at: datetime
    refund_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice whole: lines in the order given, what happened to it oldest first."""

    id: UUID
    customer_id: UUID
    status: InvoiceStatus
    number: str | None
    currency: str
    net: MoneyView
    tax: MoneyView
    total: MoneyView
    due: MoneyView
    credited: MoneyView
    refunded: MoneyView
    refundable: MoneyView
    lines: Sequence[LineView]
    taxes: Sequence[TaxView]
    payments: Sequence[PaymentView]
    refunds: Sequence[RefundView]
    credit_notes: Sequence[CreditNoteView]
    automatic: bool
    due_days: int
    due_on: date | None
    collect_at: datetime | None
    version: int
    created_at: datetime
    opened_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None
    overdue_at: datetime | None


def view_of(invoice: Invoice) -> InvoiceView:
    """The read model of an aggregate, so that a command answers without a second look at the database."""
    return InvoiceView(
        id=invoice.id,
        customer_id=invoice.customer_id,
        status=invoice.status,
        number=None if invoice.number is None else str(invoice.number),
        currency=invoice.currency.code,
        net=_money(invoice.totals.net),
        tax=_money(invoice.totals.tax),
        total=_money(invoice.total),
        due=_money(invoice.due),
        credited=_money(invoice.credited),
        refunded=_money(invoice.refunded),
        refundable=_money(invoice.refundable),
        lines=[_line(line) for line in invoice.lines],
        taxes=[_tax(tax) for tax in invoice.totals.taxes],
        payments=[_payment(payment) for payment in invoice.payments],
        refunds=[_refund(refund) for refund in invoice.refunds],
        credit_notes=[_credit_note(note) for note in invoice.credit_notes],
        automatic=invoice.automatic,
        due_days=invoice.due_days,
        due_on=invoice.due_on,
        collect_at=invoice.collect_at,
        version=invoice.version,
        created_at=invoice.created_at,
        opened_at=invoice.opened_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        uncollectible_at=invoice.uncollectible_at,
        overdue_at=invoice.overdue_at,
    )


def _money(money: Money) -> MoneyView:
    return MoneyView(amount=money.amount, currency=money.currency.code)


def _line(line: InvoiceLine) -> LineView:
    return LineView(
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price.amount,
        tax_rate=str(line.tax_rate),
        amount=line.net.amount,
    )


def _tax(tax: Tax) -> TaxView:
    return TaxView(rate=str(tax.rate), net=tax.net.amount, amount=tax.amount.amount)


def _payment(payment: Payment) -> PaymentView:
    return PaymentView(
        id=payment.id,
        status=payment.status,
        amount=_money(payment.amount),
        automatic=payment.automatic,
        requested_at=payment.requested_at,
        settled_at=payment.progress.settled_at,
        failure=payment.progress.failure,
    )


def _refund(refund: Refund) -> RefundView:
    return RefundView(
        id=refund.id,
        status=refund.status,
        amount=_money(refund.amount),
        reason=refund.reason,
        requested_at=refund.requested_at,
        settled_at=refund.progress.settled_at,
        failure=refund.progress.failure,
    )


def _credit_note(note: CreditNote) -> CreditNoteView:
    return CreditNoteView(
        id=note.id,
        number=str(note.number),
        amount=_money(note.amount),
        tax=_money(note.tax),
        reason=note.reason,
        issued_at=note.issued_at,
        refund_id=note.refund_id,
    )

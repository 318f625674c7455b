"""How an invoice is read: one statement that brings its payments along, and what its row becomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from hedgerow_billing.application.views import InvoiceView, LineView, MoneyView, PaymentView
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.invoice import Invoice, InvoiceStatus
from hedgerow_billing.domain.lines import InvoiceLine
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.payment import Payment, PaymentStatus
from hedgerow_billing.infrastructure.tables import invoices, payments

# Index: ix_payments_invoice.
_payments_of_invoice = (
    select(
        func.coalesce(
            func.jsonb_agg(
                aggregate_order_by(func.to_jsonb(payments.table_valued()), payments.c.requested_at, payments.c.id)
            ),
            literal_column("'[]'::jsonb"),
            type_=JSONB,
        )
    )
    .select_from(payments)
    .where(payments.c.invoice_id == invoices.c.id)
    .scalar_subquery()
    .label("payments")
)

INVOICES_WITH_PAYMENTS: Select[Any] = select(invoices, _payments_of_invoice)
"""Whole invoices: narrow it down by `where`."""


def invoice_of(row: Row[Any]) -> Invoice:
    """The aggregate that was saved as this row."""
    currency = Currency(row.currency)
    return Invoice(
        row.id,
        customer_id=row.customer_id,
        currency=currency,
        lines=[
            InvoiceLine(
                description=line["description"],
                quantity=line["quantity"],
                unit_price=Money(line["unit_price"], currency),
            )
            for line in row.lines
        ],
        status=InvoiceStatus(row.status),
        payments=[_payment(payment) for payment in row.payments],
        created_at=row.created_at,
        opened_at=row.opened_at,
        paid_at=row.paid_at,
        voided_at=row.voided_at,
        version=row.version,
    )


def view_of_row(row: Row[Any]) -> InvoiceView:
    """The read model, past the domain: nothing is checked again that was checked when it was saved."""
    return InvoiceView(
        id=row.id,
        customer_id=row.customer_id,
        status=InvoiceStatus(row.status),
        total=MoneyView(amount=row.total, currency=row.currency),
        currency=row.currency,
        lines=[LineView(**line, amount=line["quantity"] * line["unit_price"]) for line in row.lines],
        payments=[_payment_view(payment) for payment in row.payments],
        version=row.version,
        created_at=row.created_at,
        opened_at=row.opened_at,
        paid_at=row.paid_at,
        voided_at=row.voided_at,
    )


def _payment(payment: Mapping[str, Any]) -> Payment:
    return Payment(
        UUID(payment["id"]),
        amount=Money(payment["amount"], Currency(payment["currency"])),
        requested_at=_time(payment["requested_at"]),
        status=PaymentStatus(payment["status"]),
        settled_at=_time_or_none(payment["settled_at"]),
        gateway_reference=payment["gateway_reference"],
        failure=payment["failure"],
    )


def _payment_view(payment: Mapping[str, Any]) -> PaymentView:
    return PaymentView(
        id=UUID(payment["id"]),
        status=PaymentStatus(payment["status"]),
        amount=MoneyView(amount=payment["amount"], currency=payment["currency"]),
        requested_at=_time(payment["requested_at"]),
        settled_at=_time_or_none(payment["settled_at"]),
        failure=payment["failure"],
    )


def _time(written: str) -> datetime:
    """jsonb writes a timestamp in the session's time zone, with its offset."""
    return datetime.fromisoformat(written).astimezone(UTC)


def _time_or_none(written: str | None) -> datetime | None:
    return None if written is None else _time(written)

"""How an invoice is read: one statement that brings along what belongs to it, and what its row becomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Table, case, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from hedgerow_billing.domain.credit_note import CreditNote
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.invoice import Invoice, InvoiceStatus
from hedgerow_billing.domain.lines import InvoiceLine
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.taxes import TaxRate
from hedgerow_billing.domain.transfer import Payment, Progress, Refund, TransferStatus
from hedgerow_billing.infrastructure.tables import credit_notes, invoices, payments, postings, refunds

_NONE: ColumnElement[Any] = literal_column("'[]'::jsonb", type_=JSONB)


def _of_invoice(table: Table, order: ColumnElement[Any]) -> ColumnElement[Any]:
    """All rows of the invoice, oldest first. Index: ix_<table>_invoice."""
    rows = func.jsonb_agg(aggregate_order_by(func.to_jsonb(table.table_valued()), order, table.c.id))
    return (
        select(func.coalesce(rows, _NONE, type_=JSONB))
        .select_from(table)
        .where(table.c.invoice_id == invoices.c.id)
        .scalar_subquery()
    )


_payments = _of_invoice(payments, payments.c.requested_at)
_all_refunds = _of_invoice(refunds, refunds.c.requested_at)
_all_credit_notes = _of_invoice(credit_notes, credit_notes.c.issued_at)
# Only what is paid is refunded: of anything else, nobody looks for refunds.
_refunds = case((invoices.c.status == InvoiceStatus.PAID, _all_refunds), else_=_NONE)
_credit_notes = case((invoices.c.credited > 0, _all_credit_notes), else_=_NONE)

WHOLE_INVOICES: Select[Any] = select(
    invoices,
    _payments.label("payments"),
    _refunds.label("refunds"),
    _credit_notes.label("credit_notes"),
)
"""Invoices with all that belongs to them: narrow it down by `where`."""

INVOICES_WITH_BOOKS: Select[Any] = select(
    invoices,
    _payments.label("payments"),
    _all_refunds.label("refunds"),
    _all_credit_notes.label("credit_notes"),
    _of_invoice(postings, postings.c.id).label("postings"),
)
"""The same, and all that is booked for them: for who trusts no column, and so looks everywhere."""


def invoice_of(row: Row[Any]) -> Invoice:
    """The aggregate that was saved as this row."""
    currency = Currency(row.currency)
    return Invoice(
        row.id,
        customer_id=row.customer_id,
        currency=currency,
        lines=[_line(line, currency) for line in row.lines],
        created_at=row.created_at,
        due_days=row.due_days,
        automatic=row.automatic,
        payment_method=row.payment_method,
        status=InvoiceStatus(row.status),
        number=None if row.place is None else DocumentNumber(row.series, row.place),
        due_on=row.due_on,
        payments=[_payment(payment, currency) for payment in row.payments],
        refunds=[_refund(refund, currency) for refund in row.refunds],
        credit_notes=[_credit_note(note, currency) for note in row.credit_notes],
        collect_at=row.collect_at,
        collect_attempts=row.collect_attempts,
        opened_at=row.opened_at,
        paid_at=row.paid_at,
        voided_at=row.voided_at,
        uncollectible_at=row.uncollectible_at,
        overdue_at=row.overdue_at,
        version=row.version,
    )


def _line(line: Mapping[str, Any], currency: Currency) -> InvoiceLine:
    return InvoiceLine(
        description=line["description"],
        quantity=line["quantity"],
        unit_price=Money(line["unit_price"], currency),
        tax_rate=TaxRate(line.get("tax_rate", 0)),  # older lines have none
    )


def _payment(payment: Mapping[str, Any], currency: Currency) -> Payment:
    return Payment(
        UUID(payment["id"]),
        amount=Money(payment["amount"], currency),
        requested_at=_time(payment["requested_at"]),
        progress=_progress(payment),
        method=payment["method"],
        automatic=payment["automatic"],
    )


def _refund(refund: Mapping[str, Any], currency: Currency) -> Refund:
    return Refund(
        UUID(refund["id"]),
        payment_id=UUID(refund["payment_id"]),
        amount=Money(refund["amount"], currency),
        reason=refund["reason"],
        requested_at=_time(refund["requested_at"]),
        progress=_progress(refund),
    )


def _progress(transfer: Mapping[str, Any]) -> Progress:
    return Progress(
        status=TransferStatus(transfer["status"]),
        settled_at=None if transfer["settled_at"] is None else _time(transfer["settled_at"]),
        gateway_reference=transfer["gateway_reference"],
        failure=transfer["failure"],
    )


def _credit_note(note: Mapping[str, Any], currency: Currency) -> CreditNote:
    return CreditNote(
        id=UUID(note["id"]),
        number=DocumentNumber(note["series"], note["place"]),
        amount=Money(note["amount"], currency),
        tax=Money(note["tax"], currency),
        reason=note["reason"],
        issued_at=_time(note["issued_at"]),
        refund_id=None if note["refund_id"] is None else UUID(note["refund_id"]),
    )


def _time(written: str) -> datetime:
    """jsonb writes a timestamp in the session's time zone, with its offset."""
    return datetime.fromisoformat(written).astimezone(UTC)

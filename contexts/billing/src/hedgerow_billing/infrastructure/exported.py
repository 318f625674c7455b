"""Reads what exports and documents say beside an invoice: one short statement each, outside any transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, case, func, select

from hedgerow_billing.application.document_ports import CustomerView, InvoiceRow
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_billing.infrastructure.invoice_pages import page_of_invoices
from hedgerow_billing.infrastructure.tables import customers, invoices, payments
from hedgerow_core.application import Filters, Page, RowScope
from hedgerow_core.persistence import Database, Scoped


def _of_payment(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What the payment that succeeded says; 0 where there is none. Index: ix_payments_invoice."""
    found = (
        select(column)
        .where(payments.c.invoice_id == invoices.c.id, payments.c.status == TransferStatus.SUCCEEDED)
        .limit(1)
        .scalar_subquery()
    )
    return case((invoices.c.status == InvoiceStatus.PAID, func.coalesce(found, 0)), else_=0)


_FLAT = [column for column in invoices.c if column is not invoices.c.lines]
# Indexes: as the list's, in infrastructure/readers.py.
_ROWS = Scoped(
    select(
        *_FLAT,
        customers.c.name.label("customer_name"),
        _of_payment(payments.c.amount).label("paid"),
        _of_payment(payments.c.refunded).label("refunded"),
    ).join_from(invoices, customers, customers.c.id == invoices.c.customer_id, isouter=True),
    invoices.c.customer_id,
)
_CUSTOMER = select(customers.c.id, customers.c.name, customers.c.email).where(
    customers.c.id == bindparam("customer_id")
)


class PostgresInvoiceRowReader:
    """The port `InvoiceRowReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, rows: RowScope, *, filters: Filters, sort: str, cursor: str | None, limit: int
    ) -> Page[InvoiceRow]:
        """Read a stretch."""
        return await page_of_invoices(
            self._database, _ROWS, rows, _row, filters=filters, sort=sort, cursor=cursor, limit=limit
        )


class PostgresCustomerReader:
    """The port `CustomerReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, customer_id: UUID) -> CustomerView:
        """Read the copy."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_CUSTOMER, {"customer_id": customer_id})).one_or_none()
        if row is None:
            return CustomerView(id=customer_id, name=None, email=None)
        return CustomerView(id=row.id, name=row.name, email=row.email)


def _row(row: Row[Any]) -> InvoiceRow:
    status = InvoiceStatus(row.status)
    return InvoiceRow(
        id=row.id,
        number=None if row.place is None else str(DocumentNumber(row.series, row.place)),
        status=status,
        customer_id=row.customer_id,
        customer_name=row.customer_name,
        currency=row.currency,
        net=row.total - row.tax,
        tax=row.tax,
        total=row.total,
        credited=row.credited,
        due=0 if status in {InvoiceStatus.PAID, InvoiceStatus.VOID} else row.total - row.credited,
        paid=row.paid,
        refunded=row.refunded,
        created_at=row.created_at,
        opened_at=row.opened_at,
        due_on=row.due_on,
        overdue_at=row.overdue_at,
        paid_at=row.paid_at,
        voided_at=row.voided_at,
        uncollectible_at=row.uncollectible_at,
    )

"""Answers questions with one statement each, outside any transaction and past the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select

from hedgerow_billing.application.ports import PaymentToSettle
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import PaymentNotFound
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.payment import PaymentStatus
from hedgerow_billing.infrastructure.rows import INVOICES_WITH_PAYMENTS, view_of_row
from hedgerow_billing.infrastructure.tables import invoices, payments
from hedgerow_core.application import Filters, Page, RowScope
from hedgerow_core.persistence import (
    Database,
    Scoped,
    SortKey,
    keyset,
    narrowed,
    page_of,
    parameters_of,
    sort_names,
)

_INVOICE = Scoped(INVOICES_WITH_PAYMENTS.where(invoices.c.id == bindparam("invoice_id")), invoices.c.customer_id)
# Indexes: ix_invoices_owner_created, ix_invoices_owner_total; for everybody's, ix_invoices_created.
_INVOICES = Scoped(INVOICES_WITH_PAYMENTS, invoices.c.customer_id)

_SORT_KEYS: Mapping[str, SortKey] = {
    "created_at": SortKey.of_time(invoices.c.created_at),
    "total": SortKey.of_integer(invoices.c.total),
}
_FILTERED = ("customer_id", "status", "currency", "total", "created_at", "opened_at", "paid_at")
_FILTERABLE: Mapping[str, ColumnElement[Any]] = {name: invoices.c[name] for name in _FILTERED}

_PAYMENT = select(payments.c.id, payments.c.amount, payments.c.currency, payments.c.status).where(
    payments.c.id == bindparam("payment_id")
)


class PostgresInvoiceReader:
    """The port `InvoiceReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, rows: RowScope, invoice_id: UUID) -> InvoiceView | None:
        """Read the invoice, payments included."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                _INVOICE.within(rows), {"invoice_id": invoice_id, **parameters_of(rows)}
            )
            row = found.one_or_none()
        return None if row is None else view_of_row(row)

    async def list(
        self,
        rows: RowScope,
        *,
        filters: Filters,
        sort: str,
        cursor: str | None,
        limit: int,
    ) -> Page[InvoiceView]:
        """Read a page of the invoices, payments included."""
        statement = keyset(
            narrowed(_INVOICES.within(rows), filters, _FILTERABLE),
            sort=sort,
            keys=_SORT_KEYS,
            id_column=invoices.c.id,
            cursor=cursor,
            limit=limit,
        )
        async with self._database.reading() as connection:
            found = (await connection.execute(statement, parameters_of(rows))).all()
        return page_of(
            found,
            limit=limit,
            sort=sort,
            sorted_by=lambda row: tuple(getattr(row, name) for name in sort_names(sort)),
            id_of=lambda row: row.id,
            read=view_of_row,
        )


class PostgresPaymentReader:
    """The port `PaymentReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, payment_id: UUID) -> PaymentToSettle:
        """Read what a task needs of the payment."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_PAYMENT, {"payment_id": payment_id})).one_or_none()
        if row is None:
            raise PaymentNotFound(payment_id)
        return PaymentToSettle(
            id=row.id,
            amount=Money(row.amount, Currency(row.currency)),
            status=PaymentStatus(row.status),
        )

"""Answers questions with one statement each, outside any transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, select

from hedgerow_billing.application.gateway import ChargeRequest, RefundRequest
from hedgerow_billing.application.ports import OutstandingCharge, OutstandingRefund
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import PaymentNotFound, RefundNotFound
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_billing.infrastructure.invoice_pages import page_of_invoices
from hedgerow_billing.infrastructure.rows import WHOLE_INVOICES
from hedgerow_billing.infrastructure.shown import invoice_view_of
from hedgerow_billing.infrastructure.tables import invoices, payments, refunds
from hedgerow_core.application import Filters, Page, RowScope
from hedgerow_core.persistence import (
    Database,
    Scoped,
    parameters_of,
)

_INVOICE = Scoped(WHOLE_INVOICES.where(invoices.c.id == bindparam("invoice_id")), invoices.c.customer_id)
# Indexes: ix_invoices_owner_created, ix_invoices_owner_total; for everybody's, ix_invoices_created.
_INVOICES = Scoped(WHOLE_INVOICES, invoices.c.customer_id)

_PAYMENT = select(payments).where(payments.c.id == bindparam("transfer_id"))
_REFUND = (
    select(refunds, payments.c.gateway_reference.label("charge"))
    .join_from(refunds, payments, payments.c.id == refunds.c.payment_id)
    .where(refunds.c.id == bindparam("transfer_id"))
)


class PostgresInvoiceReader:
    """The port `InvoiceReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, rows: RowScope, invoice_id: UUID) -> InvoiceView | None:
        """Read the invoice, payments included."""
        wanted = {"invoice_id": invoice_id, **parameters_of(rows)}
        found = await self._database.view(_INVOICE.within(rows), wanted, built_once=True)
        return invoice_view_of(found[0]) if found else None

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
        return await page_of_invoices(
            self._database, _INVOICES, rows, invoice_view_of, filters=filters, sort=sort, cursor=cursor, limit=limit
        )


class PostgresTransferReader:
    """The port `TransferReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def charge(self, payment_id: UUID) -> OutstandingCharge | None:
        """Read the payment."""
        row = await self._row(_PAYMENT, payment_id)
        if row is None:
            raise PaymentNotFound(payment_id)
        if TransferStatus(row.status).is_settled:
            return None
        request = ChargeRequest.for_payment(row.id, Money(row.amount, Currency(row.currency)), row.method)
        return OutstandingCharge(request=request, invoice_id=row.invoice_id, requested_at=row.requested_at)

    async def refund(self, refund_id: UUID) -> OutstandingRefund | None:
        """Read the refund, and under which name the gateway knows the charge."""
        row = await self._row(_REFUND, refund_id)
        if row is None:
            raise RefundNotFound(refund_id)
        if TransferStatus(row.status).is_settled:
            return None
        request = RefundRequest.for_refund(row.id, row.charge, Money(row.amount, Currency(row.currency)))
        return OutstandingRefund(request=request, invoice_id=row.invoice_id, requested_at=row.requested_at)

    async def _row(self, statement: Select[Any], id: UUID) -> Row[Any] | None:
        async with self._database.reading() as connection:
            row: Row[Any] | None = (await connection.execute(statement, {"transfer_id": id})).one_or_none()
        return row

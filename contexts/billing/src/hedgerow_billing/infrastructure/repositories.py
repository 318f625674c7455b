"""Saves and loads what a unit of work changes, on that unit's connection."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from hedgerow_billing.application.ports import Customer
from hedgerow_billing.domain.errors import InvoiceNotFound
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.domain.payment import Payment
from hedgerow_billing.infrastructure.rows import INVOICES_WITH_PAYMENTS, invoice_of
from hedgerow_billing.infrastructure.tables import customers, invoices, payments
from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import LedgerWork

_ADD_INVOICE = insert(invoices)

_BY_ID = INVOICES_WITH_PAYMENTS.where(invoices.c.id == bindparam("invoice_id"))
_OF_CUSTOMER = _BY_ID.where(invoices.c.customer_id == bindparam("owner_id"))

# Lines, total and owner are settled with the draft.
_UPDATE_INVOICE = (
    update(invoices)
    .where(invoices.c.id == bindparam("invoice_id"), invoices.c.version == bindparam("loaded_version"))
    .values({name: bindparam(f"new_{name}") for name in ("status", "version", "opened_at", "paid_at", "voided_at")})
)

_insert_payment = insert_or_update(payments)
_SAVE_PAYMENT = _insert_payment.on_conflict_do_update(
    index_elements=[payments.c.id],
    set_={
        name: _insert_payment.excluded[name] for name in ("status", "settled_at", "gateway_reference", "failure")
    },
)

_insert_customer = insert_or_update(customers)
_KEEP_CUSTOMER = _insert_customer.on_conflict_do_update(
    index_elements=[customers.c.id],
    set_={name: _insert_customer.excluded[name] for name in ("email", "name", "registered_at", "version")},
    where=customers.c.version < _insert_customer.excluded.version,
)


class PostgresInvoices:
    """The port `InvoiceRepository`."""

    def __init__(self, work: LedgerWork) -> None:
        self._work = work

    async def add(self, invoice: Invoice) -> None:
        """Insert the invoice; a draft has no payments yet."""
        await self._work.connection.execute(_ADD_INVOICE, _row_of_draft(invoice))
        self._work.saved(invoice, version=1)

    async def of_customer(self, customer_id: UUID, invoice_id: UUID) -> Invoice:
        """Load the customer's invoice."""
        return await self._load(_OF_CUSTOMER, {"invoice_id": invoice_id, "owner_id": customer_id})

    async def get(self, invoice_id: UUID) -> Invoice:
        """Load the invoice."""
        return await self._load(_BY_ID, {"invoice_id": invoice_id})

    async def update(self, invoice: Invoice) -> None:
        """Save the invoice if it is still at the version that was loaded.

        The payment goes first, so that of two requests at the same moment the later one meets
        `uq_payments_in_progress`, which says more than a lost version does.
        """
        if invoice.payments:
            # Only the latest can have changed: a new one begins when all others are settled.
            await self._work.connection.execute(_SAVE_PAYMENT, _payment_row(invoice.id, invoice.payments[-1]))
        version = invoice.version + 1
        updated = await self._work.connection.execute(
            _UPDATE_INVOICE,
            {
                "invoice_id": invoice.id,
                "loaded_version": invoice.version,
                "new_status": invoice.status,
                "new_version": version,
                "new_opened_at": invoice.opened_at,
                "new_paid_at": invoice.paid_at,
                "new_voided_at": invoice.voided_at,
            },
        )
        if updated.rowcount != 1:
            raise ConflictError(
                "Somebody else changed this invoice at the same moment. Look at it and try again.",
                code="concurrent_change",
            )
        self._work.saved(invoice, version=version)

    async def _load(self, statement: Select[Any], where: dict[str, UUID]) -> Invoice:
        row = (await self._work.connection.execute(statement, where)).one_or_none()
        if row is None:
            raise InvoiceNotFound
        return invoice_of(row)


class PostgresCustomers:
    """The port `CustomerRepository`."""

    def __init__(self, work: LedgerWork) -> None:
        self._work = work

    async def keep_latest(self, customer: Customer) -> None:
        """Insert the copy, or replace an older one."""
        await self._work.connection.execute(
            _KEEP_CUSTOMER,
            {
                "id": customer.id,
                "email": customer.email,
                "name": customer.name,
                "registered_at": customer.registered_at,
                "version": customer.version,
            },
        )


def _row_of_draft(invoice: Invoice) -> dict[str, object]:
    return {
        "id": invoice.id,
        "customer_id": invoice.customer_id,
        "status": invoice.status,
        "currency": invoice.currency.code,
        "total": invoice.total.amount,
        "lines": [
            {
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": line.unit_price.amount,
            }
            for line in invoice.lines
        ],
        "version": 1,
        "created_at": invoice.created_at,
    }


def _payment_row(invoice_id: UUID, payment: Payment) -> dict[str, object]:
    return {
        "id": payment.id,
        "invoice_id": invoice_id,
        "status": payment.status,
        "amount": payment.amount.amount,
        "currency": payment.amount.currency.code,
        "requested_at": payment.requested_at,
        "settled_at": payment.settled_at,
        "gateway_reference": payment.gateway_reference,
        "failure": payment.failure,
    }

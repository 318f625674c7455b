"""Saves and loads what a unit of work changes, on that unit's connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, case, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from hedgerow_billing.application.ports import CustomerNews, Standing
from hedgerow_billing.domain.errors import InvoiceNotFound
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.domain.payment import IN_PROGRESS, Payment
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

FACTS = {"email": "email_version", "name": "name_version", "standing": "standing_version"}
"""What changes of a customer, and the column that says as of which version it was told."""
_insert_customer = insert_or_update(customers)
_told = _insert_customer.excluded
_LEARN = _insert_customer.on_conflict_do_update(
    index_elements=[customers.c.id],
    set_={
        **{
            fact: case((_told[as_of] > customers.c[as_of], _told[fact]), else_=customers.c[fact])
            for fact, as_of in FACTS.items()
        },
        **{as_of: func.greatest(customers.c[as_of], _told[as_of]) for as_of in (*FACTS.values(), "version")},
        "registered_at": func.coalesce(customers.c.registered_at, _told.registered_at),
    },
    where=customers.c.standing != Standing.DELETED,
)
_FORGET = _insert_customer.on_conflict_do_update(
    index_elements=[customers.c.id],
    set_={
        **{name: _told[name] for name in ("email", "name", "registered_at", "standing")},
        "version": func.greatest(customers.c.version, _told.version),
    },
)

_paying = (
    select(payments.c.id).where(payments.c.invoice_id == invoices.c.id, payments.c.status.in_(IN_PROGRESS)).exists()
)
# Index: ix_invoices_owner_created.
_of_customer = invoices.c.customer_id == bindparam("owner_id")
_UNPAID = (
    INVOICES_WITH_PAYMENTS.where(_of_customer, invoices.c.status.in_(("draft", "open")), ~_paying)
    .order_by(invoices.c.created_at, invoices.c.id)
    .limit(bindparam("limit"))
)
_IS_PAYING = select(exists().where(_of_customer, _paying))


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

    async def unpaid_of(self, customer_id: UUID, *, limit: int) -> Sequence[Invoice]:
        """Load what can be voided."""
        where = {"owner_id": customer_id, "limit": limit}
        return [invoice_of(row) for row in await self._work.connection.execute(_UNPAID, where)]

    async def is_paying(self, customer_id: UUID) -> bool:
        """Look for a payment that is not settled."""
        return bool(await self._work.connection.scalar(_IS_PAYING, {"owner_id": customer_id}))

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

    async def learn(self, news: CustomerNews) -> None:
        """Insert the copy, or replace what is older in it."""
        row = {
            "id": news.id,
            "email": news.email,
            "name": news.name,
            "standing": news.standing or Standing.ACTIVE,
            "registered_at": news.registered_at,
            "version": news.version,
        }
        told = {as_of: 0 if getattr(news, fact) is None else news.version for fact, as_of in FACTS.items()}
        await self._work.connection.execute(_LEARN, {**row, **told})

    async def forget(self, customer_id: UUID, version: int) -> None:
        """Leave the id."""
        nothing = dict.fromkeys(("email", "name", "registered_at"))
        row = {"id": customer_id, "standing": Standing.DELETED, "version": version, **nothing}
        await self._work.connection.execute(_FORGET, {**row, **dict.fromkeys(FACTS.values(), version)})


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

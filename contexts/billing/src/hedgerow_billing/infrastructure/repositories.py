"""Saves and loads invoices, on the connection of a unit of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from hedgerow_billing.application.ports import Standing
from hedgerow_billing.domain.bookkeeping import entries_of
from hedgerow_billing.domain.credit_note import CreditNote
from hedgerow_billing.domain.errors import InvoiceNotFound
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.domain.transfer import IN_PROGRESS, Transfer, TransferStatus
from hedgerow_billing.infrastructure.books import book
from hedgerow_billing.infrastructure.rows import WHOLE_INVOICES, invoice_of
from hedgerow_billing.infrastructure.tables import credit_notes, customers, invoices, payments, refunds
from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.persistence import insert_row

TransferRow = dict[str, Any]

_ADD_INVOICE = insert(invoices)

_BY_ID = WHOLE_INVOICES.where(invoices.c.id == bindparam("invoice_id"))
_OF_CUSTOMER = _BY_ID.where(invoices.c.customer_id == bindparam("owner_id"))

_LOCK = select(invoices.c.id).where(invoices.c.id == bindparam("invoice_id")).with_for_update()
_LOCK_OF_CUSTOMER = _LOCK.where(invoices.c.customer_id == bindparam("owner_id"))

CHANGING = (
    "status",
    "credited",
    "series",
    "place",
    "due_on",
    "collect_at",
    "collect_attempts",
    "version",
    "opened_at",
    "paid_at",
    "voided_at",
    "uncollectible_at",
    "overdue_at",
)
"""Everything else is settled with the draft."""
_UPDATE_INVOICE = (
    update(invoices)
    .where(invoices.c.id == bindparam("invoice_id"), invoices.c.version == bindparam("loaded_version"))
    .values({name: bindparam(f"new_{name}") for name in CHANGING})
)

PROGRESS = ("status", "settled_at", "gateway_reference", "failure")
"""What changes of a transfer."""
_insert_payment = insert_or_update(payments)
_SAVE_PAYMENT = _insert_payment.on_conflict_do_update(
    index_elements=[payments.c.id],
    set_={name: _insert_payment.excluded[name] for name in (*PROGRESS, "refunded")},
)
_insert_refund = insert_or_update(refunds)
_SAVE_REFUND = _insert_refund.on_conflict_do_update(
    index_elements=[refunds.c.id], set_={name: _insert_refund.excluded[name] for name in PROGRESS}
)
_ADD_CREDIT_NOTE = insert_or_update(credit_notes).on_conflict_do_nothing(index_elements=[credit_notes.c.id])

_paying = (
    select(payments.c.id).where(payments.c.invoice_id == invoices.c.id, payments.c.status.in_(IN_PROGRESS)).exists()
)
# Index: ix_invoices_owner_created.
_of_customer = invoices.c.customer_id == bindparam("owner_id")
_UNPAID = (
    WHOLE_INVOICES.where(_of_customer, invoices.c.status.in_(("draft", "open")), ~_paying)
    .order_by(invoices.c.created_at, invoices.c.id)
    .limit(bindparam("limit"))
)
_IS_PAYING = select(exists().where(_of_customer, _paying))

# Index: ix_invoices_overdue.
_LOCK_OVERDUE = (
    select(invoices.c.id)
    .where(invoices.c.status == "open", invoices.c.overdue_at.is_(None), invoices.c.due_on < bindparam("day"))
    .order_by(invoices.c.due_on, invoices.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
# What is due of somebody who was deleted is about to be voided.
_of_nobody = (
    select(customers.c.id)
    .where(customers.c.id == invoices.c.customer_id, customers.c.standing == Standing.DELETED)
    .exists()
)
# Index: ix_invoices_collect.
_LOCK_COLLECTABLE = (
    select(invoices.c.id)
    .where(invoices.c.collect_at <= bindparam("moment"), ~_paying, ~_of_nobody)
    .order_by(invoices.c.collect_at, invoices.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_THESE = WHOLE_INVOICES.where(invoices.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))


class PostgresInvoices:
    """The port `InvoiceRepository`."""

    def __init__(self, work: LedgerWork) -> None:
        self._work = work
        self._saved: dict[UUID, Mapping[str, object]] = {}
        """Rows of transfers as they are in the database, so that what did not change is not written."""

    async def add(self, invoice: Invoice) -> None:
        """Insert the invoice; a draft has no payments yet."""
        await insert_row(self._work.connection, _ADD_INVOICE, _row_of_draft(invoice))
        self._work.saved(invoice, version=1)

    async def of_customer(self, customer_id: UUID, invoice_id: UUID) -> Invoice:
        """Load the customer's invoice."""
        return await self._load(_OF_CUSTOMER, {"invoice_id": invoice_id, "owner_id": customer_id})

    async def get(self, invoice_id: UUID) -> Invoice:
        """Load the invoice."""
        return await self._load(_BY_ID, {"invoice_id": invoice_id})

    async def locked(self, invoice_id: UUID, *, owner_id: UUID | None = None) -> Invoice:
        """Lock the invoice, then load it: one statement would read what belongs to it as of before the lock."""
        if owner_id is None:
            await self._work.connection.execute(_LOCK, {"invoice_id": invoice_id})
            return await self.get(invoice_id)
        await self._work.connection.execute(_LOCK_OF_CUSTOMER, {"invoice_id": invoice_id, "owner_id": owner_id})
        return await self.of_customer(owner_id, invoice_id)

    async def unpaid_of(self, customer_id: UUID, *, limit: int) -> Sequence[Invoice]:
        """Load what can be voided."""
        where = {"owner_id": customer_id, "limit": limit}
        rows = await self._work.connection.execute(_UNPAID, where)
        return [self._known(invoice_of(row)) for row in rows]

    async def is_paying(self, customer_id: UUID) -> bool:
        """Look for a payment that is not settled."""
        return bool(await self._work.connection.scalar(_IS_PAYING, {"owner_id": customer_id}))

    async def lock_overdue(self, *, on: date, limit: int) -> Sequence[Invoice]:
        """Lock and load what can be marked."""
        return await self._lock_and_load(_LOCK_OVERDUE, {"day": on, "limit": limit})

    async def lock_collectable(self, *, at: datetime, limit: int) -> Sequence[Invoice]:
        """Lock and load what can be collected."""
        return await self._lock_and_load(_LOCK_COLLECTABLE, {"moment": at, "limit": limit})

    async def update(self, invoice: Invoice) -> None:
        """Save the invoice if it is still at the version that was loaded."""
        connection, version = self._work.connection, invoice.version + 1
        # Only what has changed: a row that is written is locked, and who holds the invoice may want it.
        if changed_payments := self._changed(_payment_rows(invoice)):
            await connection.execute(_SAVE_PAYMENT, changed_payments)
        if changed_refunds := self._changed(_refund_rows(invoice)):
            await connection.execute(_SAVE_REFUND, changed_refunds)
        if invoice.credit_notes:
            # Each is issued by a change of its own.
            await connection.execute(_ADD_CREDIT_NOTE, _credit_note_row(invoice, invoice.credit_notes[-1]))
        changed = {f"new_{name}": value for name, value in _changing(invoice, version).items()}
        where = {"invoice_id": invoice.id, "loaded_version": invoice.version}
        updated = await connection.execute(_UPDATE_INVOICE, where | changed)
        if updated.rowcount != 1:
            raise ConflictError(
                "Somebody else changed this invoice at the same moment. Look at it and try again.",
                code="concurrent_change",
            )
        self._known(invoice)
        for event in self._work.saved(invoice, version=version):
            for entry in entries_of(event):
                await book(connection, entry)

    async def _lock_and_load(self, lock: Select[Any], where: dict[str, object]) -> Sequence[Invoice]:
        """In their order. One statement would read what belongs to them as of before the lock."""
        ids = list(await self._work.connection.scalars(lock, where))
        rows = await self._work.connection.execute(_THESE, {"ids": ids})
        found = {row.id: self._known(invoice_of(row)) for row in rows}
        return [found[id] for id in ids]

    async def _load(self, statement: Select[Any], where: dict[str, UUID]) -> Invoice:
        row = (await self._work.connection.execute(statement, where)).one_or_none()
        if row is None:
            raise InvoiceNotFound
        return self._known(invoice_of(row))

    def _known(self, invoice: Invoice) -> Invoice:
        self._saved |= {row["id"]: row for row in (*_payment_rows(invoice), *_refund_rows(invoice))}
        return invoice

    def _changed(self, rows: Sequence[TransferRow]) -> Sequence[TransferRow]:
        return [row for row in rows if self._saved.get(row["id"]) != row]


def _row_of_draft(invoice: Invoice) -> dict[str, object]:
    return {
        "id": invoice.id,
        "customer_id": invoice.customer_id,
        "currency": invoice.currency.code,
        "total": invoice.total.amount,
        "tax": invoice.totals.tax.amount,
        "lines": [
            {
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": line.unit_price.amount,
                "tax_rate": line.tax_rate.thousandths,
            }
            for line in invoice.lines
        ],
        "due_days": invoice.due_days,
        "automatic": invoice.automatic,
        "payment_method": invoice.payment_method,
        "created_at": invoice.created_at,
        **_changing(invoice, 1),
    }


def _changing(invoice: Invoice, version: int) -> dict[str, object]:
    """The values of `CHANGING`."""
    return {
        "status": invoice.status,
        "credited": invoice.credited.amount,
        "series": None if invoice.number is None else invoice.number.series,
        "place": None if invoice.number is None else invoice.number.place,
        "due_on": invoice.due_on,
        "collect_at": invoice.collect_at,
        "collect_attempts": invoice.collect_attempts,
        "version": version,
        "opened_at": invoice.opened_at,
        "paid_at": invoice.paid_at,
        "voided_at": invoice.voided_at,
        "uncollectible_at": invoice.uncollectible_at,
        "overdue_at": invoice.overdue_at,
    }


def _payment_rows(invoice: Invoice) -> Sequence[TransferRow]:
    return [
        {
            **_transfer_row(invoice, payment),
            "method": payment.method,
            "automatic": payment.automatic,
            "refunded": invoice.refunded.amount if payment.status is TransferStatus.SUCCEEDED else 0,
        }
        for payment in invoice.payments
    ]


def _refund_rows(invoice: Invoice) -> Sequence[TransferRow]:
    return [
        {**_transfer_row(invoice, refund), "payment_id": refund.payment_id, "reason": refund.reason}
        for refund in invoice.refunds
    ]


def _transfer_row(invoice: Invoice, transfer: Transfer) -> TransferRow:
    return {
        "id": transfer.id,
        "invoice_id": invoice.id,
        "status": transfer.status,
        "amount": transfer.amount.amount,
        "currency": transfer.amount.currency.code,
        "requested_at": transfer.requested_at,
        "settled_at": transfer.progress.settled_at,
        "gateway_reference": transfer.progress.gateway_reference,
        "failure": transfer.progress.failure,
    }


def _credit_note_row(invoice: Invoice, note: CreditNote) -> dict[str, object]:
    return {
        "id": note.id,
        "invoice_id": invoice.id,
        "refund_id": note.refund_id,
        "series": note.number.series,
        "place": note.number.place,
        "amount": note.amount.amount,
        "tax": note.tax.amount,
        "currency": note.amount.currency.code,
        "reason": note.reason,
        "issued_at": note.issued_at,
    }

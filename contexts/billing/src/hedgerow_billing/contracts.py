"""The events that billing publishes. Names and fields are a promise to consumers; amounts are minor units."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from hedgerow_core.messaging.events import EventContract
from hedgerow_core.questions import AnswerContract, QueryContract


class InvoiceCreatedV1(EventContract):
    """A draft was written."""

    event_type: ClassVar[str] = "billing.invoice_created"

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    currency: str
    created_at: datetime


class InvoiceOpenedV1(EventContract):
    """An invoice became binding and may be paid."""

    event_type: ClassVar[str] = "billing.invoice_opened"

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    currency: str
    opened_at: datetime
    number: str = ""
    """Empty in events of before invoices had numbers."""
    tax_amount: int = 0
    due_on: date | None = None


class InvoiceVoidedV1(EventContract):
    """An invoice was withdrawn."""

    event_type: ClassVar[str] = "billing.invoice_voided"

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    currency: str
    voided_at: datetime


class PaymentRequestedV1(EventContract):
    """A customer wants to pay; nothing is charged yet."""

    event_type: ClassVar[str] = "billing.payment_requested"

    invoice_id: UUID
    customer_id: UUID
    payment_id: UUID
    amount: int
    currency: str
    requested_at: datetime


class InvoicePaidV1(EventContract):
    """The money is there."""

    event_type: ClassVar[str] = "billing.invoice_paid"

    invoice_id: UUID
    customer_id: UUID
    payment_id: UUID
    total_amount: int
    currency: str
    paid_at: datetime
    paid_amount: int | None = None
    """The total without what was credited; null in events of before there was credit."""


class PaymentFailedV1(EventContract):
    """A payment was refused; the invoice can be paid again."""

    event_type: ClassVar[str] = "billing.payment_failed"

    invoice_id: UUID
    customer_id: UUID
    payment_id: UUID
    amount: int
    currency: str
    reason: str
    failed_at: datetime
    next_attempt_at: datetime | None = None
    """When the next automatic attempt is planned."""


class InvoiceOverdueV1(EventContract):
    """The due date has passed, and so much is owed."""

    event_type: ClassVar[str] = "billing.invoice_overdue"

    invoice_id: UUID
    customer_id: UUID
    due_amount: int
    currency: str
    due_on: date
    noticed_at: datetime


class InvoiceWrittenOffV1(EventContract):
    """Nobody counts on the money any more."""

    event_type: ClassVar[str] = "billing.invoice_written_off"

    invoice_id: UUID
    customer_id: UUID
    amount: int
    currency: str
    written_off_at: datetime


class CollectionExhaustedV1(EventContract):
    """The last planned charge of an automatic invoice has failed."""

    event_type: ClassVar[str] = "billing.collection_exhausted"

    invoice_id: UUID
    customer_id: UUID
    due_amount: int
    currency: str
    attempts: int
    exhausted_at: datetime


class CreditNoteIssuedV1(EventContract):
    """Some of an invoice was taken back, before it was paid or by that refund. `tax_amount` is part of `amount`."""

    event_type: ClassVar[str] = "billing.credit_note_issued"

    invoice_id: UUID
    customer_id: UUID
    credit_note_id: UUID
    number: str
    amount: int
    tax_amount: int
    currency: str
    refund_id: UUID | None
    issued_at: datetime


class InvoiceRefundedV1(EventContract):
    """Money was given back."""

    event_type: ClassVar[str] = "billing.invoice_refunded"

    invoice_id: UUID
    customer_id: UUID
    refund_id: UUID
    amount: int
    currency: str
    refunded_at: datetime


class RefundFailedV1(EventContract):
    """A refund was refused; the money stays."""

    event_type: ClassVar[str] = "billing.refund_failed"

    invoice_id: UUID
    customer_id: UUID
    refund_id: UUID
    amount: int
    currency: str
    reason: str
    failed_at: datetime


class OwedV1(AnswerContract):
    """An amount that is owed, in minor units."""

    amount: int
    currency: str


class BalanceV1(AnswerContract):
    """What a customer owes, in each currency that was ever booked: nothing for who was never billed."""

    balances: tuple[OwedV1, ...]


class CustomerBalanceV1(QueryContract):
    """What this customer owes. Drafts are not owed, and what is written off is not counted on."""

    query_name: ClassVar[str] = "billing.customer_balance"
    query_version: ClassVar[int] = 1
    answer: ClassVar[type[AnswerContract]] = BalanceV1
    repeatable: ClassVar[bool] = True

    customer_id: UUID


PUBLISHED: tuple[type[EventContract], ...] = (
    InvoiceCreatedV1,
    InvoiceOpenedV1,
    InvoiceVoidedV1,
    PaymentRequestedV1,
    InvoicePaidV1,
    PaymentFailedV1,
    InvoiceOverdueV1,
    InvoiceWrittenOffV1,
    CollectionExhaustedV1,
    CreditNoteIssuedV1,
    InvoiceRefundedV1,
    RefundFailedV1,
)
"""All of them."""

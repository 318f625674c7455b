"""Which events leave the house, to whom, and what of them: nothing goes out that does not stand here.

An event is let out to the endpoints of its owner alone, and its owner is the one that a field of the event names.
Fields are listed one by one, so what a publisher adds later stays inside until somebody writes it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel


class LetOut(BaseModel):
    """An event as customers get it. The docstring of each is what they read about it."""

    event_type: ClassVar[str]
    owner_field: ClassVar[str] = "customer_id"
    """The field that says whom the event concerns."""

    def concerns(self) -> UUID:
        """Whose endpoints hear of it."""
        owner: UUID = getattr(self, self.owner_field)
        return owner


class InvoiceCreated(LetOut):
    """A draft was written for you."""

    event_type: ClassVar[str] = "billing.invoice_created"

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    currency: str
    created_at: datetime


class InvoiceOpened(LetOut):
    """An invoice became binding and may be paid."""

    event_type: ClassVar[str] = "billing.invoice_opened"

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    currency: str
    opened_at: datetime
    number: str = ""
    tax_amount: int = 0
    due_on: date | None = None


class InvoiceVoided(LetOut):
    """An invoice was withdrawn."""

    event_type: ClassVar[str] = "billing.invoice_voided"

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    currency: str
    voided_at: datetime


class InvoicePaid(LetOut):
    """An invoice is paid."""

    event_type: ClassVar[str] = "billing.invoice_paid"

    invoice_id: UUID
    customer_id: UUID
    payment_id: UUID
    total_amount: int
    currency: str
    paid_at: datetime
    paid_amount: int | None = None


class PaymentFailed(LetOut):
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


class InvoiceOverdue(LetOut):
    """The due date of an invoice has passed."""

    event_type: ClassVar[str] = "billing.invoice_overdue"

    invoice_id: UUID
    customer_id: UUID
    due_amount: int
    currency: str
    due_on: date


class CreditNoteIssued(LetOut):
    """Some of an invoice was taken back."""

    event_type: ClassVar[str] = "billing.credit_note_issued"

    invoice_id: UUID
    customer_id: UUID
    credit_note_id: UUID
    number: str
    amount: int
    tax_amount: int
    currency: str
    issued_at: datetime


class InvoiceRefunded(LetOut):
    """Money was given back to you."""

    event_type: ClassVar[str] = "billing.invoice_refunded"

    invoice_id: UUID
    customer_id: UUID
    refund_id: UUID
    amount: int
    currency: str
    refunded_at: datetime


class EndpointDisabledNews(LetOut):
    """One of your endpoints was switched off, because nothing arrived there for days or it answered 410."""

    event_type: ClassVar[str] = "webhooks.endpoint_disabled"
    owner_field: ClassVar[str] = "owner_id"

    endpoint_id: UUID
    owner_id: UUID
    reason: str
    disabled_at: datetime


LET_OUT: tuple[type[LetOut], ...] = (
    InvoiceCreated,
    InvoiceOpened,
    InvoiceVoided,
    InvoicePaid,
    PaymentFailed,
    InvoiceOverdue,
    CreditNoteIssued,
    InvoiceRefunded,
    EndpointDisabledNews,
)
"""All of them. What our own bookkeeping is about (payment_requested, written_off, collection_exhausted and
refund_failed) stays inside, as do the events of accounts."""

EVENT_TYPES: Mapping[str, str] = {each.event_type: (each.__doc__ or "").strip() for each in LET_OUT}
"""What customers may choose among, and what it means."""

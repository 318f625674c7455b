"""What happens to an invoice. `infrastructure/published.py` says what becomes of each outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEvent(DomainEvent):
    """What all of them say: which invoice, whose, when."""

    invoice_id: UUID
    customer_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCreated(InvoiceEvent):
    """A draft was written."""

    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceOpened(InvoiceEvent):
    """The draft became binding, got its number and may be paid. `tax` is part of `total`."""

    number: DocumentNumber
    total: Money
    tax: Money
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided(InvoiceEvent):
    """The invoice was withdrawn. `withdrawn` was owed until then, of which `tax` was tax: nothing of a draft."""

    total: Money
    withdrawn: Money
    tax: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceOverdue(InvoiceEvent):
    """The due date has passed, and so much is owed."""

    due: Money
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceWrittenOff(InvoiceEvent):
    """Nobody counts on this amount any more."""

    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteIssued(InvoiceEvent):
    """Some of the invoice was taken back, `tax` of it tax: before it was paid, or by that refund."""

    credit_note_id: UUID
    number: DocumentNumber
    amount: Money
    tax: Money
    refund_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequested(InvoiceEvent):
    """The customer wants to pay, or it is due; the gateway has not been asked yet."""

    payment_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(InvoiceEvent):
    """The gateway has taken `amount`, which is the total without what was credited."""

    payment_id: UUID
    total: Money
    amount: Money
    was_written_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(InvoiceEvent):
    """The gateway has refused; the invoice can be paid again. `next_attempt_at` if one is planned."""

    payment_id: UUID
    amount: Money
    reason: str
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionExhausted(InvoiceEvent):
    """The last planned attempt has failed: from here on, somebody must ask for the money."""

    due: Money
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBecameUnknown(InvoiceEvent):
    """The gateway did not answer in time: the money may have been taken or not. Stays inside."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested(InvoiceEvent):
    """Money is to be given back; the gateway has not been asked yet. Stays inside."""

    refund_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefunded(InvoiceEvent):
    """The gateway has given the money back."""

    refund_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(InvoiceEvent):
    """The gateway has refused to give the money back."""

    refund_id: UUID
    amount: Money
    reason: str

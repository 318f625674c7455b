"""What happens to an invoice. `infrastructure/published.py` says what becomes of each outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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
    """The draft became binding and may be paid."""

    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided(InvoiceEvent):
    """The invoice was withdrawn."""

    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequested(InvoiceEvent):
    """The customer wants to pay; the gateway has not been asked yet."""

    payment_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(InvoiceEvent):
    """The gateway has taken the money."""

    payment_id: UUID
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(InvoiceEvent):
    """The gateway has refused; the invoice can be paid again."""

    payment_id: UUID
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBecameUnknown(InvoiceEvent):
    """The gateway did not answer in time: the money may have been taken or not. Stays inside."""

    payment_id: UUID

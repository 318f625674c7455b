"""The events that billing publishes. Names and fields are a promise to consumers; amounts are minor units."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from hedgerow_core.messaging.events import EventContract


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


PUBLISHED: tuple[type[EventContract], ...] = (
    InvoiceCreatedV1,
    InvoiceOpenedV1,
    InvoiceVoidedV1,
    PaymentRequestedV1,
    InvoicePaidV1,
    PaymentFailedV1,
)
"""All of them."""

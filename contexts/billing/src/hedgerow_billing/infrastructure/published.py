"""Which published contract each domain event becomes. `PaymentBecameUnknown` is not listed and stays inside."""

from __future__ import annotations

from hedgerow_billing import contracts
from hedgerow_billing.domain import events
from hedgerow_core.messaging import Translations


def _created(event: events.InvoiceCreated) -> contracts.InvoiceCreatedV1:
    return contracts.InvoiceCreatedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        total_amount=event.total.amount,
        currency=event.total.currency.code,
        created_at=event.at,
    )


def _opened(event: events.InvoiceOpened) -> contracts.InvoiceOpenedV1:
    return contracts.InvoiceOpenedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        total_amount=event.total.amount,
        currency=event.total.currency.code,
        opened_at=event.at,
    )


def _voided(event: events.InvoiceVoided) -> contracts.InvoiceVoidedV1:
    return contracts.InvoiceVoidedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        total_amount=event.total.amount,
        currency=event.total.currency.code,
        voided_at=event.at,
    )


def _payment_requested(event: events.PaymentRequested) -> contracts.PaymentRequestedV1:
    return contracts.PaymentRequestedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        payment_id=event.payment_id,
        amount=event.amount.amount,
        currency=event.amount.currency.code,
        requested_at=event.at,
    )


def _paid(event: events.InvoicePaid) -> contracts.InvoicePaidV1:
    return contracts.InvoicePaidV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        payment_id=event.payment_id,
        total_amount=event.total.amount,
        currency=event.total.currency.code,
        paid_at=event.at,
    )


def _payment_failed(event: events.PaymentFailed) -> contracts.PaymentFailedV1:
    return contracts.PaymentFailedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        payment_id=event.payment_id,
        amount=event.amount.amount,
        currency=event.amount.currency.code,
        reason=event.reason,
        failed_at=event.at,
    )


TRANSLATIONS: Translations = {
    events.InvoiceCreated: _created,
    events.InvoiceOpened: _opened,
    events.InvoiceVoided: _voided,
    events.PaymentRequested: _payment_requested,
    events.InvoicePaid: _paid,
    events.PaymentFailed: _payment_failed,
}

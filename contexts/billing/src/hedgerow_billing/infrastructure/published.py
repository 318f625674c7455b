"""Which published contract each domain event becomes. What is not listed stays inside."""

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
        number=str(event.number),
        tax_amount=event.tax.amount,
        due_on=event.due_on,
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
        paid_amount=event.amount.amount,
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
        next_attempt_at=event.next_attempt_at,
        failed_at=event.at,
    )


def _overdue(event: events.InvoiceOverdue) -> contracts.InvoiceOverdueV1:
    return contracts.InvoiceOverdueV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        due_amount=event.due.amount,
        currency=event.due.currency.code,
        due_on=event.due_on,
        noticed_at=event.at,
    )


def _written_off(event: events.InvoiceWrittenOff) -> contracts.InvoiceWrittenOffV1:
    return contracts.InvoiceWrittenOffV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        amount=event.amount.amount,
        currency=event.amount.currency.code,
        written_off_at=event.at,
    )


def _collection_exhausted(event: events.CollectionExhausted) -> contracts.CollectionExhaustedV1:
    return contracts.CollectionExhaustedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        due_amount=event.due.amount,
        currency=event.due.currency.code,
        attempts=event.attempts,
        exhausted_at=event.at,
    )


def _credit_note_issued(event: events.CreditNoteIssued) -> contracts.CreditNoteIssuedV1:
    return contracts.CreditNoteIssuedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        credit_note_id=event.credit_note_id,
        number=str(event.number),
        amount=event.amount.amount,
        tax_amount=event.tax.amount,
        currency=event.amount.currency.code,
        refund_id=event.refund_id,
        issued_at=event.at,
    )


def _refunded(event: events.InvoiceRefunded) -> contracts.InvoiceRefundedV1:
    return contracts.InvoiceRefundedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        refund_id=event.refund_id,
        amount=event.amount.amount,
        currency=event.amount.currency.code,
        refunded_at=event.at,
    )


def _refund_failed(event: events.RefundFailed) -> contracts.RefundFailedV1:
    return contracts.RefundFailedV1(
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        refund_id=event.refund_id,
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
    events.InvoiceOverdue: _overdue,
    events.InvoiceWrittenOff: _written_off,
    events.CollectionExhausted: _collection_exhausted,
    events.CreditNoteIssued: _credit_note_issued,
    events.InvoiceRefunded: _refunded,
    events.RefundFailed: _refund_failed,
}

"""An invoice: what a customer owes for which lines, and every attempt to pay it.

    draft ──open──▶ open ──a payment succeeds──▶ paid
      └────void────▶ void ◀──void── (open)

Nothing leaves `paid` or `void`. While a payment is in progress the invoice can be neither voided nor paid again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import (
    InvoiceAlreadyPaid,
    InvoiceNotDraft,
    InvoiceNotOpen,
    InvoiceVoid,
    NothingToPay,
    PaymentInProgress,
    PaymentNotFound,
)
from hedgerow_billing.domain.events import (
    InvoiceCreated,
    InvoiceOpened,
    InvoicePaid,
    InvoiceVoided,
    PaymentBecameUnknown,
    PaymentFailed,
    PaymentRequested,
)
from hedgerow_billing.domain.lines import InvoiceLine, total_of
from hedgerow_billing.domain.payment import Payment
from hedgerow_core.domain import AggregateRoot, new_id


class InvoiceStatus(StrEnum):
    """Where an invoice is in its life."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class Invoice(AggregateRoot[UUID]):
    """The aggregate. Its constructor restores a saved one; `Invoice.draft` writes a new one."""

    __slots__ = (
        "created_at",
        "currency",
        "customer_id",
        "lines",
        "opened_at",
        "paid_at",
        "payments",
        "status",
        "total",
        "voided_at",
    )

    def __init__(
        self,
        id: UUID,
        *,
        customer_id: UUID,
        currency: Currency,
        lines: Sequence[InvoiceLine],
        created_at: datetime,
        status: InvoiceStatus = InvoiceStatus.DRAFT,
        payments: Sequence[Payment] = (),
        opened_at: datetime | None = None,
        paid_at: datetime | None = None,
        voided_at: datetime | None = None,
        version: int = 0,
    ) -> None:
        super().__init__(id, version=version)
        self.customer_id = customer_id
        self.currency = currency
        self.lines = tuple(lines)
        self.total = total_of(self.lines, currency)
        self.created_at = created_at
        self.status = status
        self.payments = list(payments)
        self.opened_at = opened_at
        self.paid_at = paid_at
        self.voided_at = voided_at

    @classmethod
    def draft(cls, *, customer_id: UUID, currency: Currency, lines: Sequence[InvoiceLine], at: datetime) -> Invoice:
        """Write a new invoice of 1 to 100 lines, all in one currency.

        Raises:
            ValidationError: too few or too many lines, mixed currencies, or a total beyond `MAX_AMOUNT`.
        """
        invoice = cls(new_id(), customer_id=customer_id, currency=currency, lines=lines, created_at=at)
        invoice.record(
            InvoiceCreated(invoice_id=invoice.id, customer_id=customer_id, total=invoice.total, at=at),
        )
        return invoice

    def open(self, at: datetime) -> None:
        """Make the draft binding: from now on it can be paid, and its lines are what was agreed.

        Raises:
            ConflictError: it is no draft, or its total is zero.
        """
        self._demand_unfinished()
        if self.status is not InvoiceStatus.DRAFT:
            raise InvoiceNotDraft
        if self.total.amount == 0:
            raise NothingToPay
        self.status = InvoiceStatus.OPEN
        self.opened_at = at
        self.record(InvoiceOpened(invoice_id=self.id, customer_id=self.customer_id, total=self.total, at=at))

    def void(self, at: datetime) -> None:
        """Withdraw a draft or an open invoice.

        Raises:
            ConflictError: it is paid or void, or a payment is in progress.
        """
        self._demand_unfinished()
        self._demand_no_payment_in_progress()
        self.status = InvoiceStatus.VOID
        self.voided_at = at
        self.record(InvoiceVoided(invoice_id=self.id, customer_id=self.customer_id, total=self.total, at=at))

    def request_payment(self, at: datetime) -> Payment:
        """Begin an attempt to collect the total. The gateway is asked later, by the task for this payment.

        Raises:
            ConflictError: the invoice is not open, or another payment is in progress.
        """
        self._demand_unfinished()
        if self.status is InvoiceStatus.DRAFT:
            raise InvoiceNotOpen
        self._demand_no_payment_in_progress()
        payment = Payment(new_id(), amount=self.total, requested_at=at)
        self.payments.append(payment)
        self.record(
            PaymentRequested(
                invoice_id=self.id,
                customer_id=self.customer_id,
                payment_id=payment.id,
                amount=payment.amount,
                at=at,
            )
        )
        return payment

    def payment_succeeded(self, payment_id: UUID, gateway_reference: str, at: datetime) -> bool:
        """The gateway took the money: the invoice is paid. Returns False if that was known.

        Raises:
            ContradictingPaymentResult: something else is known of this payment.
        """
        if not self._payment(payment_id).succeed(gateway_reference, at):
            return False
        self.status = InvoiceStatus.PAID
        self.paid_at = at
        self.record(
            InvoicePaid(
                invoice_id=self.id,
                customer_id=self.customer_id,
                payment_id=payment_id,
                total=self.total,
                at=at,
            )
        )
        return True

    def payment_failed(self, payment_id: UUID, reason: str, at: datetime) -> bool:
        """The gateway refused: the invoice stays open and can be paid again. Returns False if that was known.

        Raises:
            ContradictingPaymentResult: the payment is known to have succeeded.
        """
        payment = self._payment(payment_id)
        if not payment.fail(reason, at):
            return False
        self.record(
            PaymentFailed(
                invoice_id=self.id,
                customer_id=self.customer_id,
                payment_id=payment_id,
                amount=payment.amount,
                reason=reason,
                at=at,
            )
        )
        return True

    def payment_unknown(self, payment_id: UUID, at: datetime) -> bool:
        """The gateway did not answer in time. Returns False if the payment was unknown or settled before."""
        if not self._payment(payment_id).become_unknown():
            return False
        self.record(
            PaymentBecameUnknown(invoice_id=self.id, customer_id=self.customer_id, payment_id=payment_id, at=at)
        )
        return True

    def _payment(self, payment_id: UUID) -> Payment:
        for payment in self.payments:
            if payment.id == payment_id:
                return payment
        raise PaymentNotFound(payment_id)

    def _demand_unfinished(self) -> None:
        if self.status is InvoiceStatus.PAID:
            raise InvoiceAlreadyPaid
        if self.status is InvoiceStatus.VOID:
            raise InvoiceVoid

    def _demand_no_payment_in_progress(self) -> None:
        if any(payment.in_progress for payment in self.payments):
            raise PaymentInProgress

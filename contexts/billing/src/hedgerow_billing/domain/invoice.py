"""An invoice: what a customer owes for which lines, every attempt to pay it, and what was taken back of it.

    draft ──open──▶ open ──a payment succeeds──▶ paid ──▶ refunds, each with a credit note
      │              │ ├──write off──▶ uncollectible ──a payment succeeds──▶ paid
      └──void──▶ void ◀┘

An invoice gets its number when it is opened, and its lines never change after that. Credit notes say what is owed
less of an open one. While a payment is in progress, nothing else happens to it. What each step means for the books
is said in `bookkeeping.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from hedgerow_billing.domain import events
from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_billing.domain.credit_note import CreditNote, demand_reason
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.errors import (
    CreditExceedsInvoice,
    InvalidDueDays,
    InvoiceAlreadyPaid,
    InvoiceNotDraft,
    InvoiceNotOpen,
    InvoiceNotPaid,
    InvoiceUncollectible,
    InvoiceVoid,
    NothingToPay,
    NothingToRefund,
    PaymentInProgress,
    PaymentMethodMissing,
    PaymentNotFound,
    RefundExceedsPayment,
    RefundNotFound,
    TooManyPayments,
    TooManyRefunds,
)
from hedgerow_billing.domain.lines import InvoiceLine, Totals
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.transfer import Payment, Refund, TransferStatus
from hedgerow_core.domain import AggregateRoot, new_id

DUE_DAYS, MAX_DUE_DAYS = 14, 365
"""From the opening on: unless somebody says another number, and at most."""
MAX_PAYMENTS = MAX_REFUNDS = 100
"""An invoice is loaded whole. What is collected by plan is counted, but never turned away."""


class InvoiceStatus(StrEnum):
    """Where an invoice is in its life."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class Invoice(AggregateRoot[UUID]):
    """The aggregate. Its constructor restores a saved one; `Invoice.draft` writes a new one."""

    __slots__ = (
        "automatic",
        "collect_at",
        "collect_attempts",
        "created_at",
        "credit_notes",
        "currency",
        "customer_id",
        "due_days",
        "due_on",
        "lines",
        "number",
        "opened_at",
        "overdue_at",
        "paid_at",
        "payment_method",
        "payments",
        "refunds",
        "status",
        "totals",
        "uncollectible_at",
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
        due_days: int = DUE_DAYS,
        automatic: bool = False,
        payment_method: str | None = None,
        status: InvoiceStatus = InvoiceStatus.DRAFT,
        number: DocumentNumber | None = None,
        due_on: date | None = None,
        payments: Sequence[Payment] = (),
        refunds: Sequence[Refund] = (),
        credit_notes: Sequence[CreditNote] = (),
        collect_at: datetime | None = None,
        collect_attempts: int = 0,
        opened_at: datetime | None = None,
        paid_at: datetime | None = None,
        voided_at: datetime | None = None,
        uncollectible_at: datetime | None = None,
        overdue_at: datetime | None = None,
        version: int = 0,
    ) -> None:
        super().__init__(id, version=version)
        self.customer_id = customer_id
        self.currency = currency
        self.lines = tuple(lines)
        self.totals = Totals.of(self.lines, currency)
        self.created_at = created_at
        self.due_days = due_days
        self.automatic = automatic
        self.payment_method = payment_method
        self.status = status
        self.number = number
        self.due_on = due_on
        self.payments = list(payments)
        self.refunds = list(refunds)
        self.credit_notes = list(credit_notes)
        self.collect_at = collect_at
        self.collect_attempts = collect_attempts
        self.opened_at = opened_at
        self.paid_at = paid_at
        self.voided_at = voided_at
        self.uncollectible_at = uncollectible_at
        self.overdue_at = overdue_at

    @classmethod
    def draft(
        cls,
        *,
        customer_id: UUID,
        currency: Currency,
        lines: Sequence[InvoiceLine],
        at: datetime,
        due_days: int = DUE_DAYS,
        automatic: bool = False,
        payment_method: str | None = None,
        id: UUID | None = None,
    ) -> Invoice:
        """Write a new invoice of 1 to 100 lines, all in one currency, due so many days after it is opened.

        An `automatic` one is charged on its due date. `payment_method` is the gateway's name for how.

        Raises:
            ValidationError: too few or too many lines, mixed currencies, a total beyond `MAX_AMOUNT`, or a due date
                more than `MAX_DUE_DAYS` away.
        """
        if not 0 <= due_days <= MAX_DUE_DAYS:
            raise InvalidDueDays(MAX_DUE_DAYS)
        invoice = cls(
            id or new_id(),
            customer_id=customer_id,
            currency=currency,
            lines=lines,
            created_at=at,
            due_days=due_days,
            automatic=automatic,
            payment_method=payment_method,
        )
        invoice.record(
            events.InvoiceCreated(invoice_id=invoice.id, customer_id=customer_id, total=invoice.total, at=at),
        )
        return invoice

    @property
    def total(self) -> Money:
        """What the lines come to, with tax."""
        return self.totals.total

    @property
    def credited(self) -> Money:
        """What credit notes took back."""
        return sum((note.amount for note in self.credit_notes), Money.zero(self.currency))

    @property
    def due(self) -> Money:
        """What is still to be paid. Of an uncollectible one, nobody counts on it any more."""
        if self.status in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
            return Money.zero(self.currency)
        return self.total - self.credited

    @property
    def refundable(self) -> Money:
        """What may still be given back: what was paid, without refunds that succeeded or still may."""
        paid = self._paid_by()
        if paid is None:
            return Money.zero(self.currency)
        return paid.amount - self.refunded

    @property
    def refunded(self) -> Money:
        """What was given back, or is on its way."""
        going = (refund.amount for refund in self.refunds if refund.status is not TransferStatus.FAILED)
        return sum(going, Money.zero(self.currency))

    def open(self, number: DocumentNumber, at: datetime) -> None:
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
        self.number = number
        self.opened_at = at
        self.due_on = at.date() + timedelta(days=self.due_days)
        self.record(
            events.InvoiceOpened(
                invoice_id=self.id,
                customer_id=self.customer_id,
                number=number,
                total=self.total,
                tax=self.totals.tax,
                due_on=self.due_on,
                at=at,
            )
        )

    def void(self, at: datetime) -> None:
        """Withdraw a draft or an open invoice.

        Raises:
            ConflictError: it is paid, void or written off, or a payment is in progress.
        """
        self._demand_unfinished()
        self._demand_not_written_off()
        self._demand_no_payment_in_progress()
        booked = self.status is InvoiceStatus.OPEN
        withdrawn, tax = (self.due, self._tax_due()) if booked else (Money.zero(self.currency),) * 2
        self.status = InvoiceStatus.VOID
        self.voided_at = at
        self.collect_at = None
        self.record(
            events.InvoiceVoided(
                invoice_id=self.id,
                customer_id=self.customer_id,
                total=self.total,
                withdrawn=withdrawn,
                tax=tax,
                at=at,
            )
        )

    def write_off(self, at: datetime) -> None:
        """Count on the money no longer. Should it come after all, the invoice is paid.

        Raises:
            ConflictError: it is not open, or a payment is in progress.
        """
        self._demand_open()
        self._demand_no_payment_in_progress()
        self.status = InvoiceStatus.UNCOLLECTIBLE
        self.uncollectible_at = at
        self.collect_at = None
        self.record(
            events.InvoiceWrittenOff(invoice_id=self.id, customer_id=self.customer_id, amount=self.due, at=at)
        )

    def credit(self, number: DocumentNumber, amount: Money, reason: str, at: datetime) -> CreditNote:
        """Have less owed of an open invoice.

        Raises:
            ConflictError: it is not open, a payment is in progress, or the amount is not less than what is due.
            ValidationError: another currency, or the reason is empty or too long.
        """
        self._demand_open()
        self._demand_no_payment_in_progress()
        if not Money.zero(self.currency) < amount < self.due:
            raise CreditExceedsInvoice(self.due.amount)
        return self._issue_credit_note(number, amount, reason, at)

    def mark_overdue(self, at: datetime) -> bool:
        """Note that the due date has passed. Returns False if it has not, or it is known, or nothing is owed."""
        if self.status is not InvoiceStatus.OPEN or self.overdue_at is not None:
            return False
        if self.due_on is None or at.date() <= self.due_on:
            return False
        self.overdue_at = at
        self.record(
            events.InvoiceOverdue(
                invoice_id=self.id, customer_id=self.customer_id, due=self.due, due_on=self.due_on, at=at
            )
        )
        return True

    def request_payment(self, at: datetime, method: str | None = None, *, method_needed: bool = False) -> Payment:
        """Begin an attempt to collect what is due. The gateway is asked later, by the task for this payment.

        Raises:
            ConflictError: the invoice is a draft, paid or void, another payment is in progress, or there were
                `MAX_PAYMENTS`.
            ValidationError: a method is needed, and neither the caller nor the invoice names one.
        """
        self._demand_unfinished()
        if self.status is InvoiceStatus.DRAFT:
            raise InvoiceNotOpen
        self._demand_no_payment_in_progress()
        if len(self.payments) >= MAX_PAYMENTS:
            raise TooManyPayments(MAX_PAYMENTS)
        method = method or self.payment_method
        if method_needed and method is None:
            raise PaymentMethodMissing
        return self._begin_payment(at, method=method, automatic=False)

    def plan_collection(self, plan: RetryPlan) -> None:
        """Have an automatic invoice charged when the plan says; nothing for any other."""
        if self.automatic and self.status is InvoiceStatus.OPEN and self.due_on is not None:
            self.collect_at = plan.attempt(self.collect_attempts, self.due_on)

    def collect(self, plan: RetryPlan, at: datetime, *, method_needed: bool = False) -> Payment | None:
        """Begin the attempt that is planned by now, and plan the next one. None if there is none.

        If a method is needed and none is known, the attempt has failed at once.
        """
        due_on = self.due_on
        if due_on is None or self.collect_at is None or self.collect_at > at or self._is_being_paid():
            return None
        # What was missed meanwhile is not made up for: nobody's card is charged twice within the hour.
        self.collect_attempts = max(self.collect_attempts + 1, plan.passed(due_on, at))
        self.plan_collection(plan)
        payment = self._begin_payment(at, method=self.payment_method, automatic=True)
        if method_needed and payment.method is None:
            self.payment_failed(payment.id, "payment_method_missing", at)
        return payment

    def payment_succeeded(self, payment_id: UUID, gateway_reference: str, at: datetime) -> bool:
        """The gateway took the money: the invoice is paid. Returns False if that was known.

        Raises:
            ContradictingResult: something else is known of this payment.
        """
        payment = self.payment(payment_id)
        if not payment.succeed(gateway_reference, at):
            return False
        was_written_off = self.status is InvoiceStatus.UNCOLLECTIBLE
        self.status = InvoiceStatus.PAID
        self.paid_at = at
        self.collect_at = None
        self.record(
            events.InvoicePaid(
                invoice_id=self.id,
                customer_id=self.customer_id,
                payment_id=payment_id,
                total=self.total,
                amount=payment.amount,
                was_written_off=was_written_off,
                at=at,
            )
        )
        return True

    def payment_failed(self, payment_id: UUID, reason: str, at: datetime) -> bool:
        """The gateway refused: the invoice can be paid again. Returns False if that was known.

        Raises:
            ContradictingResult: the payment is known to have succeeded.
        """
        payment = self.payment(payment_id)
        if not payment.fail(reason, at):
            return False
        self.record(
            events.PaymentFailed(
                invoice_id=self.id,
                customer_id=self.customer_id,
                payment_id=payment_id,
                amount=payment.amount,
                reason=reason,
                next_attempt_at=self.collect_at,
                at=at,
            )
        )
        if payment.automatic and self.collect_at is None:
            self.record(
                events.CollectionExhausted(
                    invoice_id=self.id,
                    customer_id=self.customer_id,
                    due=self.due,
                    attempts=sum(payment.automatic for payment in self.payments),
                    at=at,
                )
            )
        return True

    def payment_unknown(self, payment_id: UUID, at: datetime) -> bool:
        """The gateway did not answer in time. Returns False if the payment was unknown or settled before."""
        if not self.payment(payment_id).become_unknown():
            return False
        self.record(
            events.PaymentBecameUnknown(
                invoice_id=self.id, customer_id=self.customer_id, payment_id=payment_id, at=at
            )
        )
        return True

    def request_refund(self, amount: Money | None, reason: str, at: datetime) -> Refund:
        """Begin to give back some of what was paid, or with None all that is left of it.

        Raises:
            ConflictError: nothing was paid, the amount exceeds what may still be given back, or there were
                `MAX_REFUNDS` before.
            ValidationError: another currency, or the reason is empty or too long.
        """
        paid = self._paid_by()
        if paid is None:
            raise InvoiceNotPaid
        demand_reason(reason)
        if self.refundable.amount == 0:
            raise NothingToRefund
        amount = amount or self.refundable
        if not Money.zero(self.currency) < amount or self.refundable < amount:
            raise RefundExceedsPayment(self.refundable.amount)
        if len(self.refunds) == MAX_REFUNDS:
            raise TooManyRefunds(MAX_REFUNDS)
        refund = Refund(new_id(), payment_id=paid.id, amount=amount, reason=reason, requested_at=at)
        self.refunds.append(refund)
        self.record(
            events.RefundRequested(
                invoice_id=self.id, customer_id=self.customer_id, refund_id=refund.id, amount=amount, at=at
            )
        )
        return refund

    def refund_succeeded(
        self, refund_id: UUID, gateway_reference: str, number: DocumentNumber, at: datetime
    ) -> None:
        """The gateway gave the money back: a credit note says so. To be called while the refund is in progress.

        Raises:
            ContradictingResult: something else is known of this refund.
        """
        refund = self.refund(refund_id)
        if refund.succeed(gateway_reference, at):
            self._issue_credit_note(number, refund.amount, refund.reason, at, refund_id=refund_id)
            self.record(
                events.InvoiceRefunded(
                    invoice_id=self.id,
                    customer_id=self.customer_id,
                    refund_id=refund_id,
                    amount=refund.amount,
                    at=at,
                )
            )

    def refund_failed(self, refund_id: UUID, reason: str, at: datetime) -> bool:
        """The gateway refused: the money stays, and may be asked for again. Returns False if that was known.

        Raises:
            ContradictingResult: the refund is known to have succeeded.
        """
        refund = self.refund(refund_id)
        if not refund.fail(reason, at):
            return False
        self.record(
            events.RefundFailed(
                invoice_id=self.id,
                customer_id=self.customer_id,
                refund_id=refund_id,
                amount=refund.amount,
                reason=reason,
                at=at,
            )
        )
        return True

    def refund_unknown(self, refund_id: UUID) -> bool:
        """The gateway did not answer in time. Returns False if the refund was unknown or settled before."""
        return self.refund(refund_id).become_unknown()

    def payment(self, payment_id: UUID) -> Payment:
        """The payment of this id.

        Raises:
            PaymentNotFound: there is none.
        """
        for payment in self.payments:
            if payment.id == payment_id:
                return payment
        raise PaymentNotFound(payment_id)

    def refund(self, refund_id: UUID) -> Refund:
        """The refund of this id.

        Raises:
            RefundNotFound: there is none.
        """
        for refund in self.refunds:
            if refund.id == refund_id:
                return refund
        raise RefundNotFound(refund_id)

    def _begin_payment(self, at: datetime, *, method: str | None, automatic: bool) -> Payment:
        payment = Payment(new_id(), amount=self.due, requested_at=at, method=method, automatic=automatic)
        self.payments.append(payment)
        self.record(
            events.PaymentRequested(
                invoice_id=self.id,
                customer_id=self.customer_id,
                payment_id=payment.id,
                amount=payment.amount,
                at=at,
            )
        )
        return payment

    def _issue_credit_note(
        self, number: DocumentNumber, amount: Money, reason: str, at: datetime, *, refund_id: UUID | None = None
    ) -> CreditNote:
        note = CreditNote(
            id=new_id(),
            number=number,
            amount=amount,
            tax=self._tax_of_credit(amount),
            reason=reason,
            issued_at=at,
            refund_id=refund_id,
        )
        self.credit_notes.append(note)
        self.record(
            events.CreditNoteIssued(
                invoice_id=self.id,
                customer_id=self.customer_id,
                credit_note_id=note.id,
                number=number,
                amount=amount,
                tax=note.tax,
                refund_id=refund_id,
                at=at,
            )
        )
        return note

    def _tax_of_credit(self, amount: Money) -> Money:
        """The tax share of all that is credited by then, without what was credited before: at the end it is all."""
        share = self.totals.tax.share((self.credited + amount).amount, self.total.amount)
        return share - self._tax_credited()

    def _tax_credited(self) -> Money:
        return sum((note.tax for note in self.credit_notes), Money.zero(self.currency))

    def _tax_due(self) -> Money:
        return self.totals.tax - self._tax_credited()

    def _paid_by(self) -> Payment | None:
        return next((each for each in self.payments if each.status is TransferStatus.SUCCEEDED), None)

    def _is_being_paid(self) -> bool:
        return any(payment.in_progress for payment in self.payments)

    def _demand_unfinished(self) -> None:
        if self.status is InvoiceStatus.PAID:
            raise InvoiceAlreadyPaid
        if self.status is InvoiceStatus.VOID:
            raise InvoiceVoid

    def _demand_not_written_off(self) -> None:
        if self.status is InvoiceStatus.UNCOLLECTIBLE:
            raise InvoiceUncollectible

    def _demand_open(self) -> None:
        self._demand_unfinished()
        self._demand_not_written_off()
        if self.status is InvoiceStatus.DRAFT:
            raise InvoiceNotOpen

    def _demand_no_payment_in_progress(self) -> None:
        if self._is_being_paid():
            raise PaymentInProgress

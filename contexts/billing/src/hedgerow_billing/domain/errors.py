"""The rules of billing by the names under which they break. Codes are public and never change."""

from __future__ import annotations

from uuid import UUID

from hedgerow_core.domain import ConflictError, NotFoundError, ValidationError


class UnknownCurrency(ValidationError):
    """No active ISO 4217 code.

    Fix: use one, in capitals.
    """

    code = "billing.unknown_currency"

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"{currency!r} is no active currency. Use an ISO 4217 code in capitals, like EUR.", field="currency"
        )


class CurrencyMismatch(ValidationError):
    """Amounts of two currencies were added. Not reachable over HTTP today.

    Fix: use one currency.
    """

    code = "billing.currency_mismatch"

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other} cannot be added up. Use one currency.", field="currency")


class AmountTooLarge(ValidationError):
    """An amount or the total is beyond 10¹⁵ minor units.

    Fix: split the invoice.
    """

    code = "billing.amount_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"An amount or the total exceeds {most} minor units. Split the invoice.", field="lines")


class InvalidLine(ValidationError):
    """A line without description, with an impossible quantity or price, or too many lines.

    Fix: read `detail`.
    """

    code = "billing.invalid_line"

    def __init__(self, what: str) -> None:
        super().__init__(what, field="lines")


class InvoiceNotFound(NotFoundError):
    """No such invoice among the caller's.

    Fix: check the id.
    """

    code = "billing.invoice_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such invoice among yours. Check its id.")


class PaymentNotFound(NotFoundError):
    """The invoice has no such payment. In tasks only, never an answer.

    Fix: compare the delivery's payload with the invoice.
    """

    code = "billing.payment_not_found"

    def __init__(self, payment_id: UUID) -> None:
        super().__init__(f"There is no payment {payment_id} of this invoice. Check both ids.")


class InvoiceNotDraft(ConflictError):
    """It is open already.

    Fix: ask for its payment.
    """

    code = "billing.invoice_not_draft"

    def __init__(self) -> None:
        super().__init__("This invoice is open already. Only a draft can be opened: ask for its payment instead.")


class InvoiceNotOpen(ConflictError):
    """It is a draft.

    Fix: open it first.
    """

    code = "billing.invoice_not_open"

    def __init__(self) -> None:
        super().__init__("This invoice is a draft. Open it before you ask for its payment.")


class InvoiceAlreadyPaid(ConflictError):
    """It is paid and stays as it is.

    Fix: nothing.
    """

    code = "billing.invoice_already_paid"

    def __init__(self) -> None:
        super().__init__("This invoice is paid and does not change any more.")


class InvoiceVoid(ConflictError):
    """It is void and stays as it is.

    Fix: create a new one.
    """

    code = "billing.invoice_void"

    def __init__(self) -> None:
        super().__init__("This invoice is void and does not change any more. Create a new one.")


class NothingToPay(ConflictError):
    """Its total is zero.

    Fix: void it.
    """

    code = "billing.nothing_to_pay"

    def __init__(self) -> None:
        super().__init__("The total of this invoice is zero, so there is nothing to pay. Void it instead.")


class PaymentInProgress(ConflictError):
    """A payment's outcome is still open.

    Fix: wait for it.
    """

    code = "billing.payment_in_progress"

    def __init__(self) -> None:
        super().__init__("A payment of this invoice is in progress. Wait for its outcome.")


class PaymentMethodMissing(ValidationError):
    """Neither the request, nor the invoice, nor `BILLING_STRIPE_PAYMENT_METHOD` says how to pay.

    Fix: name `method`.
    """

    code = "billing.payment_method_missing"

    def __init__(self) -> None:
        super().__init__("Name the method by which this invoice is paid, as the gateway knows it.", field="method")


class ContradictingResult(ConflictError):
    """The gateway says two things about one payment or refund. In tasks only, never an answer.

    Fix: compare with the gateway's records.
    """

    code = "billing.contradicting_payment_result"

    def __init__(self, transfer: str, *, known: str, told: str) -> None:
        super().__init__(
            f"{transfer} is known as {known} and now reported as {told}. Compare it with the gateway's records."
        )


class InvalidTaxRate(ValidationError):
    """No percentage from 0 to 100 with at most three decimals.

    Fix: write it like `8.875`.
    """

    code = "billing.invalid_tax_rate"

    def __init__(self, rate: str) -> None:
        super().__init__(
            f"{rate!r} is no tax rate. Write a percentage from 0 to 100 with at most three decimals, like 8.875.",
            field="lines",
        )


class InvalidDueDays(ValidationError):
    """Due more than 365 days after it is opened. Not reachable over HTTP today.

    Fix: choose fewer.
    """

    code = "billing.invalid_due_days"

    def __init__(self, most: int) -> None:
        super().__init__(f"An invoice is due 0 to {most} days after it is opened.", field="due_days")


class InvalidReason(ValidationError):
    """A reason without a visible sign, or too long. Not reachable over HTTP today.

    Fix: say why in 500 characters.
    """

    code = "billing.invalid_reason"

    def __init__(self, longest: int) -> None:
        super().__init__(f"Give a reason of 1 to {longest} characters, without NUL.", field="reason")


class InvoiceUncollectible(ConflictError):
    """It is written off.

    Fix: have it paid; nothing else is possible.
    """

    code = "billing.invoice_uncollectible"

    def __init__(self) -> None:
        super().__init__("This invoice is written off. It can still be paid, and nothing else.")


class InvoiceNotPaid(ConflictError):
    """A refund of what was not paid.

    Fix: void or credit it instead.
    """

    code = "billing.invoice_not_paid"

    def __init__(self) -> None:
        super().__init__("This invoice is not paid, so there is nothing to give back. Void or credit it instead.")


class CreditExceedsInvoice(ConflictError):
    """A credit note over all that is due, or more.

    Fix: credit less, or void the invoice.
    """

    code = "billing.credit_exceeds_invoice"

    def __init__(self, due: int) -> None:
        super().__init__(f"Less than what is due can be credited, which is {due}. For all of it, void the invoice.")


class NothingToRefund(ConflictError):
    """All that was paid is back, or on its way.

    Fix: nothing.
    """

    code = "billing.nothing_to_refund"

    def __init__(self) -> None:
        super().__init__("All that was paid has been given back, or is on its way.")


class RefundExceedsPayment(ConflictError):
    """More than what is left of the payment.

    Fix: refund at most `refundable`.
    """

    code = "billing.refund_exceeds_payment"

    def __init__(self, left: int | None = None) -> None:
        most = "what is left of it" if left is None else f"the {left} that are left of it"
        super().__init__(f"No more can be given back than was paid: at most {most}.")


class TooManyPayments(ConflictError):
    """So many attempts to pay this invoice have failed: 100.

    Fix: void it, and make a new one.
    """

    code = "billing.too_many_payments"

    def __init__(self, most: int) -> None:
        super().__init__(f"This invoice was tried to be paid {most} times. Void it, and make a new one.")


class TooManyRefunds(ConflictError):
    """The invoice was refunded 100 times.

    Fix: give the rest back at the gateway.
    """

    code = "billing.too_many_refunds"

    def __init__(self, most: int) -> None:
        super().__init__(f"This invoice was refunded {most} times. Give the rest back at the gateway.")


class RefundNotFound(NotFoundError):
    """The invoice has no such refund. In tasks only, never an answer.

    Fix: compare the delivery's payload with the invoice.
    """

    code = "billing.refund_not_found"

    def __init__(self, refund_id: UUID) -> None:
        super().__init__(f"There is no refund {refund_id} of this invoice. Check both ids.")


class DocumentNumberTaken(ConflictError):
    """Two documents were given one number: somebody changed a series by hand.

    Fix: run `hedgerow billing ledger verify`.
    """

    code = "billing.document_number_taken"

    def __init__(self) -> None:
        super().__init__("This number was given to another document. Run `hedgerow billing ledger verify`.")


class CreditNoteNotFound(NotFoundError):
    """The invoice has no such credit note.

    Fix: check both ids.
    """

    code = "billing.credit_note_not_found"

    def __init__(self, credit_note_id: UUID) -> None:
        super().__init__(f"There is no credit note {credit_note_id} of this invoice. Check both ids.")


class DemoWouldCharge(ConflictError):
    """`hedgerow seed --demo` where `BILLING_GATEWAY` is `stripe`. Never an answer over HTTP.

    Fix: set it to `sandbox`.
    """

    code = "billing.demo_would_charge"

    def __init__(self) -> None:
        super().__init__("Demo data would charge through Stripe. Set BILLING_GATEWAY=sandbox, and seed again.")

"""The rules of billing by the names under which they break. Codes are public and never change."""

from __future__ import annotations

from uuid import UUID

from hedgerow_core.domain import ConflictError, NotFoundError, ValidationError


class UnknownCurrency(ValidationError):
    """Not an active ISO 4217 code."""

    code = "billing.unknown_currency"

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"{currency!r} is no active currency. Use an ISO 4217 code in capitals, like EUR.", field="currency"
        )


class CurrencyMismatch(ValidationError):
    """Amounts of two currencies cannot be added."""

    code = "billing.currency_mismatch"

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other} cannot be added up. Use one currency.", field="currency")


class AmountTooLarge(ValidationError):
    """An amount, or a sum of them, is beyond what we count."""

    code = "billing.amount_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"An amount or the total exceeds {most} minor units. Split the invoice.", field="lines")


class InvalidLine(ValidationError):
    """A line of an invoice says nothing sensible."""

    code = "billing.invalid_line"

    def __init__(self, what: str) -> None:
        super().__init__(what, field="lines")


class InvoiceNotFound(NotFoundError):
    """No such invoice, or none of this customer's."""

    code = "billing.invoice_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such invoice among yours. Check its id.")


class PaymentNotFound(NotFoundError):
    """The invoice has no such payment."""

    code = "billing.payment_not_found"

    def __init__(self, payment_id: UUID) -> None:
        super().__init__(f"There is no payment {payment_id} of this invoice. Check both ids.")


class InvoiceNotDraft(ConflictError):
    """Only a draft can be opened."""

    code = "billing.invoice_not_draft"

    def __init__(self) -> None:
        super().__init__("This invoice is open already. Only a draft can be opened: ask for its payment instead.")


class InvoiceNotOpen(ConflictError):
    """Only an open invoice can be paid."""

    code = "billing.invoice_not_open"

    def __init__(self) -> None:
        super().__init__("This invoice is a draft. Open it before you ask for its payment.")


class InvoiceAlreadyPaid(ConflictError):
    """A paid invoice stays as it is."""

    code = "billing.invoice_already_paid"

    def __init__(self) -> None:
        super().__init__("This invoice is paid and does not change any more.")


class InvoiceVoid(ConflictError):
    """A void invoice stays as it is."""

    code = "billing.invoice_void"

    def __init__(self) -> None:
        super().__init__("This invoice is void and does not change any more. Create a new one.")


class NothingToPay(ConflictError):
    """An invoice of zero cannot be charged, so it is not opened."""

    code = "billing.nothing_to_pay"

    def __init__(self) -> None:
        super().__init__("The total of this invoice is zero, so there is nothing to pay. Void it instead.")


class PaymentInProgress(ConflictError):
    """As long as the outcome of a payment is open, no other one begins and the invoice is not voided."""

    code = "billing.payment_in_progress"

    def __init__(self) -> None:
        super().__init__("A payment of this invoice is in progress. Wait for its outcome.")


class PaymentMethodMissing(ValidationError):
    """Nobody has said how this invoice is paid."""

    code = "billing.payment_method_missing"

    def __init__(self) -> None:
        super().__init__("Name the method by which this invoice is paid, as the gateway knows it.", field="method")


class ContradictingResult(ConflictError):
    """The gateway says two different things about one payment or refund: a human must look."""

    code = "billing.contradicting_payment_result"

    def __init__(self, transfer: str, *, known: str, told: str) -> None:
        super().__init__(
            f"{transfer} is known as {known} and now reported as {told}. Compare it with the gateway's records."
        )


class InvalidTaxRate(ValidationError):
    """Not a percentage between 0 and 100, or too precise a one."""

    code = "billing.invalid_tax_rate"

    def __init__(self, rate: str) -> None:
        super().__init__(
            f"{rate!r} is no tax rate. Write a percentage from 0 to 100 with at most three decimals, like 8.875.",
            field="lines",
        )


class InvalidDueDays(ValidationError):
    """The due date is too far away."""

    code = "billing.invalid_due_days"

    def __init__(self, most: int) -> None:
        super().__init__(f"An invoice is due 0 to {most} days after it is opened.", field="due_days")


class InvalidReason(ValidationError):
    """A reason that says nothing, or too much."""

    code = "billing.invalid_reason"

    def __init__(self, longest: int) -> None:
        super().__init__(f"Give a reason of 1 to {longest} characters, without NUL.", field="reason")


class InvoiceUncollectible(ConflictError):
    """Nobody counts on the money any more; only a payment changes that."""

    code = "billing.invoice_uncollectible"

    def __init__(self) -> None:
        super().__init__("This invoice is written off. It can still be paid, and nothing else.")


class InvoiceNotPaid(ConflictError):
    """What was not paid cannot be given back."""

    code = "billing.invoice_not_paid"

    def __init__(self) -> None:
        super().__init__("This invoice is not paid, so there is nothing to give back. Void or credit it instead.")


class CreditExceedsInvoice(ConflictError):
    """A credit note leaves something to be paid."""

    code = "billing.credit_exceeds_invoice"

    def __init__(self, due: int) -> None:
        super().__init__(f"Less than what is due can be credited, which is {due}. For all of it, void the invoice.")


class NothingToRefund(ConflictError):
    """All of the payment was given back, or is on its way."""

    code = "billing.nothing_to_refund"

    def __init__(self) -> None:
        super().__init__("All that was paid has been given back, or is on its way.")


class RefundExceedsPayment(ConflictError):
    """No more is given back than was paid."""

    code = "billing.refund_exceeds_payment"

    def __init__(self, left: int | None = None) -> None:
        most = "what is left of it" if left is None else f"the {left} that are left of it"
        super().__init__(f"No more can be given back than was paid: at most {most}.")


class TooManyPayments(ConflictError):
    """So many attempts to pay were made of one invoice that no more are taken."""

    code = "billing.too_many_payments"

    def __init__(self, most: int) -> None:
        super().__init__(f"This invoice was tried to be paid {most} times. Void it, and make a new one.")


class TooManyRefunds(ConflictError):
    """An invoice is given back in so many parts at most."""

    code = "billing.too_many_refunds"

    def __init__(self, most: int) -> None:
        super().__init__(f"This invoice was refunded {most} times. Give the rest back at the gateway.")


class RefundNotFound(NotFoundError):
    """The invoice has no such refund."""

    code = "billing.refund_not_found"

    def __init__(self, refund_id: UUID) -> None:
        super().__init__(f"There is no refund {refund_id} of this invoice. Check both ids.")


class DocumentNumberTaken(ConflictError):
    """Two documents were given one number: the series was tampered with."""

    code = "billing.document_number_taken"

    def __init__(self) -> None:
        super().__init__("This number was given to another document. Run `hedgerow billing ledger verify`.")


class CreditNoteNotFound(NotFoundError):
    """The invoice has no such credit note."""

    code = "billing.credit_note_not_found"

    def __init__(self, credit_note_id: UUID) -> None:
        super().__init__(f"There is no credit note {credit_note_id} of this invoice. Check both ids.")


class DemoWouldCharge(ConflictError):
    """Demo data pays and refunds, which a real gateway would do, too."""

    code = "billing.demo_would_charge"

    def __init__(self) -> None:
        super().__init__("Demo data would charge through Stripe. Set BILLING_GATEWAY=sandbox, and seed again.")

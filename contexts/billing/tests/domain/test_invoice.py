"""The rules of an invoice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_billing.domain import errors, events
from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.invoice import MAX_PAYMENTS, MAX_REFUNDS, Invoice, InvoiceStatus
from hedgerow_billing.domain.lines import MAX_DESCRIPTION, MAX_LINES, MAX_QUANTITY, InvoiceLine
from hedgerow_billing.domain.money import MAX_AMOUNT, Money
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_core.domain import ConflictError, DomainError, DomainEvent, new_id

EUR = Currency("EUR")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
DUE = datetime(2026, 1, 29, tzinfo=UTC)
"""What is opened `NOW`, unless somebody says another day."""
NUMBER = DocumentNumber("INV", 1)


def a_line(*, quantity: int = 2, unit_price: int = 1999, description: str = "Hedge") -> InvoiceLine:
    return InvoiceLine(description=description, quantity=quantity, unit_price=Money(unit_price, EUR))


def a_draft(*lines: InvoiceLine) -> Invoice:
    return Invoice.draft(customer_id=new_id(), currency=EUR, lines=lines or [a_line()], at=NOW)


def open_it(invoice: Invoice, at: datetime) -> None:
    invoice.open(NUMBER, at)


def an_open_invoice() -> Invoice:
    invoice = a_draft()
    invoice.open(NUMBER, NOW)
    return invoice


def an_automatic_invoice(plan: RetryPlan) -> Invoice:
    """Open, and collected by this plan from `DUE` on."""
    invoice = Invoice.draft(customer_id=new_id(), currency=EUR, lines=[a_line()], at=NOW, automatic=True)
    invoice.open(NUMBER, NOW)
    invoice.plan_collection(plan)
    return invoice


def an_invoice_being_paid() -> tuple[Invoice, UUID]:
    invoice = an_open_invoice()
    return invoice, invoice.request_payment(NOW).id


def a_paid_invoice() -> Invoice:
    invoice, payment = an_invoice_being_paid()
    invoice.payment_succeeded(payment, "ref", NOW)
    return invoice


def a_void_invoice() -> Invoice:
    invoice = a_draft()
    invoice.void(NOW)
    return invoice


def an_invoice_with_an_unknown_payment() -> Invoice:
    invoice, payment = an_invoice_being_paid()
    invoice.payment_unknown(payment, NOW)
    return invoice


def facts(invoice: Invoice) -> list[type[DomainEvent]]:
    return [type(event) for event in invoice.saved_as(1)]


@pytest.mark.parametrize(
    ("build", "act", "broken"),
    [
        (an_open_invoice, open_it, errors.InvoiceNotDraft),
        (a_paid_invoice, open_it, errors.InvoiceAlreadyPaid),
        (a_void_invoice, open_it, errors.InvoiceVoid),
        (a_paid_invoice, Invoice.void, errors.InvoiceAlreadyPaid),
        (a_void_invoice, Invoice.void, errors.InvoiceVoid),
        (lambda: an_invoice_being_paid()[0], Invoice.void, errors.PaymentInProgress),
        (an_invoice_with_an_unknown_payment, Invoice.void, errors.PaymentInProgress),
        (a_draft, Invoice.request_payment, errors.InvoiceNotOpen),
        (a_paid_invoice, Invoice.request_payment, errors.InvoiceAlreadyPaid),
        (a_void_invoice, Invoice.request_payment, errors.InvoiceVoid),
        (lambda: an_invoice_being_paid()[0], Invoice.request_payment, errors.PaymentInProgress),
        (an_invoice_with_an_unknown_payment, Invoice.request_payment, errors.PaymentInProgress),
        (lambda: a_draft(a_line(unit_price=0)), open_it, errors.NothingToPay),
    ],
)
def test_what_the_state_forbids_is_a_named_conflict_and_changes_nothing(
    build: Callable[[], Invoice], act: Callable[[Invoice, datetime], object], broken: type[ConflictError]
) -> None:
    invoice = build()
    before = (invoice.status, len(invoice.payments), invoice.voided_at)
    invoice.saved_as(1)
    with pytest.raises(broken):
        act(invoice, NOW)
    assert (invoice.status, len(invoice.payments), invoice.voided_at) == before
    assert facts(invoice) == []


def test_an_invoice_is_drafted_opened_and_paid() -> None:
    invoice = a_paid_invoice()
    assert (invoice.status, invoice.opened_at, invoice.paid_at) == (InvoiceStatus.PAID, NOW, NOW)
    assert facts(invoice) == [
        events.InvoiceCreated,
        events.InvoiceOpened,
        events.PaymentRequested,
        events.InvoicePaid,
    ]


@pytest.mark.parametrize("build", [a_draft, an_open_invoice])
def test_a_draft_and_an_open_invoice_can_be_voided(build: Callable[[], Invoice]) -> None:
    invoice = build()
    invoice.void(NOW)
    assert (invoice.status, invoice.voided_at) == (InvoiceStatus.VOID, NOW)
    assert facts(invoice)[-1] is events.InvoiceVoided


def test_a_failed_payment_leaves_the_invoice_open_and_payable() -> None:
    invoice, payment = an_invoice_being_paid()
    invoice.payment_failed(payment, "card_declined", NOW)
    assert invoice.status is InvoiceStatus.OPEN
    assert invoice.request_payment(NOW).status is TransferStatus.PENDING
    assert [p.progress.failure for p in invoice.payments] == ["card_declined", None]


@pytest.mark.parametrize("succeeds", [True, False])
def test_an_unknown_payment_takes_whichever_result_is_found_out(succeeds: bool) -> None:
    invoice, payment = an_invoice_being_paid()
    assert invoice.payment_unknown(payment, NOW)
    if succeeds:
        assert invoice.payment_succeeded(payment, "ref", NOW)
    else:
        assert invoice.payment_failed(payment, "card_declined", NOW)
    assert invoice.status is (InvoiceStatus.PAID if succeeds else InvoiceStatus.OPEN)


def test_the_same_result_twice_changes_nothing() -> None:
    invoice, payment = an_invoice_being_paid()
    invoice.payment_succeeded(payment, "ref", NOW)
    invoice.saved_as(1)
    assert not invoice.payment_succeeded(payment, "ref", NOW)
    assert not invoice.payment_unknown(payment, NOW)
    assert facts(invoice) == []

    invoice, payment = an_invoice_being_paid()
    invoice.payment_failed(payment, "card_declined", NOW)
    assert not invoice.payment_failed(payment, "card_declined", NOW)


def test_a_contradicting_result_is_refused() -> None:
    invoice, payment = an_invoice_being_paid()
    invoice.payment_succeeded(payment, "ref", NOW)
    with pytest.raises(errors.ContradictingResult, match="known as succeeded"):
        invoice.payment_failed(payment, "card_declined", NOW)
    with pytest.raises(errors.ContradictingResult):
        invoice.payment_succeeded(payment, "another", NOW)

    invoice, payment = an_invoice_being_paid()
    invoice.payment_failed(payment, "card_declined", NOW)
    with pytest.raises(errors.ContradictingResult, match="known as failed"):
        invoice.payment_succeeded(payment, "ref", NOW)


def test_a_result_for_a_foreign_payment_is_refused() -> None:
    with pytest.raises(errors.PaymentNotFound):
        an_open_invoice().payment_succeeded(new_id(), "ref", NOW)


@given(st.lists(st.tuples(st.integers(1, MAX_QUANTITY), st.integers(0, 10**6)), min_size=1, max_size=MAX_LINES))
def test_the_total_is_the_sum_of_the_lines(lines: list[tuple[int, int]]) -> None:
    invoice = a_draft(*(a_line(quantity=quantity, unit_price=price) for quantity, price in lines))
    assert invoice.total == Money(sum(quantity * price for quantity, price in lines), EUR)
    assert invoice.total.amount == sum(line.net.amount for line in invoice.lines)


@pytest.mark.parametrize("count", [0, MAX_LINES + 1])
def test_an_invoice_has_one_to_a_hundred_lines(count: int) -> None:
    with pytest.raises(errors.InvalidLine, match=f"not {count}"):
        Invoice.draft(customer_id=new_id(), currency=EUR, lines=[a_line()] * count, at=NOW)


def test_all_lines_share_the_currency() -> None:
    with pytest.raises(errors.CurrencyMismatch):
        Invoice.draft(customer_id=new_id(), currency=Currency("JPY"), lines=[a_line()], at=NOW)


@pytest.mark.parametrize(
    "lines", [[a_line(unit_price=MAX_AMOUNT)], [a_line(quantity=1, unit_price=MAX_AMOUNT)] * 2]
)
def test_too_large_a_line_or_total_is_refused(lines: list[InvoiceLine]) -> None:
    with pytest.raises(errors.AmountTooLarge):
        a_draft(*lines)


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": 0},
        {"quantity": MAX_QUANTITY + 1},
        {"unit_price": -1},
        {"description": " "},
        {"description": "a\x00b"},
        {"description": "x" * (MAX_DESCRIPTION + 1)},
    ],
)
def test_an_impossible_line_is_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(errors.InvalidLine):
        a_line(**wrong)  # type: ignore[arg-type] # one keyword at a time, each of its own type


class _Results:
    """What a gateway may say, as functions of an invoice and its latest payment."""

    @staticmethod
    def succeed(invoice: Invoice) -> object:
        return invoice.payment_succeeded(invoice.payments[-1].id, "ref", NOW)

    @staticmethod
    def fail(invoice: Invoice) -> object:
        return invoice.payment_failed(invoice.payments[-1].id, "card_declined", NOW)

    @staticmethod
    def keep_silent(invoice: Invoice) -> object:
        return invoice.payment_unknown(invoice.payments[-1].id, NOW)


_steps = st.sampled_from(
    [
        lambda invoice: invoice.open(NUMBER, NOW),
        lambda invoice: invoice.void(NOW),
        lambda invoice: invoice.request_payment(NOW),
        _Results.succeed,
        _Results.fail,
        _Results.keep_silent,
    ]
)


@given(st.lists(_steps, max_size=30))
def test_whatever_happens_money_is_taken_once_and_only_for_a_paid_invoice(
    steps: list[Callable[[Invoice], object]],
) -> None:
    invoice = a_draft()
    for step in steps:
        try:
            step(invoice)
        except (DomainError, IndexError):
            continue
    succeeded = [p for p in invoice.payments if p.status is TransferStatus.SUCCEEDED]
    assert len(succeeded) == (1 if invoice.status is InvoiceStatus.PAID else 0)
    assert sum(p.in_progress for p in invoice.payments) <= (1 if invoice.status is InvoiceStatus.OPEN else 0)
    assert not any(p.in_progress for p in invoice.payments[:-1])


def a_written_off_invoice() -> Invoice:
    invoice = an_open_invoice()
    invoice.write_off(NOW)
    return invoice


def eur(amount: int) -> Money:
    return Money(amount, EUR)


def credit_one(invoice: Invoice, at: datetime) -> object:
    return invoice.credit(NUMBER, eur(1), "less", at)


def refund_all(invoice: Invoice, at: datetime) -> object:
    return invoice.request_refund(None, "back", at)


@pytest.mark.parametrize(
    ("build", "act", "broken"),
    [
        (a_draft, credit_one, errors.InvoiceNotOpen),
        (a_paid_invoice, credit_one, errors.InvoiceAlreadyPaid),
        (a_void_invoice, credit_one, errors.InvoiceVoid),
        (a_written_off_invoice, credit_one, errors.InvoiceUncollectible),
        (an_invoice_with_an_unknown_payment, credit_one, errors.PaymentInProgress),
        (a_draft, Invoice.write_off, errors.InvoiceNotOpen),
        (a_paid_invoice, Invoice.write_off, errors.InvoiceAlreadyPaid),
        (a_void_invoice, Invoice.write_off, errors.InvoiceVoid),
        (a_written_off_invoice, Invoice.write_off, errors.InvoiceUncollectible),
        (an_invoice_with_an_unknown_payment, Invoice.write_off, errors.PaymentInProgress),
        (a_written_off_invoice, Invoice.void, errors.InvoiceUncollectible),
        (a_draft, refund_all, errors.InvoiceNotPaid),
        (an_open_invoice, refund_all, errors.InvoiceNotPaid),
        (a_void_invoice, refund_all, errors.InvoiceNotPaid),
        (a_written_off_invoice, refund_all, errors.InvoiceNotPaid),
    ],
)
def test_credits_refunds_and_write_offs_are_for_the_states_that_they_are_for(
    build: Callable[[], Invoice], act: Callable[[Invoice, datetime], object], broken: type[ConflictError]
) -> None:
    invoice = build()
    invoice.saved_as(1)
    before = (invoice.status, invoice.due, invoice.refunded)
    with pytest.raises(broken):
        act(invoice, NOW)
    assert (invoice.status, invoice.due, invoice.refunded) == before
    assert facts(invoice) == []


def test_a_credit_leaves_less_to_pay_and_only_that_is_charged() -> None:
    invoice = an_open_invoice()
    note = invoice.credit(NUMBER, eur(998), "cut twice", NOW)
    assert (invoice.credited, invoice.due, note.reason) == (eur(998), eur(3000), "cut twice")
    assert invoice.request_payment(NOW).amount == eur(3000)


@pytest.mark.parametrize("amount", [3998, 4000, 0, -1])
def test_a_credit_leaves_something_to_pay_and_takes_something_back(amount: int) -> None:
    invoice = an_open_invoice()
    with pytest.raises(errors.CreditExceedsInvoice):
        invoice.credit(NUMBER, eur(amount), "all", NOW)
    assert invoice.credit_notes == []


def test_a_credit_in_another_currency_is_refused() -> None:
    with pytest.raises(errors.CurrencyMismatch):
        an_open_invoice().credit(NUMBER, Money(1, Currency("JPY")), "less", NOW)


@pytest.mark.parametrize("reason", ["", " \n", "a\x00b", "x" * 501])
def test_a_reason_says_something_that_can_be_kept(reason: str) -> None:
    with pytest.raises(errors.InvalidReason):
        an_open_invoice().credit(NUMBER, eur(1), reason, NOW)
    with pytest.raises(errors.InvalidReason):
        a_paid_invoice().request_refund(None, reason, NOW)


def test_what_is_written_off_can_still_be_paid() -> None:
    invoice = a_written_off_invoice()
    assert (invoice.status, invoice.uncollectible_at) == (InvoiceStatus.UNCOLLECTIBLE, NOW)
    invoice.payment_succeeded(invoice.request_payment(NOW).id, "ref", NOW)
    assert (invoice.status, invoice.due) == (InvoiceStatus.PAID, eur(0))
    (paid,) = [event for event in invoice.saved_as(1) if isinstance(event, events.InvoicePaid)]
    assert paid.was_written_off


def test_refunds_never_exceed_what_was_paid() -> None:
    invoice = a_paid_invoice()
    invoice.request_refund(eur(3000), "back", NOW)
    with pytest.raises(errors.RefundExceedsPayment, match="998"):
        invoice.request_refund(eur(999), "back", NOW)
    assert invoice.request_refund(None, "the rest", NOW).amount == eur(998)
    with pytest.raises(errors.NothingToRefund):
        invoice.request_refund(None, "more", NOW)
    for wrong in (0, -1):
        with pytest.raises(errors.RefundExceedsPayment):
            a_paid_invoice().request_refund(eur(wrong), "back", NOW)


def test_what_was_credited_before_is_not_refunded() -> None:
    invoice = an_open_invoice()
    invoice.credit(NUMBER, eur(998), "less", NOW)
    invoice.payment_succeeded(invoice.request_payment(NOW).id, "ref", NOW)
    assert invoice.refundable == eur(3000)


def test_a_failed_refund_frees_its_amount_and_makes_no_credit_note() -> None:
    invoice = a_paid_invoice()
    refund = invoice.request_refund(None, "back", NOW)
    assert invoice.refund_unknown(refund.id)
    assert invoice.refundable == eur(0), "it may still succeed"
    assert invoice.refund_failed(refund.id, "charge_disputed", NOW)
    assert not invoice.refund_failed(refund.id, "charge_disputed", NOW)
    assert (invoice.refundable, invoice.credit_notes) == (invoice.total, [])
    assert invoice.request_refund(None, "again", NOW).amount == invoice.total


def test_a_refund_that_succeeds_is_documented_once_and_never_contradicted() -> None:
    invoice = a_paid_invoice()
    refund = invoice.request_refund(eur(1000), "back", NOW)
    for _ in range(2):
        invoice.refund_succeeded(refund.id, "ref", NUMBER, NOW)
    (note,) = invoice.credit_notes
    assert (note.amount, note.refund_id, invoice.status) == (eur(1000), refund.id, InvoiceStatus.PAID)
    assert not invoice.refund_unknown(refund.id)
    with pytest.raises(errors.ContradictingResult):
        invoice.refund_failed(refund.id, "charge_disputed", NOW)
    with pytest.raises(errors.ContradictingResult):
        invoice.refund_succeeded(refund.id, "another", NUMBER, NOW)
    with pytest.raises(errors.RefundNotFound):
        invoice.refund_failed(new_id(), "charge_disputed", NOW)


def test_an_invoice_is_given_back_in_a_hundred_parts_at_most() -> None:
    invoice = a_paid_invoice()
    for _ in range(MAX_REFUNDS):
        invoice.request_refund(eur(1), "bit by bit", NOW)
    with pytest.raises(errors.TooManyRefunds):
        invoice.request_refund(eur(1), "bit by bit", NOW)


@pytest.mark.parametrize("days", [0, 1, 14, 365])
def test_the_due_date_follows_from_the_day_of_opening(days: int) -> None:
    invoice = Invoice.draft(customer_id=new_id(), currency=EUR, lines=[a_line()], at=NOW, due_days=days)
    invoice.open(NUMBER, NOW + timedelta(days=2))
    assert invoice.due_on == (NOW + timedelta(days=2 + days)).date()


@pytest.mark.parametrize("days", [-1, 366])
def test_no_invoice_is_due_in_the_past_or_in_years(days: int) -> None:
    with pytest.raises(errors.InvalidDueDays):
        Invoice.draft(customer_id=new_id(), currency=EUR, lines=[a_line()], at=NOW, due_days=days)


def test_after_a_hundred_failed_payments_no_more_are_taken() -> None:
    invoice = an_open_invoice()
    for _ in range(MAX_PAYMENTS):
        invoice.payment_failed(invoice.request_payment(NOW).id, "card_declined", NOW)
    with pytest.raises(errors.TooManyPayments):
        invoice.request_payment(NOW)


def test_where_a_method_is_needed_somebody_must_name_one() -> None:
    invoice = an_open_invoice()
    with pytest.raises(errors.PaymentMethodMissing):
        invoice.request_payment(NOW, method_needed=True)
    assert invoice.payments == []
    assert invoice.request_payment(NOW, "pm_card", method_needed=True).method == "pm_card"


def test_collecting_without_a_needed_method_fails_at_once_as_a_decline_does() -> None:
    plan = RetryPlan((0, 3))
    invoice = an_automatic_invoice(plan)
    payments = [invoice.collect(plan, DUE + timedelta(days=day), method_needed=True) for day in (0, 3)]
    assert [payment.progress.failure for payment in payments if payment] == ["payment_method_missing"] * 2
    told = facts(invoice)
    assert (told.count(events.PaymentFailed), told[-1]) == (2, events.CollectionExhausted)


def test_an_open_invoice_is_overdue_the_day_after_its_due_date_once() -> None:
    invoice = an_open_invoice()
    due = datetime(2026, 1, 29, 23, 59, 59, tzinfo=UTC)
    assert not invoice.mark_overdue(due)
    assert invoice.mark_overdue(due + timedelta(seconds=1))
    assert not invoice.mark_overdue(due + timedelta(days=1))


@pytest.mark.parametrize("build", [a_draft, a_paid_invoice, a_void_invoice, a_written_off_invoice])
def test_what_nobody_counts_on_is_not_overdue(build: Callable[[], Invoice]) -> None:
    invoice = build()
    assert not invoice.mark_overdue(NOW + timedelta(days=400))
    assert invoice.overdue_at is None


def test_only_an_automatic_invoice_is_collected_and_only_when_planned() -> None:
    plan = RetryPlan((0, 3))
    by_hand = an_open_invoice()
    by_hand.plan_collection(plan)
    assert by_hand.collect(plan, NOW + timedelta(days=400)) is None

    invoice = an_automatic_invoice(plan)
    assert invoice.collect(plan, DUE - timedelta(microseconds=1)) is None
    assert invoice.collect(plan, DUE) is not None
    assert invoice.collect(plan, DUE) is None, "a payment is in progress"
    assert invoice.collect_at == DUE + timedelta(days=3)


def test_a_decline_that_is_told_again_after_the_customer_has_paid_changes_nothing() -> None:
    plan = RetryPlan((0,))
    invoice = an_automatic_invoice(plan)
    declined = invoice.collect(plan, DUE)
    assert declined is not None
    invoice.payment_failed(declined.id, "card_declined", DUE)
    assert facts(invoice)[-1] is events.CollectionExhausted
    invoice.payment_succeeded(invoice.request_payment(DUE).id, "ref", DUE)
    facts(invoice)

    assert not invoice.payment_failed(declined.id, "card_declined", DUE)
    assert (invoice.status, facts(invoice)) == (InvoiceStatus.PAID, [])

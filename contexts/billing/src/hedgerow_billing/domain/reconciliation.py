"""Holds the books against what they speak of: every rule that must hold for an invoice, whoever wrote the rows.

The rules don't lean on each other: what each account comes to is worked out from the invoice alone, without a look
at how it was booked, so that a mistake in `bookkeeping.py` is found, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from hedgerow_billing.domain import events
from hedgerow_billing.domain.bookkeeping import Account, entries_of
from hedgerow_billing.domain.findings import Check, Finding
from hedgerow_billing.domain.invoice import Invoice, InvoiceStatus
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.transfer import Transfer, TransferStatus
from hedgerow_core.domain import DomainEvent, ValueObject


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPosting(ValueObject):
    """A row of the books. The account is a text, because a damaged row may name any."""

    kind: str
    source: UUID
    account: str
    amount: int
    currency: str
    customer_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked(ValueObject):
    """An invoice, what its rows say besides, and all that is booked for it."""

    invoice: Invoice
    total: int
    tax: int
    credited: int
    refunded: Mapping[UUID, int]
    """By payment."""
    currencies: frozenset[str]
    """Of its payments, refunds and credit notes."""
    postings: Sequence[BookedPosting]


Moved = TypeVar("Moved", bound=Transfer)
Rule = Callable[[Booked], Iterator[Finding]]


def findings_in(booked: Booked) -> Iterator[Finding]:
    """All that is wrong with an invoice and what is booked for it."""
    for rule in _RULES:
        yield from rule(booked)


def _totals(booked: Booked) -> Iterator[Finding]:
    told, lines = (booked.total, booked.tax), booked.invoice.totals
    if told != (lines.total.amount, lines.tax.amount):
        lines_say = f"{lines.total.amount}, tax {lines.tax.amount}"
        yield _of(booked, Check.TOTALS, f"its row says {told[0]}, tax {told[1]}; its lines come to {lines_say}")


def _credited(booked: Booked) -> Iterator[Finding]:
    notes = booked.invoice.credited.amount
    if booked.credited != notes:
        yield _of(booked, Check.CREDITED, f"its row says credited {booked.credited}; its credit notes {notes}")


def _refunded(booked: Booked) -> Iterator[Finding]:
    for payment in booked.invoice.payments:
        told = booked.refunded[payment.id]
        refunds = sum(
            refund.amount.amount
            for refund in booked.invoice.refunds
            if refund.payment_id == payment.id and refund.status is not TransferStatus.FAILED
        )
        if told != refunds:
            yield _of(
                booked, Check.REFUNDED, f"payment {payment.id} says refunded {told}; its refunds come to {refunds}"
            )


def _numbered(booked: Booked) -> Iterator[Finding]:
    invoice = booked.invoice
    if (invoice.number is None) != (invoice.opened_at is None):
        has, is_ = (
            ("no number", "was opened") if invoice.number is None else (f"number {invoice.number}", "never was")
        )
        yield _of(booked, Check.NUMBERS, f"it has {has}, but {is_}")


def _one_currency(booked: Booked) -> Iterator[Finding]:
    own = booked.invoice.currency.code
    if others := sorted(booked.currencies - {own}):
        yield _of(
            booked, Check.CURRENCY, f"it is in {own}; payments, refunds or credit notes in {', '.join(others)}"
        )


def _own_postings(booked: Booked) -> Iterator[Finding]:
    invoice = booked.invoice
    for posting in booked.postings:
        if (posting.currency, posting.customer_id) != (invoice.currency.code, invoice.customer_id):
            yield Finding(
                check=Check.FOREIGN_POSTING,
                subject=_key(posting.kind, posting.source),
                what=f"its {posting.account} is in {posting.currency} of customer {posting.customer_id}; "
                f"invoice {invoice.id} is in {invoice.currency} of {invoice.customer_id}",
            )


def _accounts(booked: Booked) -> Iterator[Finding]:
    """What each account must come to, worked out from the invoice alone."""
    for check, account, wanted in _wanted(booked.invoice):
        found = sum(posting.amount for posting in booked.postings if posting.account == account)
        if found != wanted:
            yield _of(booked, check, f"{account} comes to {found} instead of {wanted}")


def _wanted(invoice: Invoice) -> Sequence[tuple[Check, Account, int]]:
    booked = invoice.opened_at is not None
    stands = booked and invoice.status is not InvoiceStatus.VOID
    gross = (invoice.total - invoice.credited).amount if stands else 0
    tax = (invoice.totals.tax.amount - sum(note.tax.amount for note in invoice.credit_notes)) if stands else 0
    due = invoice.due.amount
    paid = sum(payment.amount.amount for payment in _succeeded(invoice.payments))
    back = sum(refund.amount.amount for refund in _succeeded(invoice.refunds))
    return (
        (Check.RECEIVABLE, Account.RECEIVABLE, due if invoice.status is InvoiceStatus.OPEN else 0),
        (Check.GATEWAY, Account.GATEWAY, paid - back),
        (Check.EARNINGS, Account.REVENUE, tax - gross),
        (Check.EARNINGS, Account.TAX, -tax),
        (Check.BAD_DEBT, Account.BAD_DEBT, due if invoice.status is InvoiceStatus.UNCOLLECTIBLE else 0),
    )


def _entries(booked: Booked) -> Iterator[Finding]:
    """Of everything that happened there is an entry that says just this, and there is no other."""
    due = {
        (str(entry.kind), entry.source): {str(each.account): each.amount.amount for each in entry.postings}
        for event in _what_happened(booked.invoice)
        for entry in entries_of(event)
    }
    made: dict[tuple[str, UUID], dict[str, int]] = {}
    for posting in booked.postings:
        made.setdefault((posting.kind, posting.source), {})[posting.account] = posting.amount
    for key in sorted(due.keys() | made.keys(), key=str):
        if key not in made:
            check, what = Check.MISSING_ENTRY, f"nothing is booked; it should be {due[key]}"
        elif key not in due:
            check, what = Check.GROUNDLESS_ENTRY, f"{made[key]} is booked for what did not happen"
        elif made[key] != due[key]:
            check, what = Check.WRONG_ENTRY, f"{made[key]} is booked; it should be {due[key]}"
        else:
            continue
        yield Finding(check=check, subject=_key(*key), what=f"{what} (invoice {booked.invoice.id})")


def _what_happened(invoice: Invoice) -> Iterator[DomainEvent]:
    """What an invoice says of its past, as the events that were booked then."""
    zero = Money.zero(invoice.currency)
    whose = {"invoice_id": invoice.id, "customer_id": invoice.customer_id}
    if invoice.opened_at is None:
        return
    if invoice.number is not None and invoice.due_on is not None:
        yield events.InvoiceOpened(
            **whose,
            number=invoice.number,
            total=invoice.total,
            tax=invoice.totals.tax,
            due_on=invoice.due_on,
            at=invoice.opened_at,
        )
    for note in invoice.credit_notes:
        yield events.CreditNoteIssued(
            **whose,
            credit_note_id=note.id,
            number=note.number,
            amount=note.amount,
            tax=note.tax,
            refund_id=note.refund_id,
            at=note.issued_at,
        )
    if invoice.uncollectible_at is not None:
        before = sum((note.amount for note in invoice.credit_notes if note.refund_id is None), zero)
        yield events.InvoiceWrittenOff(**whose, amount=invoice.total - before, at=invoice.uncollectible_at)
    for payment in _succeeded(invoice.payments):
        yield events.InvoicePaid(
            **whose,
            payment_id=payment.id,
            total=invoice.total,
            amount=payment.amount,
            was_written_off=invoice.uncollectible_at is not None,
            at=payment.progress.settled_at or invoice.opened_at,
        )
    for refund in _succeeded(invoice.refunds):
        yield events.InvoiceRefunded(
            **whose,
            refund_id=refund.id,
            amount=refund.amount,
            at=refund.progress.settled_at or invoice.opened_at,
        )
    if invoice.voided_at is not None:
        yield events.InvoiceVoided(
            **whose,
            total=invoice.total,
            withdrawn=invoice.total - invoice.credited,
            tax=invoice.totals.tax - sum((note.tax for note in invoice.credit_notes), zero),
            at=invoice.voided_at,
        )


def _succeeded(transfers: Iterable[Moved]) -> Iterator[Moved]:
    return (transfer for transfer in transfers if transfer.status is TransferStatus.SUCCEEDED)


def _key(kind: str, source: UUID) -> str:
    return f"{kind} {source}"


def _of(booked: Booked, check: Check, what: str) -> Finding:
    return Finding(check=check, subject=str(booked.invoice.id), what=what)


_RULES: Sequence[Rule] = (
    _totals,
    _credited,
    _refunded,
    _numbered,
    _one_currency,
    _own_postings,
    _accounts,
    _entries,
)

"""The books: what each step of an invoice means in double entry. Debits are positive, credits negative.

| what happens | debit | credit |
|---|---|---|
| an invoice is opened | receivable: total | revenue: net · tax: tax |
| it is paid | gateway: amount | receivable: amount |
| some of it is credited, or refunded | revenue: net · tax: tax | receivable: amount |
| money is given back | receivable: amount | gateway: amount |
| an open one is voided | revenue: net · tax: tax | receivable: what was owed |
| it is written off | bad debt: amount | receivable: amount |
| a written-off one is paid after all | receivable: amount, then as paid | bad debt: amount |

So `receivable` is at every moment what customers owe, and `gateway` what it holds for us. Some tax authorities give
the tax of a written-off invoice back: that is booked elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hedgerow_billing.domain import events
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import DomainEvent, ValueObject


class Account(StrEnum):
    """What money is, or what it is for."""

    RECEIVABLE = "receivable"
    """What customers owe."""
    GATEWAY = "gateway"
    """What the gateway has taken and not given back."""
    REVENUE = "revenue"
    TAX = "tax"
    """What is owed to tax authorities."""
    BAD_DEBT = "bad_debt"
    """What nobody counts on any more."""


class EntryKind(StrEnum):
    """Why something was booked."""

    OPENED = "opened"
    PAID = "paid"
    CREDITED = "credited"
    REFUNDED = "refunded"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Posting(ValueObject):
    """One side of an entry: positive amounts are debits."""

    account: Account
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(ValueObject):
    """Postings of one currency that sum up to zero. Of one kind and `source` there is one entry, for ever.

    Raises:
        ValueError: they don't sum up to zero, or are of several currencies.
    """

    kind: EntryKind
    source: UUID
    """The invoice, payment, refund or credit note of which the kind speaks."""
    invoice_id: UUID
    customer_id: UUID
    postings: Sequence[Posting]
    at: datetime

    def __post_init__(self) -> None:
        currencies = {posting.amount.currency for posting in self.postings}
        if len(currencies) != 1 or sum(posting.amount.amount for posting in self.postings) != 0:
            raise ValueError(f"an entry is of one currency and sums up to zero: {self}")


def entries_of(event: DomainEvent) -> Sequence[Entry]:
    """What is to be booked for an event, in that order."""
    match event:
        case events.InvoiceOpened(total=total, tax=tax, invoice_id=source):
            return [_entry(event, EntryKind.OPENED, source, _owed(total), *_earned(total, tax, sign=-1))]
        case events.InvoicePaid(amount=amount, payment_id=source, was_written_off=was_written_off):
            paid = _entry(event, EntryKind.PAID, source, Posting(Account.GATEWAY, amount), _owed(-amount))
            if not was_written_off:
                return [paid]
            back = _entry(event, EntryKind.RECOVERED, source, _owed(amount), Posting(Account.BAD_DEBT, -amount))
            return [back, paid]
        case events.CreditNoteIssued(amount=amount, tax=tax, credit_note_id=source):
            return [_entry(event, EntryKind.CREDITED, source, *_earned(amount, tax), _owed(-amount))]
        case events.InvoiceRefunded(amount=amount, refund_id=source):
            return [_entry(event, EntryKind.REFUNDED, source, _owed(amount), Posting(Account.GATEWAY, -amount))]
        case events.InvoiceVoided(withdrawn=amount, tax=tax, invoice_id=source) if amount.amount:
            return [_entry(event, EntryKind.VOIDED, source, *_earned(amount, tax), _owed(-amount))]
        case events.InvoiceWrittenOff(amount=amount, invoice_id=source):
            return [_entry(event, EntryKind.WRITTEN_OFF, source, Posting(Account.BAD_DEBT, amount), _owed(-amount))]
        case _:
            return []


def _owed(amount: Money) -> Posting:
    return Posting(Account.RECEIVABLE, amount)


def _earned(amount: Money, tax: Money, *, sign: int = 1) -> Sequence[Posting]:
    parts = (Posting(Account.REVENUE, (amount - tax) * sign), Posting(Account.TAX, tax * sign))
    return [part for part in parts if part.amount.amount]


def _entry(event: events.InvoiceEvent, kind: EntryKind, source: UUID, *postings: Posting) -> Entry:
    return Entry(
        kind=kind,
        source=source,
        invoice_id=event.invoice_id,
        customer_id=event.customer_id,
        postings=postings,
        at=event.at,
    )

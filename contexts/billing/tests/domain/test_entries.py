"""Every step of an invoice is booked so that it sums up to zero; what an entry may not be is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hedgerow_billing.domain.bookkeeping import Account, Entry, EntryKind, Posting
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import new_id

EUR, USD = Currency("EUR"), Currency("USD")


def entry(*postings: Posting) -> Entry:
    return Entry(
        kind=EntryKind.OPENED,
        source=new_id(),
        invoice_id=new_id(),
        customer_id=new_id(),
        postings=postings,
        at=datetime(2026, 1, 15, tzinfo=UTC),
    )


def test_an_entry_sums_up_to_zero() -> None:
    owed, earned = Posting(Account.RECEIVABLE, Money(5, EUR)), Posting(Account.REVENUE, Money(-5, EUR))
    assert entry(owed, earned).postings == (owed, earned)


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting(Account.RECEIVABLE, Money(5, EUR)),),
        (Posting(Account.RECEIVABLE, Money(5, EUR)), Posting(Account.REVENUE, Money(-4, EUR))),
        (Posting(Account.RECEIVABLE, Money(5, EUR)), Posting(Account.REVENUE, Money(-5, USD))),
    ],
    ids=["nothing", "one side", "a difference", "two currencies"],
)
def test_what_does_not_is_no_entry(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(ValueError, match="one currency and sums up to zero"):
        entry(*postings)

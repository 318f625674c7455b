"""The rules of the books: what each step books, and that they say at any time what the invoice says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contexts.billing.tests.domain.walk import Walk
from hedgerow_billing.domain.bookkeeping import Account, Entry, EntryKind, Posting
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import new_id

EUR = Currency("EUR")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
TOTAL, NET, TAX = 3567, 2998, 569
"""Of `Walk.begin()`: 2997 at 19 %, and 1 at 7 %."""

Steps = list[Callable[[Walk], object]]
OPENED: Steps = [Walk.open]
PAID: Steps = [Walk.open, Walk.request_payment, Walk.payment_succeeds]
WRITTEN_OFF: Steps = [Walk.open, Walk.write_off]


@pytest.mark.parametrize(
    ("before", "step", "booked"),
    [
        ([], Walk.open, {"opened": {"receivable": TOTAL, "revenue": -NET, "tax": -TAX}}),
        (PAID[:-1], Walk.payment_succeeds, {"paid": {"gateway": TOTAL, "receivable": -TOTAL}}),
        (
            OPENED,
            lambda walk: walk.credit(1000),
            {"credited": {"revenue": 840, "tax": 160, "receivable": -1000}},
        ),
        (
            [*PAID, lambda walk: walk.request_refund(1000)],
            lambda walk: walk.refund_succeeds(0),
            {
                "credited": {"revenue": 840, "tax": 160, "receivable": -1000},
                "refunded": {"receivable": 1000, "gateway": -1000},
            },
        ),
        (OPENED, Walk.void, {"voided": {"revenue": NET, "tax": TAX, "receivable": -TOTAL}}),
        (
            [*OPENED, lambda walk: walk.credit(1000)],
            Walk.void,
            {"voided": {"revenue": NET - 840, "tax": TAX - 160, "receivable": 1000 - TOTAL}},
        ),
        (OPENED, Walk.write_off, {"written_off": {"bad_debt": TOTAL, "receivable": -TOTAL}}),
        (
            [*WRITTEN_OFF, Walk.request_payment],
            Walk.payment_succeeds,
            {
                "recovered": {"receivable": TOTAL, "bad_debt": -TOTAL},
                "paid": {"gateway": TOTAL, "receivable": -TOTAL},
            },
        ),
        ([], Walk.void, {}),
        (OPENED, Walk.request_payment, {}),
        (PAID[:-1], Walk.payment_fails, {}),
        (OPENED, lambda walk: walk.wait(30), {}),
        (PAID, lambda walk: walk.request_refund(None), {}),
        ([*PAID, lambda walk: walk.request_refund(None)], lambda walk: walk.refund_fails(0), {}),
    ],
)
def test_each_step_books_what_the_table_says(
    before: Steps, step: Callable[[Walk], object], booked: dict[str, dict[str, int]]
) -> None:
    walk = Walk.begin()
    for each in before:
        assert walk.try_to(lambda each=each: each(walk))
    walk.entries.clear()
    assert walk.try_to(lambda: step(walk))
    assert {
        str(entry.kind): {str(side.account): side.amount.amount for side in entry.postings}
        for entry in walk.entries
    } == booked


def test_an_untaxed_invoice_books_no_tax() -> None:
    walk = Walk.begin(rate=0, price=1)
    walk.try_to(walk.open)
    (entry,) = walk.entries
    assert [side.account for side in entry.postings] == [Account.RECEIVABLE, Account.REVENUE]


def test_an_entry_that_does_not_sum_up_to_zero_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="sums up to zero"):
        Entry(
            kind=EntryKind.OPENED,
            source=new_id(),
            invoice_id=new_id(),
            customer_id=new_id(),
            postings=[Posting(Account.RECEIVABLE, Money(2, EUR)), Posting(Account.REVENUE, Money(-1, EUR))],
            at=NOW,
        )


class LifeOfAnInvoice(RuleBasedStateMachine):
    """Whatever is tried, in any order: the rules forbid it, or the books say what the invoice says."""

    @initialize(
        price=st.integers(0, 1_500), rate=st.sampled_from([0, 7_000, 8_875, 19_000, 100_000]), paid=st.booleans()
    )
    def draft(self, price: int, rate: int, paid: bool) -> None:
        self.walk = Walk.begin(price=price, rate=rate)
        for step in PAID if paid else []:
            assert self.walk.try_to(lambda step=step: step(self.walk))  # type: ignore[misc] # the loop's variable

    @rule(
        step=st.sampled_from(
            [
                Walk.open,
                Walk.void,
                Walk.write_off,
                Walk.request_payment,
                Walk.collect,
                Walk.payment_succeeds,
                Walk.payment_fails,
                Walk.payment_keeps_silent,
            ]
        )
    )
    def step(self, step: Callable[[Walk], object]) -> None:
        self.walk.try_to(lambda: step(self.walk))

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.walk.try_to(lambda: self.walk.wait(days))

    @rule(amount=st.integers(-1, 6_000))
    def credit(self, amount: int) -> None:
        self.walk.try_to(lambda: self.walk.credit(amount))

    @rule(amount=st.none() | st.integers(-1, 6_000))
    def request_refund(self, amount: int | None) -> None:
        self.walk.try_to(lambda: self.walk.request_refund(amount))

    @rule(nth=st.integers(0, 5), how=st.sampled_from([Walk.refund_succeeds, Walk.refund_fails]))
    def settle_refund(self, nth: int, how: Callable[[Walk, int], object]) -> None:
        self.walk.try_to(lambda: how(self.walk, nth))

    @rule(nth=st.integers(0, 5))
    def refund_keeps_silent(self, nth: int) -> None:
        self.walk.try_to(lambda: self.walk.refund_keeps_silent(nth))

    @invariant()
    def books_are_sound(self) -> None:
        self.walk.demand_sound_books()


TestLifeOfAnInvoice = LifeOfAnInvoice.TestCase
TestLifeOfAnInvoice.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)

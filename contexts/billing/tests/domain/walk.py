"""A random walk through the life of an invoice: whatever can be done to it, also what its state forbids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from hedgerow_billing.domain.bookkeeping import Account, Entry, entries_of
from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.invoice import Invoice, InvoiceStatus
from hedgerow_billing.domain.lines import InvoiceLine
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.taxes import TaxRate
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_core.domain import DomainError, new_id

EUR = Currency("EUR")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PLAN = RetryPlan((0, 3, 5))


@dataclass(slots=True)
class Walk:
    """An invoice, and the books of what happened to it."""

    invoice: Invoice
    at: datetime = NOW
    entries: list[Entry] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @classmethod
    def begin(cls, *, price: int = 999, rate: int = 19_000, automatic: bool = True) -> Walk:
        lines = [
            InvoiceLine(description="Hedge", quantity=3, unit_price=Money(price, EUR), tax_rate=TaxRate(rate)),
            InvoiceLine(description="Gate", quantity=1, unit_price=Money(1, EUR), tax_rate=TaxRate(7_000)),
        ]
        return cls(Invoice.draft(customer_id=new_id(), currency=EUR, lines=lines, at=NOW, automatic=automatic))

    def try_to(self, step: Callable[[], object]) -> bool:
        """Do it, unless a rule forbids it. Whatever happened is booked."""
        try:
            step()
        except (DomainError, IndexError):
            return False
        finally:
            for event in self.invoice.saved_as(self.invoice.version + 1):
                self.entries.extend(entries_of(event))
        return True

    def number(self, series: str = "CN") -> DocumentNumber:
        return DocumentNumber(series, next(self._numbers))

    def open(self) -> None:
        self.invoice.open(self.number("INV"), self.at)
        self.invoice.plan_collection(PLAN)

    def void(self) -> None:
        self.invoice.void(self.at)

    def write_off(self) -> None:
        self.invoice.write_off(self.at)

    def credit(self, amount: int) -> None:
        self.invoice.credit(self.number(), Money(amount, EUR), "less", self.at)

    def wait(self, days: int) -> None:
        self.at += timedelta(days=days)
        self.invoice.mark_overdue(self.at)

    def request_payment(self) -> None:
        self.invoice.request_payment(self.at)

    def collect(self) -> None:
        self.invoice.collect(PLAN, self.at)

    def payment_succeeds(self) -> None:
        self.invoice.payment_succeeded(self.invoice.payments[-1].id, "charge", self.at)

    def payment_fails(self) -> None:
        self.invoice.payment_failed(self.invoice.payments[-1].id, "card_declined", self.at)

    def payment_keeps_silent(self) -> None:
        self.invoice.payment_unknown(self.invoice.payments[-1].id, self.at)

    def request_refund(self, amount: int | None) -> None:
        self.invoice.request_refund(None if amount is None else Money(amount, EUR), "back", self.at)

    def refund_succeeds(self, nth: int) -> None:
        refund = self.invoice.refunds[nth]
        self.invoice.refund_succeeded(refund.id, f"refund {refund.id}", self.number(), self.at)

    def refund_fails(self, nth: int) -> None:
        self.invoice.refund_failed(self.invoice.refunds[nth].id, "charge_disputed", self.at)

    def refund_keeps_silent(self, nth: int) -> None:
        self.invoice.refund_unknown(self.invoice.refunds[nth].id)

    def balances(self) -> Counter[Account]:
        """What the books say of every account."""
        sums: Counter[Account] = Counter()
        for entry in self.entries:
            for posting in entry.postings:
                sums[posting.account] += posting.amount.amount
        return sums

    def demand_sound_books(self) -> None:
        """The books say what the invoice says."""
        invoice, sums = self.invoice, self.balances()
        owed = invoice.due.amount if invoice.status is InvoiceStatus.OPEN else 0
        lost = invoice.due.amount if invoice.status is InvoiceStatus.UNCOLLECTIBLE else 0
        paid = sum(each.amount.amount for each in invoice.payments if each.status is TransferStatus.SUCCEEDED)
        back = sum(each.amount.amount for each in invoice.refunds if each.status is TransferStatus.SUCCEEDED)
        earned = invoice.status in {InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE}
        tax = invoice.totals.tax.amount - sum(note.tax.amount for note in invoice.credit_notes) if earned else 0
        net = invoice.totals.net.amount - sum(note.net.amount for note in invoice.credit_notes) if earned else 0

        assert all(sum(side.amount.amount for side in entry.postings) == 0 for entry in self.entries)
        assert len({(entry.kind, entry.source) for entry in self.entries}) == len(self.entries), "booked twice"
        assert sums[Account.RECEIVABLE] == owed
        assert sums[Account.BAD_DEBT] == lost
        assert sums[Account.GATEWAY] == paid - back
        assert sums[Account.TAX] == -tax
        assert sums[Account.REVENUE] == -net
        assert 0 <= invoice.refunded.amount <= paid
        assert (paid > 0) == (invoice.status is InvoiceStatus.PAID)
        assert sum(payment.automatic for payment in invoice.payments) <= len(PLAN.days)
        assert sum(payment.in_progress for payment in invoice.payments) <= 1
        if paid and back == paid:
            assert sums[Account.REVENUE] == sums[Account.TAX] == 0, "all is given back, so nothing was earned"

"""What is asked of the books. Nothing here changes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow_billing.application.views import MoneyView
from hedgerow_billing.domain.bookkeeping import EntryKind
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.findings import Finding
from hedgerow_billing.domain.reconciliation import Booked
from hedgerow_core.application import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One step of what a customer owes. A positive `amount` is owed, a negative one is owed no longer."""

    at: datetime
    kind: EntryKind
    invoice_id: UUID
    document: str
    """The number of the credit note if that is what was booked, else of the invoice."""
    amount: MoneyView
    balance: MoneyView
    """What is owed after this step."""


class StatementReader(Protocol):
    """Reads the account `receivable` of a customer: one statement each."""

    async def lines(
        self, customer_id: UUID, currency: Currency, *, cursor: str | None, limit: int
    ) -> Page[StatementLine]:
        """A page in the order of booking, the oldest first.

        Raises:
            ValidationError: the cursor is not one of a statement.
        """
        ...

    async def balances(self, customer_id: UUID) -> Sequence[MoneyView]:
        """What the customer owes, one amount for each currency that something was ever booked in, by its code."""
        ...


class Audit(Protocol):
    """The books and what they speak of, as of one moment."""

    def invoices(self) -> AsyncIterator[Booked | Finding]:
        """Each invoice with all that is booked for it; a finding in place of one that can't be read."""
        ...

    def findings(self) -> AsyncIterator[Finding]:
        """What is wrong beyond single invoices: the balance of the books, rows without an invoice, numbers."""
        ...


class Auditor(Protocol):
    """Lays the books open, for reading alone."""

    def audit(self) -> AbstractAsyncContextManager[Audit]:
        """Nothing that is written meanwhile is seen. As long as it is open, PostgreSQL can't clean up."""
        ...

"""What a customer owes: remembered, because it is read more often than it changes, and slower as the books grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import TypeAdapter

from hedgerow_billing.application.book_ports import StatementReader
from hedgerow_billing.application.views import MoneyView
from hedgerow_billing.domain import events
from hedgerow_core.application import Query
from hedgerow_core.application.cache import Cache, Cached

KEEP_BALANCES = timedelta(minutes=5)
"""Longer than somebody looks at a page. So old may a balance be if the cache was away while it changed."""


def _customer(event: events.InvoiceEvent) -> str:
    return str(event.customer_id)


BALANCES = Cached(
    name="balances",
    form=TypeAdapter(Sequence[MoneyView]),
    keep=KEEP_BALANCES,
    cleared_by={
        events.InvoiceOpened: _customer,
        events.InvoicePaid: _customer,
        events.CreditNoteIssued: _customer,
        events.InvoiceRefunded: _customer,
        events.InvoiceVoided: _customer,
        events.InvoiceWrittenOff: _customer,
    },
)
"""By customer. Cleared by every event that is booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBalance(Query[Sequence[MoneyView]]):
    """One amount for each currency that something was ever booked in; none of who was never billed.

    Drafts are not owed, and what is written off is not counted on.
    """

    customer_id: UUID


class CustomerBalanceHandler:
    """The sum of the books."""

    def __init__(self, statements: StatementReader, cache: Cache) -> None:
        self._statements = statements
        self._cache = cache

    async def __call__(self, query: CustomerBalance) -> Sequence[MoneyView]:
        """Never raises for a customer whom nobody knows."""
        customer_id = query.customer_id
        return await self._cache.remembered(
            BALANCES, str(customer_id), lambda: self._statements.balances(customer_id)
        )

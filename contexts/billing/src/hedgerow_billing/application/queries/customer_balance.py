"""What a customer owes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.book_ports import StatementReader
from hedgerow_billing.application.views import MoneyView
from hedgerow_core.application import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBalance(Query[Sequence[MoneyView]]):
    """One amount for each currency that something was ever booked in; none of who was never billed.

    Drafts are not owed, and what is written off is not counted on.
    """

    customer_id: UUID


class CustomerBalanceHandler:
    """The sum of the books."""

    def __init__(self, statements: StatementReader) -> None:
        self._statements = statements

    async def __call__(self, query: CustomerBalance) -> Sequence[MoneyView]:
        """Never raises for a customer whom nobody knows."""
        return await self._statements.balances(query.customer_id)

"""What a customer was billed, paid, and got back, with what was owed after each step."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.book_ports import StatementLine, StatementReader
from hedgerow_billing.domain.currencies import Currency
from hedgerow_core.application import Page, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStatement(Query[Page[StatementLine]]):
    """A page of one currency, the oldest first. Of who was never billed, it is empty."""

    customer_id: UUID
    currency: str
    limit: int
    cursor: str | None = None


class ListStatementHandler:
    """Straight out of the books."""

    def __init__(self, statements: StatementReader) -> None:
        self._statements = statements

    async def __call__(self, query: ListStatement) -> Page[StatementLine]:
        """Raises ValidationError for an unknown currency or a cursor that is none of a statement."""
        return await self._statements.lines(
            query.customer_id, Currency(query.currency), cursor=query.cursor, limit=query.limit
        )

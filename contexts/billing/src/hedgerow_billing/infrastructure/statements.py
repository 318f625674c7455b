"""Reads the books for customers: what was booked on `receivable`, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, bindparam, func, select

from hedgerow_billing.application.book_ports import StatementLine
from hedgerow_billing.application.views import MoneyView
from hedgerow_billing.domain.bookkeeping import Account, EntryKind
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.infrastructure.tables import credit_notes, invoices, postings
from hedgerow_core.application import Page
from hedgerow_core.persistence import Database, SortKey, keyset, page_of

_BOOKED = "booked"

_owed = and_(
    postings.c.customer_id == bindparam("customer_id"),
    postings.c.account == Account.RECEIVABLE,
)
# Index: ix_postings_statement. It has the order, so that the sum runs along and stops where the page ends.
_running = (
    select(postings, func.sum(postings.c.amount).over(order_by=postings.c.id).label("balance"))
    .where(_owed, postings.c.currency == bindparam("currency"))
    .subquery()
)
_LINES: Select[Any] = select(
    _running,
    func.coalesce(credit_notes.c.series, invoices.c.series).label("series"),
    func.coalesce(credit_notes.c.place, invoices.c.place).label("place"),
).select_from(
    _running.join(invoices, invoices.c.id == _running.c.invoice_id).outerjoin(
        credit_notes, and_(_running.c.kind == EntryKind.CREDITED, credit_notes.c.id == _running.c.source)
    )
)
_KEYS = {_BOOKED: SortKey.of_integer(_running.c.id)}

# Index: ix_postings_statement.
_BALANCES: Select[Any] = (
    select(postings.c.currency, func.sum(postings.c.amount).label("balance"))
    .where(_owed)
    .group_by(postings.c.currency)
    .order_by(postings.c.currency)
)


class PostgresStatementReader:
    """The port `StatementReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lines(
        self, customer_id: UUID, currency: Currency, *, cursor: str | None, limit: int
    ) -> Page[StatementLine]:
        """Read a page."""
        statement = keyset(
            _LINES, sort=_BOOKED, keys=_KEYS, id_column=_running.c.source, cursor=cursor, limit=limit
        )
        where = {"customer_id": customer_id, "currency": currency.code}
        found = await self._database.view(statement, where)
        return page_of(
            found,
            limit=limit,
            sort=_BOOKED,
            sorted_by=lambda row: row.id,
            id_of=lambda row: row.source,
            read=_line,
        )

    async def balances(self, customer_id: UUID) -> Sequence[MoneyView]:
        """Add up."""
        async with self._database.reading() as connection:
            found = (await connection.execute(_BALANCES, {"customer_id": customer_id})).all()
        return [_money(row) for row in found]


def _line(row: Row[Any]) -> StatementLine:
    return StatementLine(
        at=row.at,
        kind=EntryKind(row.kind),
        invoice_id=row.invoice_id,
        document=str(DocumentNumber(row.series, row.place)),
        amount=MoneyView(amount=row.amount, currency=row.currency),
        balance=_money(row),
    )


def _money(row: Row[Any]) -> MoneyView:
    """PostgreSQL adds bigints up to a numeric, which is exact."""
    return MoneyView(amount=int(row.balance), currency=row.currency)

"""Lays the books open: one read-only snapshot, read in stretches so that memory stays small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_billing.domain.findings import Check, Finding
from hedgerow_billing.domain.reconciliation import Booked, BookedPosting
from hedgerow_billing.infrastructure.rows import INVOICES_WITH_BOOKS, invoice_of
from hedgerow_billing.infrastructure.tables import invoices
from hedgerow_core.domain import DomainError
from hedgerow_core.persistence import Database

STRETCH = 200
"""Invoices a statement."""
MOST_ROWS = 1_000
"""Of one kind of finding beyond single invoices."""
_FIRST = UUID(int=0)

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
# Index: pk_invoices.
_STRETCH = (
    INVOICES_WITH_BOOKS.where(invoices.c.id > bindparam("after")).order_by(invoices.c.id).limit(bindparam("limit"))
)

_UNBALANCED_ENTRIES = text(
    """
    SELECT kind || ' ' || source AS subject, currency || ' comes to ' || sum(amount) || ' instead of 0' AS what
    FROM postings GROUP BY kind, source, currency HAVING sum(amount) <> 0
    ORDER BY kind, source LIMIT :limit
    """
)
_UNBALANCED_BOOKS = text(
    """
    SELECT currency AS subject,
        'debits are ' || coalesce(sum(amount) FILTER (WHERE amount > 0), 0)
            || ', credits ' || coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS what
    FROM postings GROUP BY currency HAVING sum(amount) <> 0
    ORDER BY currency LIMIT :limit
    """
)
_ORPHANS = text(
    """
    SELECT DISTINCT part.subject, 'its invoice ' || part.invoice_id || ' is not there' AS what
    FROM (
        SELECT kind || ' ' || source AS subject, invoice_id FROM postings
        UNION ALL SELECT 'payment ' || id, invoice_id FROM payments
        UNION ALL SELECT 'refund ' || id, invoice_id FROM refunds
        UNION ALL SELECT 'credit note ' || id, invoice_id FROM credit_notes
    ) AS part
    WHERE NOT EXISTS (SELECT FROM invoices WHERE invoices.id = part.invoice_id)
    ORDER BY part.subject LIMIT :limit
    """
)
# Invoices and credit notes of one series count together, as number_series does. Index: uq_…_number.
_DOCUMENTS = """
    documents AS (
        SELECT series, place FROM invoices WHERE place IS NOT NULL UNION ALL SELECT series, place FROM credit_notes
    )
"""
_NUMBER_GAPS = text(
    f"""
    WITH {_DOCUMENTS}
    SELECT series AS subject,
        CASE WHEN place = before THEN 'number ' || place || ' was given twice'
             WHEN place < 1 THEN 'number ' || place || ' lies before the first'
             ELSE 'after ' || before || ' comes ' || place END AS what
    FROM (
        SELECT series, place, lag(place, 1, 0) OVER (PARTITION BY series ORDER BY place) AS before FROM documents
    ) AS numbered
    WHERE place <> before + 1
    ORDER BY series, place LIMIT :limit
    """  # noqa: S608 - a constant of ours
)
_LATEST_NUMBERS = text(
    f"""
    WITH {_DOCUMENTS}, given AS (SELECT series, max(place) AS place FROM documents GROUP BY series)
    SELECT series AS subject,
        'the last number given is ' || coalesce(given.place, 0)
            || ', but number_series is at ' || coalesce(number_series.latest, 0) AS what
    FROM given FULL JOIN number_series USING (series)
    WHERE coalesce(given.place, 0) <> coalesce(number_series.latest, 0)
    ORDER BY series LIMIT :limit
    """  # noqa: S608 - a constant of ours
)
_BEYOND_INVOICES = (
    (Check.UNBALANCED_ENTRY, _UNBALANCED_ENTRIES),
    (Check.UNBALANCED_BOOKS, _UNBALANCED_BOOKS),
    (Check.ORPHAN, _ORPHANS),
    (Check.NUMBERS, _NUMBER_GAPS),
    (Check.NUMBERS, _LATEST_NUMBERS),
)


class PostgresAudit:
    """The port `Audit`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def invoices(self) -> AsyncIterator[Booked | Finding]:
        """Read on, by id."""
        after = _FIRST
        while True:
            found = (await self._connection.execute(_STRETCH, {"after": after, "limit": STRETCH})).all()
            for row in found:
                yield _booked(row)
            if len(found) < STRETCH:
                return
            after = found[-1].id

    async def findings(self) -> AsyncIterator[Finding]:
        """Ask PostgreSQL, which keeps what it sorts on disk."""
        for check, statement in _BEYOND_INVOICES:
            for row in await self._connection.execute(statement, {"limit": MOST_ROWS}):
                yield Finding(check=check, subject=row.subject, what=row.what)


class PostgresAuditor:
    """The port `Auditor`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def audit(self) -> AsyncIterator[PostgresAudit]:
        """Begin a transaction that sees what is there now, and can't write."""
        async with self._database.transaction() as connection:
            await connection.execute(_SNAPSHOT)
            yield PostgresAudit(connection)


def _booked(row: Row[Any]) -> Booked | Finding:
    try:
        invoice = invoice_of(row)
    except (DomainError, ValueError, TypeError, KeyError) as error:
        return Finding(check=Check.UNREADABLE, subject=str(row.id), what=f"{type(error).__name__}: {error}")
    transfers = (*row.payments, *row.refunds, *row.credit_notes)
    return Booked(
        invoice=invoice,
        total=row.total,
        tax=row.tax,
        credited=row.credited,
        refunded={UUID(payment["id"]): payment["refunded"] for payment in row.payments},
        currencies=frozenset(each["currency"] for each in transfers),
        postings=[_posting(each) for each in row.postings],
    )


def _posting(posting: Mapping[str, Any]) -> BookedPosting:
    return BookedPosting(
        kind=posting["kind"],
        source=UUID(posting["source"]),
        account=posting["account"],
        amount=posting["amount"],
        currency=posting["currency"],
        customer_id=UUID(posting["customer_id"]),
    )

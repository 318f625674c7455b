"""Writes the books, on the connection of a unit of work, and draws the numbers of documents."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_billing.domain.bookkeeping import Entry
from hedgerow_billing.domain.documents import DocumentNumber

# All sides of an entry in one statement: that is what has to sum up to zero.
_BOOK = text(
    """
    INSERT INTO postings (kind, source, account, invoice_id, customer_id, currency, amount, at)
    SELECT :kind, :source, side.account, :invoice_id, :customer_id, :currency, side.amount, :at
    FROM unnest(:accounts, :amounts) AS side(account, amount)
    """
).bindparams(bindparam("accounts", type_=ARRAY(Text)), bindparam("amounts", type_=ARRAY(BigInteger)))

# The row stays locked until the commit, and a roll-back gives the number back: that is why there are no gaps.
_DRAW = text(
    """
    INSERT INTO number_series AS known (series, latest) VALUES (:series, 1)
    ON CONFLICT (series) DO UPDATE SET latest = known.latest + 1
    RETURNING latest
    """
)


async def book(connection: AsyncConnection, entry: Entry) -> None:
    """Write an entry.

    Raises:
        IntegrityError: it was booked before, or does not sum up to zero.
    """
    await connection.execute(
        _BOOK,
        {
            "kind": entry.kind,
            "source": entry.source,
            "invoice_id": entry.invoice_id,
            "customer_id": entry.customer_id,
            "currency": entry.postings[0].amount.currency.code,
            "accounts": [posting.account for posting in entry.postings],
            "amounts": [posting.amount.amount for posting in entry.postings],
            "at": entry.at,
        },
    )


class PostgresDocumentNumbers:
    """The port `DocumentNumbers`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def draw(self, series: str) -> DocumentNumber:
        """Count the series on."""
        place = (await self._connection.execute(_DRAW, {"series": series})).scalar_one()
        return DocumentNumber(series, place)

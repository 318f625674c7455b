"""Invoices within reach of who asks, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_billing.application.ports import InvoiceReader
from hedgerow_billing.application.views import InvoiceView
from hedgerow_core.application import Filters, Page, Query, RowScope

NEWEST_FIRST = "-created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInvoices(Query[Page[InvoiceView]]):
    """A page, sorted by `created_at`, `total` or both; `total` compares minor units across currencies."""

    rows: RowScope
    limit: int
    filters: Filters = ()
    sort: str = NEWEST_FIRST
    cursor: str | None = None


class ListInvoicesHandler:
    """One statement, payments included."""

    def __init__(self, invoices: InvoiceReader) -> None:
        self._invoices = invoices

    async def __call__(self, query: ListInvoices) -> Page[InvoiceView]:
        """Raises ValidationError for an unknown filter or sort key, or a cursor made under another order."""
        return await self._invoices.list(
            query.rows, filters=query.filters, sort=query.sort, cursor=query.cursor, limit=query.limit
        )

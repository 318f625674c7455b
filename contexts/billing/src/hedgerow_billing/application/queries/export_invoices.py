"""Every invoice within reach of who asks, stretch by stretch."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_billing.application.document_ports import InvoiceRow, InvoiceRowReader
from hedgerow_billing.application.queries.list_invoices import NEWEST_FIRST
from hedgerow_core.application import Filters, Page, Query, RowScope

STRETCH = 500
"""Rows a statement: some milliseconds and about 150 KB, so that neither a connection nor memory is held long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportInvoices(Query[Page[InvoiceRow]]):
    """`STRETCH` invoices behind `cursor`, sorted like `ListInvoices`."""

    rows: RowScope
    filters: Filters = ()
    sort: str = NEWEST_FIRST
    cursor: str | None = None


class ExportInvoicesHandler:
    """One short statement a stretch, and none while the answer is being read.

    Each row is as of its own stretch. Their order never changes, so that none comes twice and none is passed over.
    """

    def __init__(self, invoices: InvoiceRowReader) -> None:
        self._invoices = invoices

    async def __call__(self, query: ExportInvoices) -> Page[InvoiceRow]:
        """Raises ValidationError for an unknown filter or sort key."""
        return await self._invoices.page(
            query.rows, filters=query.filters, sort=query.sort, cursor=query.cursor, limit=STRETCH
        )

"""One invoice within reach of who asks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.ports import InvoiceReader
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.errors import InvoiceNotFound
from hedgerow_core.application import Query, RowScope


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInvoice(Query[InvoiceView]):
    """The invoice with this id."""

    rows: RowScope
    invoice_id: UUID


class GetInvoiceHandler:
    """An invoice out of reach and none at all look the same."""

    def __init__(self, invoices: InvoiceReader) -> None:
        self._invoices = invoices

    async def __call__(self, query: GetInvoice) -> InvoiceView:
        """Raises InvoiceNotFound if no such invoice is within reach."""
        invoice = await self._invoices.find(query.rows, query.invoice_id)
        if invoice is None:
            raise InvoiceNotFound
        return invoice

"""What an invoice or a credit note says on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hedgerow_billing.application.document_ports import CustomerReader, CustomerView
from hedgerow_billing.application.ports import InvoiceReader
from hedgerow_billing.application.views import CreditNoteView, InvoiceView
from hedgerow_billing.domain.errors import CreditNoteNotFound, InvoiceNotFound
from hedgerow_core.application import Query, RowScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An invoice, who sells, who buys; and the credit note, if that is what was asked for."""

    seller: Sequence[str]
    """Name, address and tax id, a line each."""
    customer: CustomerView
    invoice: InvoiceView
    credit_note: CreditNoteView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDocument(Query[Document]):
    """The document of the invoice, or of one of its credit notes."""

    rows: RowScope
    invoice_id: UUID
    credit_note_id: UUID | None = None


class GetDocumentHandler:
    """What is out of reach and what is not there look the same."""

    def __init__(self, invoices: InvoiceReader, customers: CustomerReader, seller: Sequence[str]) -> None:
        self._invoices = invoices
        self._customers = customers
        self._seller = seller

    async def __call__(self, query: GetDocument) -> Document:
        """Raises InvoiceNotFound or CreditNoteNotFound if no such thing is within reach."""
        invoice = await self._invoices.find(query.rows, query.invoice_id)
        if invoice is None:
            raise InvoiceNotFound
        return Document(
            seller=self._seller,
            credit_note=None if query.credit_note_id is None else _note(invoice, query.credit_note_id),
            customer=await self._customers.find(invoice.customer_id),
            invoice=invoice,
        )


def _note(invoice: InvoiceView, credit_note_id: UUID) -> CreditNoteView:
    for note in invoice.credit_notes:
        if note.id == credit_note_id:
            return note
    raise CreditNoteNotFound(credit_note_id)

"""Invoices and credit notes on paper: a page that prints well, and that can do nothing but be looked at.

What customers and operators wrote into it is escaped by the template engine, and the page's policy lets no script
run and nothing be loaded, should that ever fail.
"""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from fastapi.responses import HTMLResponse

from hedgerow_billing.application.queries.get_document import Document, GetDocument
from hedgerow_billing.interfaces.http import READ_ANY
from hedgerow_core.application import Bus
from hedgerow_core.http import ContextRouter, Rows, permitted

STYLE_HASH = "sha256-rcRgvQRkgm7c4WFctZpoY/6C6NdejQ3sM1b1Ysnd2qs="
"""Of the style: the one thing that the page may use. A test says what it must be; it has nothing to escape."""
POLICY = (
    f"default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_OK: dict[int | str, dict[str, object]] = {
    HTTPStatus.OK: {"content": {"text/html": {"schema": {"type": "string"}}}}
}


def documents_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries the messages of billing."""
    router = ContextRouter("billing")

    @router.get("/invoices/{invoice_id}/document", response_class=HTMLResponse, responses=_OK)
    @permitted("billing:invoice:read", all_rows=READ_ANY)
    async def show_invoice(invoice_id: UUID, rows: Rows) -> HTMLResponse:
        """Print one of your invoices, or anybody's if you look after all: a page in HTML."""
        return _page(await bus.ask(GetDocument(rows=rows, invoice_id=invoice_id)))

    @router.get(
        "/invoices/{invoice_id}/credit-notes/{credit_note_id}/document",
        response_class=HTMLResponse,
        responses=_OK,
    )
    @permitted("billing:invoice:read", all_rows=READ_ANY)
    async def show_credit_note(invoice_id: UUID, credit_note_id: UUID, rows: Rows) -> HTMLResponse:
        """Print a credit note of one of your invoices, or of anybody's if you look after all: a page in HTML."""
        asked = GetDocument(rows=rows, invoice_id=invoice_id, credit_note_id=credit_note_id)
        return _page(await bus.ask(asked))

    return router


def _page(document: Document) -> HTMLResponse:
    from hedgerow_billing.interfaces import document_pages as pages  # with Jinja: most processes print nothing

    html = pages.invoice_page(document) if document.credit_note is None else pages.credit_note_page(document)
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

"""Invoices and credit notes on paper: a page that prints well, and that can do nothing but be looked at.

What customers and operators wrote into it is escaped by the template engine, and the page's policy lets no script
run and nothing be loaded, should that ever fail.
"""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from hedgerow_billing.application.queries.get_document import Document, GetDocument
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_billing.interfaces.amounts import decimal_text
from hedgerow_billing.interfaces.http import READ_ANY
from hedgerow_core.application import Bus
from hedgerow_core.http import ContextRouter, Rows, permitted

_TEMPLATES = Path(__file__).parent / "templates"
STYLE = (_TEMPLATES / "page.css").read_text()
STYLE_HASH = "sha256-rcRgvQRkgm7c4WFctZpoY/6C6NdejQ3sM1b1Ysnd2qs="
"""Of `STYLE`: the one thing that the page may use. A test says what it must be; the style has nothing to escape."""
POLICY = (
    f"default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_STATUS = {
    InvoiceStatus.DRAFT: "Draft",
    InvoiceStatus.OPEN: "Open",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.VOID: "Void: nothing is to be paid",
    InvoiceStatus.UNCOLLECTIBLE: "Written off",
}
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
        return _page(invoice_page(await bus.ask(GetDocument(rows=rows, invoice_id=invoice_id))))

    @router.get(
        "/invoices/{invoice_id}/credit-notes/{credit_note_id}/document",
        response_class=HTMLResponse,
        responses=_OK,
    )
    @permitted("billing:invoice:read", all_rows=READ_ANY)
    async def show_credit_note(invoice_id: UUID, credit_note_id: UUID, rows: Rows) -> HTMLResponse:
        """Print a credit note of one of your invoices, or of anybody's if you look after all: a page in HTML."""
        asked = GetDocument(rows=rows, invoice_id=invoice_id, credit_note_id=credit_note_id)
        return _page(credit_note_page(await bus.ask(asked)))

    return router


def invoice_page(document: Document) -> str:
    """The invoice as HTML."""
    invoice = document.invoice
    title = f"Invoice {invoice.number}" if invoice.number else "Draft of an invoice"
    return _ENGINE.get_template("invoice.html").render(
        title=title,
        style=STYLE,
        document=document,
        invoice=invoice,
        status=_STATUS[invoice.status],
        paid=[payment for payment in invoice.payments if payment.status is TransferStatus.SUCCEEDED],
        given_back=[refund for refund in invoice.refunds if refund.status is TransferStatus.SUCCEEDED],
    )


def credit_note_page(document: Document) -> str:
    """The credit note as HTML."""
    note = document.credit_note
    assert note is not None  # noqa: S101 - the query raises if there is none
    return _ENGINE.get_template("credit_note.html").render(
        title=f"Credit note {note.number}", style=STYLE, document=document, invoice=document.invoice, note=note
    )


def _day(moment: datetime | date) -> str:
    """In UTC, like every time that we show."""
    return (moment.date() if isinstance(moment, datetime) else moment).isoformat()


@pass_context
def _money(page: Context, amount: int) -> str:
    return decimal_text(amount, page["invoice"].currency)


_ENGINE = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENGINE.filters |= {"day": _day, "money": _money}


def _page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

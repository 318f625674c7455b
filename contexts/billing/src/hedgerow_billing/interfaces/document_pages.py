"""How invoices and credit notes look on paper. Imported with the first one that is printed, and Jinja with it.

What customers and operators wrote into them is escaped by the template engine.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from hedgerow_billing.application.queries.get_document import Document
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_billing.interfaces.amounts import decimal_text

_TEMPLATES = Path(__file__).parent / "templates"
STYLE = (_TEMPLATES / "page.css").read_text()
_STATUS = {
    InvoiceStatus.DRAFT: "Draft",
    InvoiceStatus.OPEN: "Open",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.VOID: "Void: nothing is to be paid",
    InvoiceStatus.UNCOLLECTIBLE: "Written off",
}


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

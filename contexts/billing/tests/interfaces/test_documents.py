"""What is printed: complete, exact, accessible, and harmless."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from uuid import UUID

import httpx
import pytest

from contexts.billing.tests.books import one_of_each, opened
from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.ports import CustomerNews
from hedgerow_billing.infrastructure.work import PostgresBillingWork
from hedgerow_billing.interfaces.document_pages import STYLE
from hedgerow_billing.interfaces.documents import POLICY, STYLE_HASH
from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock

WorkOff = Callable[[], Awaitable[None]]


@pytest.fixture
def settings() -> BillingSettings:
    seller = "Hedgerow Ltd | 1 Lane, Town | VAT GB 123"
    return BillingSettings(gateway=Gateway.SANDBOX, sandbox_latency_s=0, reconcile_delay_s=0, seller=seller)


class Page(HTMLParser):
    """What a reader sees, and how it is built."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.lines: list[str] = []
        self._cells: list[str] | None = None
        self._in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_style = tag == "style"
        if tag == "tr":
            self._cells = []

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False
        if tag == "tr" and self._cells is not None:
            self.lines.append(" | ".join(self._cells))
            self._cells = None

    def handle_data(self, data: str) -> None:
        if (told := " ".join(data.split())) and not self._in_style:
            (self.lines if self._cells is None else self._cells).append(told)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each of these."""
        return [attributes for name, attributes in self.tags if name == tag]


async def page_at(http: httpx.AsyncClient, path: str) -> Page:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    return Page(answer.text)


async def test_an_invoice_says_all_that_an_invoice_must_say(
    http: httpx.AsyncClient, bus: Bus, customer: UUID, work_off: WorkOff, database: Database, clock: FakeClock
) -> None:
    async with database.transaction() as connection:
        work = PostgresBillingWork(connection, context="billing", clock=clock)
        await work.customers.learn(CustomerNews(id=customer, version=1, name="Ann", email="ann@example.org"))
    invoice = (await one_of_each(bus, work_off, customer))["refunded"]
    first, second = (note.number for note in invoice.credit_notes)

    page = await page_at(http, f"/invoices/{invoice.id}/document")

    assert page.lines == [
        f"Invoice {invoice.number}",
        f"Invoice {invoice.number}",
        "From",
        "Hedgerow Ltd",
        "1 Lane, Town",
        "VAT GB 123",
        "To",
        "Ann",
        "ann@example.org",
        f"Customer {customer}",
        "About this invoice",
        *("Number", invoice.number),
        *("Status", "Paid"),
        *("Date", "2026-01-15"),
        *("Due", "2026-01-29"),
        *("Currency", "EUR"),
        "Lines",
        "What is billed, before tax, in EUR",
        "Description | Quantity | Unit price | Tax rate | Amount",
        "Hedge trimming | 2 | 19.99 | 19 % | 39.98",
        "Compost | 3 | 3.33 | 7 % | 9.99",
        "Taxes",
        "Tax by rate, in EUR",
        "Tax rate | Net | Tax",
        "7 % | 9.99 | 0.70",
        "19 % | 39.98 | 7.60",
        "Totals",
        "What is to be paid, in EUR",
        "Net | 49.97",
        "Tax | 8.30",
        "Total | 58.27",
        "Credited | -8.27",
        "Paid on 2026-01-15 | -58.00",
        "Given back on 2026-01-15 | 8.00",
        "Due | 0.00 EUR",
        "Credit notes",
        "What was taken back of this invoice, tax included, in EUR",
        "Number | Date | Reason | Amount",
        f"{first} | 2026-01-15 | Rounded | 0.27",
        f"{second} | 2026-01-15 | Cut twice | 8.00",
    ]


async def test_a_credit_note_names_its_invoice_and_what_was_tax(
    http: httpx.AsyncClient, bus: Bus, customer: UUID
) -> None:
    draft = await opened(bus, customer)
    invoice = await bus.execute(CreditInvoice(invoice_id=draft.id, amount=1000, reason="Half a hedge"))
    (note,) = invoice.credit_notes

    page = await page_at(http, f"/invoices/{invoice.id}/credit-notes/{note.id}/document")

    assert page.lines[page.lines.index("About this credit note") :] == [
        "About this credit note",
        *("Number", note.number),
        *("Date", "2026-01-15"),
        *("Of invoice", f"{invoice.number} of 2026-01-15"),
        *("Reason", "Half a hedge"),
        *("What it does", "Lessens what is due"),
        *("Currency", "EUR"),
        "Totals",
        "What is credited, in EUR",
        "Net | 8.58",
        "Tax (7 %, 19 %, in the proportions of the invoice) | 1.42",
        "Credited | 10.00 EUR",
    ]


async def test_a_draft_says_that_it_is_one_and_has_no_number(
    http: httpx.AsyncClient, bus: Bus, customer: UUID
) -> None:
    line = NewLine(description="Hedge", quantity=1, unit_price=1999)
    draft = await bus.execute(CreateInvoice(customer_id=customer, currency="KWD", lines=(line,)))

    page = await page_at(http, f"/invoices/{draft.id}/document")

    assert page.lines[0] == "Draft of an invoice"
    about = page.lines[page.lines.index("Number") :]
    assert about[:4] == ["Number", "Draft", "Status", "Draft"]
    assert "Due | 1.999 KWD" in page.lines
    assert not any("INV-" in line for line in page.lines)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"


async def test_what_somebody_wrote_is_shown_and_never_run(
    http: httpx.AsyncClient, bus: Bus, customer: UUID, database: Database, clock: FakeClock
) -> None:
    async with database.transaction() as connection:
        work = PostgresBillingWork(connection, context="billing", clock=clock)
        await work.customers.learn(CustomerNews(id=customer, version=1, name=HOSTILE, email="</style>"))
    line = NewLine(description=HOSTILE, quantity=1, unit_price=1999)
    draft = await bus.execute(CreateInvoice(customer_id=customer, currency="EUR", lines=(line,)))
    await bus.execute(OpenInvoice(customer_id=customer, invoice_id=draft.id))
    invoice = await bus.execute(CreditInvoice(invoice_id=draft.id, amount=1, reason=HOSTILE))
    (note,) = invoice.credit_notes

    for path in (f"/invoices/{invoice.id}/document", f"/invoices/{invoice.id}/credit-notes/{note.id}/document"):
        page = await page_at(http, path)

        assert HOSTILE in page.lines
        assert any(HOSTILE in line for line in page.lines[10:])
        assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
        assert len(page.all("style")) == 1
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith(("on", "style"))]


async def test_the_page_is_made_for_everybody(http: httpx.AsyncClient, bus: Bus, customer: UUID) -> None:
    invoice = await opened(bus, customer)

    page = await page_at(http, f"/invoices/{invoice.id}/document")

    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert len(page.all("table")) == len(page.all("caption")) == 3
    assert all(head.get("scope") in {"col", "row"} for head in page.all("th"))
    labels = {section["aria-labelledby"] for section in page.all("section")}
    assert labels == {heading["id"] for heading in page.all("h2")}


def test_the_policy_allows_the_pages_own_style_alone() -> None:
    assert f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}" == STYLE_HASH
    assert POLICY.count("'sha256-") == 1
    assert "default-src 'none'" in POLICY
    assert "script-src" not in POLICY
    assert not re.search(r"[<>&\"']", STYLE), "it would be escaped, and so be another one"
    assert "@media print" in STYLE


async def test_the_style_on_the_page_is_the_one_that_is_allowed(
    http: httpx.AsyncClient, bus: Bus, customer: UUID
) -> None:
    invoice = await opened(bus, customer)
    html = (await http.get(f"/invoices/{invoice.id}/document")).text
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style == STYLE


async def test_what_is_out_of_reach_and_what_is_not_there_look_the_same(
    http: httpx.AsyncClient, bus: Bus, customer: UUID
) -> None:
    foreign = await opened(bus, new_id())
    foreign = await bus.execute(CreditInvoice(invoice_id=foreign.id, amount=1, reason="x"))
    own = await opened(bus, customer)
    for path, code in (
        (f"/invoices/{foreign.id}/document", "billing.invoice_not_found"),
        (f"/invoices/{new_id()}/document", "billing.invoice_not_found"),
        (f"/invoices/{foreign.id}/credit-notes/{foreign.credit_notes[0].id}/document", "billing.invoice_not_found"),
        (f"/invoices/{own.id}/credit-notes/{foreign.credit_notes[0].id}/document", "billing.credit_note_not_found"),
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)

"""Statements and balances over HTTP."""

from __future__ import annotations

from uuid import UUID

import httpx

from contexts.billing.tests.books import TOTAL, opened
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id


async def test_a_statement_has_pages_and_a_running_balance(
    http: httpx.AsyncClient, bus: Bus, customer: UUID
) -> None:
    invoice = await opened(bus, customer)
    credited = await bus.execute(CreditInvoice(invoice_id=invoice.id, amount=1000, reason="Half a hedge"))

    first = (await http.get("/statement", params={"currency": "EUR", "limit": 1})).json()
    second = (await http.get("/statement", params={"currency": "EUR", "cursor": first["next"]})).json()

    assert first["items"] == [
        {
            "at": "2026-01-15T12:00:00Z",
            "kind": "opened",
            "invoice_id": str(invoice.id),
            "document": invoice.number,
            "amount": {"amount": TOTAL, "currency": "EUR"},
            "balance": {"amount": TOTAL, "currency": "EUR"},
        }
    ]
    (line,) = second["items"]
    assert (line["kind"], line["document"]) == ("credited", credited.credit_notes[0].number)
    assert (line["amount"]["amount"], line["balance"]["amount"]) == (-1000, TOTAL - 1000)
    assert second["next"] is None


async def test_a_balance_says_what_is_owed_in_each_currency(
    http: httpx.AsyncClient, bus: Bus, customer: UUID
) -> None:
    assert (await http.get("/balance")).json() == {"balances": []}
    await opened(bus, customer)
    await opened(bus, customer, currency="JPY")

    answer = await http.get("/balance")

    assert answer.json() == {
        "balances": [{"amount": TOTAL, "currency": "EUR"}, {"amount": TOTAL, "currency": "JPY"}]
    }
    assert (await http.get("/balance", headers={"x-subject": str(new_id())})).json() == {"balances": []}


async def test_who_looks_after_all_sees_anybodys_statement(http: httpx.AsyncClient, bus: Bus) -> None:
    other = new_id()
    await opened(bus, other)

    seen = (await http.get(f"/customers/{other}/statement", params={"currency": "EUR"})).json()

    assert [line["balance"]["amount"] for line in seen["items"]] == [TOTAL]
    assert (await http.get("/statement", params={"currency": "EUR"})).json() == {"items": [], "next": None}


async def test_a_currency_is_asked_for_and_must_be_one(http: httpx.AsyncClient) -> None:
    assert (await http.get("/statement")).json()["code"] == "validation_failed"
    refused = await http.get("/statement", params={"currency": "eur"})
    assert (refused.status_code, refused.json()["code"]) == (422, "billing.unknown_currency")

"""The rules of the routes that take money back: amounts, statuses, keys. Who may call them, the matrix knows."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from contexts.billing.tests.interfaces.conftest import DRAFT, JSON
from hedgerow_core.domain import new_id

WorkOff = Callable[[], Awaitable[None]]
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
CREDIT, REFUND, WRITE_OFF = "credit-notes", "refunds", "write-off"


async def an_open_one(http: httpx.AsyncClient, draft: dict[str, Any] = DRAFT) -> str:
    invoice = (await http.post("/invoices", json=draft)).json()["id"]
    assert (await http.post(f"/invoices/{invoice}/open")).status_code == 200
    return f"/invoices/{invoice}"


async def a_paid_one(http: httpx.AsyncClient, work_off: WorkOff, draft: dict[str, Any] = DRAFT) -> str:
    path = await an_open_one(http, draft)
    assert (await http.post(f"{path}/request-payment")).status_code == 202
    await work_off()
    return path


def a_draft(currency: str, unit_price: int, tax_rate: str) -> dict[str, Any]:
    line = {"description": "Hedge", "quantity": 1, "unit_price": unit_price, "tax_rate": tax_rate}
    return {"currency": currency, "lines": [line]}


async def test_a_credit_leaves_less_to_pay_and_says_why(http: httpx.AsyncClient) -> None:
    path = await an_open_one(http, a_draft("EUR", 1000, "19"))
    credited = await http.post(f"{path}/{CREDIT}", json={"amount": 119, "reason": "cut twice"})
    assert credited.status_code == 200
    body = credited.json()
    (note,) = body["credit_notes"]
    assert note == {
        "id": note["id"],
        "number": "CN-000001",
        "amount": {"amount": 119, "currency": "EUR"},
        "tax": {"amount": 19, "currency": "EUR"},
        "reason": "cut twice",
        "issued_at": "2026-01-15T12:00:00Z",
        "refund_id": None,
    }
    assert (body["due"]["amount"], body["total"]["amount"]) == (1071, 1190)


async def test_a_refund_is_accepted_and_seen_through(http: httpx.AsyncClient, work_off: WorkOff) -> None:
    path = await a_paid_one(http, work_off)
    accepted = await http.post(f"{path}/{REFUND}", json={"amount": 998, "reason": "cut twice"})
    assert accepted.status_code == 202
    (refund,) = accepted.json()["refunds"]
    assert (refund["status"], refund["amount"]["amount"], refund["reason"]) == ("pending", 998, "cut twice")
    too_much = await http.post(f"{path}/{REFUND}", json={"amount": 3001, "reason": "more"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "billing.refund_exceeds_payment")
    await work_off()
    rest = await http.post(f"{path}/{REFUND}", json={"reason": "the rest"})
    assert [each["amount"]["amount"] for each in rest.json()["refunds"]] == [998, 3000]
    none_left = await http.post(f"{path}/{REFUND}", json={"reason": "more"})
    assert (none_left.status_code, none_left.json()["code"]) == (409, "billing.nothing_to_refund")


async def test_what_is_written_off_is_neither_voided_nor_credited(http: httpx.AsyncClient) -> None:
    path = await an_open_one(http)
    written_off = await http.post(f"{path}/{WRITE_OFF}")
    assert (written_off.status_code, written_off.json()["status"]) == (200, "uncollectible")
    for action, body in (("void", None), (CREDIT, {"amount": 1, "reason": "less"}), (WRITE_OFF, None)):
        refused = await http.post(f"{path}/{action}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "billing.invoice_uncollectible")


@pytest.mark.parametrize("route", [CREDIT, REFUND])
@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.0},
        {"amount": 1.5},
        {"amount": "1"},
        {"amount": True},
        {"amount": 10**15 + 1},
        {"amount": 10**400},
        {"reason": ""},
        {"reason": " \n"},
        {"reason": "a\x00b"},
        {"reason": "x" * 501},
        {"reason": None},
        {"currency": "USD"},
    ],
)
async def test_an_unacceptable_amount_or_reason_is_refused(
    route: str, wrong: dict[str, Any], http: httpx.AsyncClient, work_off: WorkOff
) -> None:
    path = await (an_open_one(http) if route == CREDIT else a_paid_one(http, work_off))
    body = json.dumps({"amount": 1, "reason": "right", **wrong})
    refused = await http.post(f"{path}/{route}", content=body, headers=JSON)
    assert refused.status_code in ({400, 422} if wrong.get("amount") == 10**400 else {422})
    now = (await http.get(path)).json()
    assert (now["credit_notes"], now["refunds"]) == ([], [])


@pytest.mark.parametrize("rate", ["", "-1", "19%", "100.001", "8.8755", "1e1", "NaN", "1,9", " 7", "\u0667"])
async def test_nonsense_is_no_tax_rate(rate: str, http: httpx.AsyncClient) -> None:
    refused = await http.post("/invoices", json=a_draft("EUR", 100, rate))
    assert (refused.status_code, refused.json()["code"]) == (422, "billing.invalid_tax_rate")


@pytest.mark.parametrize("rate", [19, 19.0, True, None])
async def test_a_tax_rate_is_written_as_text(rate: object, http: httpx.AsyncClient) -> None:
    draft = a_draft("EUR", 100, "19")
    draft["lines"][0]["tax_rate"] = rate
    refused = await http.post("/invoices", json=draft)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(("currency", "price", "tax"), [("JPY", 105, 11), ("KWD", 1_005, 101), ("EUR", 104, 10)])
async def test_every_currency_counts_in_its_own_minor_units(
    currency: str, price: int, tax: int, http: httpx.AsyncClient, work_off: WorkOff
) -> None:
    path = await a_paid_one(http, work_off, a_draft(currency, price, "10"))
    await http.post(f"{path}/{REFUND}", json={"reason": "all of it"})
    await work_off()
    now = (await http.get(path)).json()
    assert now["total"] == {"amount": price + tax, "currency": currency}
    assert now["refunded"] == now["total"] == now["credit_notes"][0]["amount"]
    assert now["credit_notes"][0]["tax"] == {"amount": tax, "currency": currency}


@pytest.mark.parametrize(
    ("route", "body"),
    [(CREDIT, {"amount": 5, "reason": "less"}), (REFUND, {"amount": 5, "reason": "back"}), (WRITE_OFF, None)],
)
async def test_what_is_sent_again_under_its_key_takes_effect_once(
    route: str, body: dict[str, Any] | None, http: httpx.AsyncClient, work_off: WorkOff
) -> None:
    path = await (a_paid_one(http, work_off) if route == REFUND else an_open_one(http))
    first, again = [await http.post(f"{path}/{route}", json=body, headers=KEY) for _ in range(2)]
    assert first.is_success
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await http.get(path)).json()["version"] == first.json()["version"]


@pytest.mark.parametrize("route", [CREDIT, REFUND, WRITE_OFF])
async def test_an_invoice_that_is_not_there_is_not_found(route: str, http: httpx.AsyncClient) -> None:
    body = None if route == WRITE_OFF else {"amount": 1, "reason": "right"}
    missing = await http.post(f"/invoices/{new_id()}/{route}", json=body)
    assert (missing.status_code, missing.json()["code"]) == (404, "billing.invoice_not_found")

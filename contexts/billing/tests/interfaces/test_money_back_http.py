"""The rules of the routes that take money back: amounts, statuses, keys. Who may call them, the matrix knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from contexts.billing.tests.interfaces.money_back import (
    CREDIT,
    REFUND,
    WRITE_OFF,
    a_draft,
    a_paid_one,
    an_open_one,
)

WorkOff = Callable[[], Awaitable[None]]
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


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

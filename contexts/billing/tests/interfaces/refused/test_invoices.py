"""Drafts, questions and ids that no route takes, and invoices of others."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from contexts.billing.tests.interfaces.conftest import DRAFT
from hedgerow_core.domain import new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("method", "action"), [("GET", ""), ("POST", "/open"), ("POST", "/void"), ("POST", "/request-payment")]
)
async def test_a_foreign_invoice_is_not_found(method: str, action: str, http: httpx.AsyncClient) -> None:
    id = (await http.post("/invoices", json=DRAFT)).json()["id"]
    for path, subject in ((f"/invoices/{id}", new_id()), (f"/invoices/{new_id()}", None)):
        headers = {"x-subject": str(subject)} if subject else {}
        answer = await http.request(method, path + action, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "billing.invoice_not_found")


def a_body(**changed: Any) -> dict[str, Any]:
    return {**DRAFT, **changed}


def a_body_with_line(**changed: Any) -> dict[str, Any]:
    return a_body(lines=[{"description": "Hedge", "quantity": 1, "unit_price": 1, **changed}])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (a_body(currency="ZZZ"), "billing.unknown_currency"),
        (a_body(currency="eur"), "billing.unknown_currency"),
        (a_body(currency=""), "validation_failed"),
        (a_body(currency="E" * 17), "validation_failed"),
        (a_body(lines=[]), "validation_failed"),
        (a_body(lines=DRAFT["lines"] * 101), "validation_failed"),
        (a_body(tip=1), "validation_failed"),
        (a_body_with_line(quantity=0), "validation_failed"),
        (a_body_with_line(quantity=1_000_001), "validation_failed"),
        (a_body_with_line(quantity=True), "validation_failed"),
        (a_body_with_line(unit_price=-1), "validation_failed"),
        (a_body_with_line(unit_price=19.99), "validation_failed"),
        (a_body_with_line(unit_price=1.0), "validation_failed"),
        (a_body_with_line(unit_price="1"), "validation_failed"),
        (a_body_with_line(unit_price=10**30), "validation_failed"),
        (a_body_with_line(unit_price=10**15, quantity=2), "billing.amount_too_large"),
        (a_body_with_line(description=""), "validation_failed"),
        (a_body_with_line(description=" \n"), "validation_failed"),
        (a_body_with_line(description="a\x00b"), "validation_failed"),
        (a_body_with_line(description="\ud800"), "validation_failed"),
        (a_body_with_line(description="x" * 501), "validation_failed"),
        (a_body_with_line(discount=1), "validation_failed"),
    ],
)
async def test_an_unacceptable_draft_is_refused(body: dict[str, Any], code: str, http: httpx.AsyncClient) -> None:
    # json.dumps escapes what httpx would refuse to encode
    answer = await http.post("/invoices", content=json.dumps(body))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "status=lost", "sort=id", "cursor=x", "sort=-total&cursor=WyJ0b3RhbCIsMSwxXQ"]
)
async def test_an_unacceptable_list_query_is_refused(query: str, http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/invoices?{query}")).status_code == 422


async def test_a_malformed_id_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get("/invoices/none")).status_code == 422


@pytest.mark.parametrize("method", ["cus_of_somebody_else/pm_1", "", "pm 1", "pm_\u00e9", "p" * 256, 7])
async def test_a_payment_method_names_nobodys_account_at_the_gateway(
    http: httpx.AsyncClient, method: object
) -> None:
    id = (await http.post("/invoices", json=DRAFT)).json()["id"]
    await http.post(f"/invoices/{id}/open")

    paid = await http.post(f"/invoices/{id}/request-payment", json={"payment_method": method})
    drafted = await http.post("/invoices", json={**DRAFT, "payment_method": method})

    assert (paid.status_code, drafted.status_code) == (422, 422)

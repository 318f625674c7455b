"""Amounts, reasons and tax rates that no route takes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from contexts.billing.tests.interfaces.conftest import JSON
from contexts.billing.tests.interfaces.money_back import CREDIT, REFUND, WRITE_OFF, a_draft, a_paid_one, an_open_one
from hedgerow_core.domain import new_id
from hedgerow_core.testing import WorkOff

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


@pytest.mark.parametrize("route", [CREDIT, REFUND, WRITE_OFF])
async def test_an_invoice_that_is_not_there_is_not_found(route: str, http: httpx.AsyncClient) -> None:
    body = None if route == WRITE_OFF else {"amount": 1, "reason": "right"}
    missing = await http.post(f"/invoices/{new_id()}/{route}", json=body)
    assert (missing.status_code, missing.json()["code"]) == (404, "billing.invoice_not_found")

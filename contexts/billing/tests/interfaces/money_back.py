"""Invoices for those who give money back, by way of the routes."""

from __future__ import annotations

from typing import Any

import httpx

from contexts.billing.tests.interfaces.conftest import DRAFT
from hedgerow_core.testing import WorkOff

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

"""The story in the test's own process, with every context that is installed: the same, and at any time of year."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from hedgerow_host.testing import HostApp, Scenario
from tests.demo import EXPECTED

ANN = {"email": "ann@example.com", "password": "correct horse battery staple"}
INVOICE = {"currency": "EUR", "lines": [{"description": "Hawthorn sapling", "quantity": 2, "unit_price": 1250}]}


async def log_in(host: HostApp) -> httpx.AsyncClient:
    client = host.anonymous
    tokens = (await client.post("/v1/users/login", json=ANN)).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return client


async def opened_invoice(client: httpx.AsyncClient) -> Any:
    invoice = (await client.post("/v1/billing/invoices", json=INVOICE)).json()
    return (await client.post(f"/v1/billing/invoices/{invoice['id']}/open")).json()


async def test_who_registers_and_pays_has_paid(scenario: Scenario) -> None:
    host = scenario.host
    await scenario.after(host.anonymous.post("/v1/users/register", json=ANN | {"name": "Ann"}))
    ann = await log_in(host)
    invoice = await opened_invoice(ann)
    await scenario.after(ann.post(f"/v1/billing/invoices/{invoice['id']}/request-payment"))

    assert (await ann.get(f"/v1/billing/invoices/{invoice['id']}")).json()["status"] == "paid"
    assert [event.type for event in scenario.published()] == sorted(EXPECTED, key=_by_context(scenario))
    assert host.crossings.watched.keys() == {"billing", "users"}


async def test_what_nobody_pays_is_overdue_when_its_day_has_passed(scenario: Scenario) -> None:
    ann = scenario.host.someone()
    invoice = await scenario.after(opened_invoice(ann))
    assert scenario.published("billing.invoice_overdue") == []

    await scenario.time_passes(timedelta(days=60))

    (overdue,) = scenario.published("billing.invoice_overdue")
    assert overdue.payload["invoice_id"] == invoice["id"]
    assert overdue.occurred_at == scenario.host.clock.now()


async def test_a_login_outlives_no_day_of_the_fake_clock(scenario: Scenario) -> None:
    await scenario.after(scenario.host.anonymous.post("/v1/users/register", json=ANN | {"name": "Ann"}))
    ann = await log_in(scenario.host)
    before = await ann.get("/v1/users/me")
    await scenario.time_passes(timedelta(days=1))
    stale = await ann.get("/v1/users/me")

    assert before.status_code == 200
    assert (stale.status_code, stale.json()["code"]) == (401, "token_expired")
    again = await log_in(scenario.host)
    assert (await again.get("/v1/users/me")).status_code == 200


def _by_context(scenario: Scenario) -> Any:
    order = scenario.host.assembly.names
    return lambda event: order.index(event.partition(".")[0])

"""Beside the real billing and users: what happens to an invoice reaches its customer, and nobody else."""

from __future__ import annotations

import json

from contexts.webhooks.tests.conftest import LOCAL, Register
from contexts.webhooks.tests.receiver import Receiver
from hedgerow_host.testing import HostAppFactory, Scenario

INVOICE = {"currency": "EUR", "lines": [{"description": "Hedge", "quantity": 2, "unit_price": 1999}]}
STORY = ["billing.invoice_created", "billing.invoice_opened", "billing.invoice_paid"]


async def test_an_invoice_from_draft_to_paid_is_told_to_its_customer_and_to_nobody_else(
    host_app: HostAppFactory, receiver: Receiver, register: Register
) -> None:
    settings = {**LOCAL, "BILLING_GATEWAY": "sandbox", "BILLING_SANDBOX_LATENCY_S": "0"}
    async with host_app("webhooks", "direct", settings=settings) as host:
        scenario, customer, other = Scenario(host), host.someone(), host.someone()
        await scenario.quiet()
        await register(customer, receiver.url, *STORY)
        with Receiver() as curious:
            await register(other, curious.url, *STORY)
            invoice = (await customer.post("/v1/billing/invoices", json=INVOICE)).json()
            for step in ("open", "request-payment"):
                await scenario.after(customer.post(f"/v1/billing/invoices/{invoice['id']}/{step}"))
            assert curious.received == []

    told = {body["type"]: body["data"] for body in (json.loads(each.body) for each in receiver.received)}
    assert set(told) == set(STORY)
    assert len(receiver.received) == len(STORY)
    assert {(data["customer_id"], data["total_amount"]) for data in told.values()} == {(str(customer.id), 3998)}

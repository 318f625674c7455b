"""The same with billing's own events: somebody pays there, and has points here."""

from __future__ import annotations

from hedgerow_host.testing import HostAppFactory, Scenario

INVOICE = {"currency": "EUR", "lines": [{"description": "Hedge", "quantity": 1, "unit_price": 2999}]}


async def test_what_is_paid_at_billing_earns_points(host_app: HostAppFactory) -> None:
    async with host_app("loyalty", "direct", settings={"BILLING_SANDBOX_LATENCY_S": "0"}) as host:
        scenario, ann = Scenario(host), host.someone()
        invoice = (await ann.post("/v1/billing/invoices", json=INVOICE)).json()
        await ann.post(f"/v1/billing/invoices/{invoice['id']}/open")

        await scenario.after(ann.post(f"/v1/billing/invoices/{invoice['id']}/request-payment"))

        assert len(scenario.published("billing.invoice_paid")) == 1
        assert (await ann.get("/v1/loyalty/points")).json() == {"points": 29}

"""What billing hears of its customers: users and billing play together, over HTTP and a worker."""

from __future__ import annotations

import time

import httpx

from tests.conftest import Production, with_role
from tests.scenarios.test_billing import opened
from tests.story import Shopper, create_invoice, expect, until_paid

WITHIN_S = 20.0


def test_who_deletes_the_account_owes_nothing_and_what_is_paid_stays(
    shared_production: Production, client: httpx.Client, shopper: Shopper
) -> None:
    draft, owed, paid = create_invoice(shopper)["id"], opened(shopper), opened(shopper)
    expect(shopper.post(f"/v1/billing/invoices/{paid}/request-payment"), 202)
    until_paid(shopper, paid)

    expect(shopper.request("DELETE", "/v1/users/me"), 204)

    admin = with_role(shared_production, client, "admin")
    assert {id: until_it_is(admin, id, "void") for id in (draft, owed)} == {draft: "void", owed: "void"}
    assert until_it_is(admin, paid, "paid") == "paid"


def until_it_is(admin: Shopper, invoice: str, wanted: str) -> str:
    """The status, once it is what was wanted, or after the patience is over."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        status: str = expect(admin.get(f"/v1/billing/invoices/{invoice}"), 200)["status"]
        if status == wanted or time.monotonic() > deadline:
            return status
        time.sleep(0.05)

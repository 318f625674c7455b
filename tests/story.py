"""The story that Hedgerow tells: register → login → invoice → request payment → paid by the worker.

Played over HTTP only, against whatever host is given: by `make demo`, and by the tests in every placement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

PAID_WITHIN_S = 30.0
POLL_S = 0.1

Tell = Callable[[str], None]


class StoryError(Exception):
    """A step did not go as told."""


@dataclass(frozen=True, slots=True)
class Shopper:
    """Somebody who registered and logged in."""

    client: httpx.Client
    email: str
    password: str
    tokens: dict[str, Any]

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, headers=self._headers, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(path, headers=self._headers, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, path, headers=self._headers, **options)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


def play(client: httpx.Client, tell: Tell = lambda _line: None) -> dict[str, Any]:
    """Play the whole story; returns the paid invoice.

    Raises:
        StoryError: names the step that did not go as told.
    """
    shopper = sign_up(client, tell)
    me = expect(shopper.get("/v1/users/me"), 200)
    tell(f"GET  /v1/users/me → {me['name']} <{me['email']}>")

    invoice = create_invoice(shopper)
    tell(f"POST /v1/billing/invoices → {invoice['status']}, {_money(invoice['total'])} in 2 lines")
    invoice = expect(shopper.post(f"/v1/billing/invoices/{invoice['id']}/open"), 200)
    tell(f"POST …/open → {invoice['status']}")
    invoice = expect(shopper.post(f"/v1/billing/invoices/{invoice['id']}/request-payment"), 202)
    tell(f"POST …/request-payment → 202, payment {invoice['payments'][0]['status']}")

    started = time.monotonic()
    paid = until_paid(shopper, invoice["id"])
    waited = time.monotonic() - started
    tell(f"GET  /v1/billing/invoices/{{id}} → {paid['status']} after {waited:.1f} s, by the worker")
    return paid


def sign_up(client: httpx.Client, tell: Tell = lambda _line: None) -> Shopper:
    """Register somebody new and log in."""
    email, password = f"ann-{uuid4().hex[:12]}@example.com", "correct horse battery staple"
    registered = expect(
        client.post("/v1/users/register", json={"email": email, "password": password, "name": "Ann Example"}), 202
    )
    tell(f"POST /v1/users/register → 202, {registered['status']}: {email}")
    tokens = expect(client.post("/v1/users/login", json={"email": email, "password": password}), 200)
    tell(f"POST /v1/users/login → {tokens['token_type']} token for {tokens['expires_in']} s")
    return Shopper(client, email, password, tokens)


def create_invoice(shopper: Shopper, unit_price: int = 1250) -> dict[str, Any]:
    """An invoice of two lines: twice the price, and 990 for delivery."""
    lines = [
        {"description": "Hawthorn sapling", "quantity": 2, "unit_price": unit_price},
        {"description": "Delivery", "quantity": 1, "unit_price": 990},
    ]
    created = shopper.post("/v1/billing/invoices", json={"currency": "EUR", "lines": lines})
    invoice = expect(created, 201)
    if created.headers.get("location") != f"/v1/billing/invoices/{invoice['id']}":
        raise StoryError("the created invoice has no Location")
    if invoice["total"] != {"amount": 2 * unit_price + 990, "currency": "EUR"}:
        raise StoryError(f"the total is {invoice['total']}")
    return invoice


def until_paid(shopper: Shopper, id: str, within_s: float = PAID_WITHIN_S) -> dict[str, Any]:
    """Wait for the worker."""
    deadline = time.monotonic() + within_s
    while True:
        invoice = expect(shopper.get(f"/v1/billing/invoices/{id}"), 200)
        if invoice["status"] == "paid":
            return invoice
        if time.monotonic() > deadline:
            raise StoryError(f"the invoice is still {invoice['status']} after {within_s} s: {invoice['payments']}")
        time.sleep(POLL_S)


def expect(response: httpx.Response, status: int) -> dict[str, Any]:
    """The body, if the status is as told.

    Raises:
        StoryError: another status; quotes what came instead.
    """
    if response.status_code != status:
        request = response.request
        raise StoryError(f"{request.method} {request.url.path} answered {response.status_code}: {response.text}")
    body: dict[str, Any] = response.json() if response.content else {}
    return body


def _money(money: dict[str, Any]) -> str:
    return f"{money['amount'] // 100}.{money['amount'] % 100:02} {money['currency']}"

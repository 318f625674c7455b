"""Customers of a shop that is moved under their feet, and the front through which they reach it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.processes import NO_TLS
from tests.story import Shopper, expect, sign_up

PATIENCE_S = 60.0
PAUSE_S = 0.05
"""Before somebody asks again."""
BETWEEN_S = 0.8
"""What a customer buys, one thing after the other: all the time, and yet not all that the machine could sell."""
MOVING = "context_is_moving"
LINES = [{"description": "Hawthorn sapling", "quantity": 1, "unit_price": 1250}]


class Front(httpx.BaseTransport):
    """Sends what is billing's to one host and the rest to another; flips by itself once the other side is ready."""

    def __init__(self, shop: str) -> None:
        self.rest = shop
        self.billing = shop
        self.next: str | None = None
        """Where billing is to be as soon as it takes writes there."""
        self._out = httpx.HTTPTransport(verify=NO_TLS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = httpx.URL(self.billing if request.url.path.startswith("/v1/billing") else self.rest)
        request.url = request.url.copy_with(scheme=host.scheme, host=host.host, port=host.port)
        answer = self._out.handle_request(request)
        answer.read()
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and MOVING in answer.text:
            self._flip()
        return answer

    def _flip(self) -> None:
        there = self.next  # any of several threads may be the one that flips
        if there and httpx.get(f"{there}/readyz", timeout=5, verify=NO_TLS).json()["status"] == "ready":
            self.billing, self.next = there, None

    def client(self) -> httpx.Client:
        """Somebody who knows the front alone."""
        return httpx.Client(transport=self, base_url="http://shop", timeout=10)


@dataclass(slots=True)
class Buyers:
    """They open invoices and have them paid, and ask again for as long as they are told to."""

    front: Front
    paid: list[str] = field(default_factory=list)
    """Invoices for which a payment was accepted."""
    heard: Counter[str] = field(default_factory=Counter)
    """What they were told instead."""
    gave_up: list[str] = field(default_factory=list)
    longest_wait_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def buying(self, customers: int = 2) -> Iterator[None]:
        """While the body runs."""
        with self.front.client() as client:
            threads = [threading.Thread(target=self._buy, args=(sign_up(client), client)) for _ in range(customers)]
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                self._over.set()
                for thread in threads:
                    thread.join()

    def some(self, count: int) -> None:
        """Wait until so many more were bought."""
        enough, deadline = len(self.paid) + count, time.monotonic() + PATIENCE_S
        while len(self.paid) < enough:
            assert not self.gave_up, self.gave_up
            assert time.monotonic() < deadline, f"nothing is sold any more: {self.heard}"
            time.sleep(PAUSE_S)

    def _buy(self, shopper: Shopper, client: httpx.Client) -> None:
        try:
            while not self._over.wait(BETWEEN_S):
                shopper = self._renewed(shopper, client)
                invoice = self._done(shopper, "", 201, json={"currency": "EUR", "lines": LINES})["id"]
                self._done(shopper, f"/{invoice}/open", 200)
                self._done(shopper, f"/{invoice}/request-payment", 202)
                self.paid.append(invoice)
        except Exception as error:  # told by whoever waits for us
            self.gave_up.append(repr(error))

    def _renewed(self, shopper: Shopper, client: httpx.Client) -> Shopper:
        if time.monotonic() < float(shopper.tokens.get("good_until", 0)):
            return shopper
        body = {"email": shopper.email, "password": shopper.password}
        tokens = expect(self._patiently(lambda: client.post("/v1/users/login", json=body)), 200)
        return Shopper(client, shopper.email, shopper.password, {**tokens, "good_until": time.monotonic() + 120})

    def _done(self, shopper: Shopper, path: str, status: int, **options: Any) -> dict[str, Any]:
        """The same request, by its key, until it is done."""
        headers = {
            "Idempotency-Key": str(uuid4()),
            "Authorization": f"Bearer {shopper.tokens['access_token']}",
        }
        url = f"/v1/billing/invoices{path}"
        return expect(self._patiently(lambda: shopper.client.post(url, headers=headers, **options)), status)

    def _patiently(self, ask: Any) -> httpx.Response:
        began = time.monotonic()
        while True:
            try:
                answer = ask()
                if answer.status_code < 500 and answer.status_code not in (409, 429):
                    self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)
                    return answer
                self.heard[answer.json().get("code", answer.text)] += 1
            except httpx.TransportError as error:
                self.heard[type(error).__name__] += 1
            if time.monotonic() - began > PATIENCE_S:
                raise TimeoutError(f"nobody answered for {PATIENCE_S} s: {self.heard}")
            time.sleep(PAUSE_S)

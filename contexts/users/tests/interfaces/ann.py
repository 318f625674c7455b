"""Ann, whom an identity provider introduces, and what can be seen of her."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx

from contexts.users.tests.conftest import SECRET, Rows
from contexts.users.tests.interfaces.conftest import PASSWORD
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_users.domain.identity_provider import providers_in
from hedgerow_users.settings import SmtpAddress, UsersSettings

ANN = "ann@example.org"
SUBJECT = "acme|42"
WITHIN_S = 5.0
"""Experiment 30 holds the second that the product promises; here other tests run beside."""


def settings_with(issuer: LocalIssuer, smtp_url: SmtpAddress, **members: object) -> UsersSettings:
    """Those of a host that believes the issuer."""
    providers = providers_in(json.dumps([issuer.setting(**members)]))
    return UsersSettings(secret=SECRET, smtp_url=smtp_url, providers=providers)


class Ann:
    """Somebody whom the provider introduces."""

    def __init__(self, http: httpx.AsyncClient, issuer: LocalIssuer, clock: FakeClock) -> None:
        self._http, self._issuer, self._clock = http, issuer, clock

    def token(self, subject: str = SUBJECT, email: str = ANN, **claims: Any) -> str:
        return self._issuer.person(subject, email, at=self._clock.now(), **claims)

    async def get(self, path: str = "/v1/users/me", **claims: Any) -> httpx.Response:
        return await self._http.get(path, headers=bearer(self.token(**claims)))

    async def link(
        self, headers: dict[str, str], password: str = PASSWORD, code: str | None = None, **claims: Any
    ) -> httpx.Response:
        body = {"token": self.token(**claims), "current_password": password, "code": code}
        return await self._http.post("/v1/users/me/identities", headers=headers, json=body)

    async def until_refused(self, **claims: Any) -> httpx.Response:
        started = time.monotonic()
        # A route that asks no more than who is calling: what refuses is the check of the token.
        while (answer := await self.get("/v1/users/me/identities", **claims)).status_code == httpx.codes.OK:
            assert time.monotonic() - started < WITHIN_S, "still let in"
            await asyncio.sleep(0.01)
        return answer


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def counts(rows: Rows) -> tuple[int, int, int]:
    """How many accounts, identities and events of a registration there are."""
    (row,) = await rows(
        "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM identities),"
        " (SELECT count(*) FROM outbox WHERE type = 'users.user_registered')"
    )
    return row[0], row[1], row[2]

"""An identity provider that sends webhooks."""

from __future__ import annotations

from typing import Any

import httpx

from contexts.users.tests.interfaces.ann import ANN, SUBJECT
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_core.testing.local_issuer import SignedWebhook

NO_CONTENT = httpx.codes.NO_CONTENT


class Provider:
    """Who sends webhooks."""

    def __init__(self, http: httpx.AsyncClient, issuer: LocalIssuer, clock: FakeClock) -> None:
        self._http, self._issuer, self._clock = http, issuer, clock

    def webhook(
        self, type: str, *, message: str | None = None, secret: str | None = None, **data: Any
    ) -> SignedWebhook:
        told = {"id": SUBJECT, "email": ANN, "email_verified": True, "name": "Ann Example"} | data
        present = {name: value for name, value in told.items() if value is not None}
        return self._issuer.webhook(type, present, id=message, at=self._clock.now(), secret=secret)

    async def send(self, webhook: SignedWebhook, to: str = "acme", **headers: str) -> httpx.Response:
        return await self._http.post(
            f"/v1/users/webhooks/{to}", content=webhook.body, headers={**webhook.headers, **headers}
        )

    async def tells(self, type: str, **data: Any) -> None:
        answer = await self.send(self.webhook(type, **data))
        assert (answer.status_code, answer.content) == (NO_CONTENT, b""), answer.text

    def after(self, seconds: float) -> float:
        """That moment by the provider's clock."""
        return self._clock.now().timestamp() + seconds

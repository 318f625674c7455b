"""Replace what messages are signed with, while receivers go on believing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final
from uuid import UUID

from hedgerow_core.application import Command, RowScope
from hedgerow_core.domain import Clock
from hedgerow_webhooks.application.ports import WebhooksWork
from hedgerow_webhooks.application.views import NewSecret
from hedgerow_webhooks.domain.signing_secret import SigningSecret


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecret(Command[NewSecret]):
    """Give an endpoint of this owner another secret. With an overlap, messages carry the signatures of both."""

    owner_id: UUID
    endpoint_id: UUID
    overlap: timedelta


@final
class RotateSecretHandler:
    """The answer is the only place where the secret stands."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RotateSecret, work: WebhooksWork) -> NewSecret:
        """Raises EndpointNotFound."""
        endpoint = await work.endpoints.within(RowScope(command.owner_id), command.endpoint_id)
        secret, now = SigningSecret.new(), self._clock.now()
        until = now + command.overlap
        await work.endpoints.rotate(endpoint.id, secret, at=now, previous_until=until)
        return NewSecret(secret=secret.text, previous_until=until)

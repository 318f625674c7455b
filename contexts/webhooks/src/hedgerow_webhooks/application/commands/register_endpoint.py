"""Have events sent to an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_webhooks.application.catalogue import EVENT_TYPES
from hedgerow_webhooks.application.ports import WebhooksWork
from hedgerow_webhooks.application.views import NewEndpoint, view_of
from hedgerow_webhooks.domain.endpoint import MOST_ENDPOINTS, Endpoint, chosen_events
from hedgerow_webhooks.domain.errors import TooManyEndpoints
from hedgerow_webhooks.domain.signing_secret import SigningSecret
from hedgerow_webhooks.domain.target import Target, TargetRules


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEndpoint(Command[NewEndpoint]):
    """Register an endpoint of this owner."""

    owner_id: UUID
    url: str
    events: Sequence[str]
    description: str = ""


@final
class RegisterEndpointHandler:
    """The answer is the only place where the secret stands."""

    def __init__(self, *, clock: Clock, rules: TargetRules) -> None:
        self._clock = clock
        self._rules = rules

    async def __call__(self, command: RegisterEndpoint, work: WebhooksWork) -> NewEndpoint:
        """Raises UrlNotAllowed, UnknownEventType or TooManyEndpoints."""
        endpoint = Endpoint.register(
            owner_id=command.owner_id,
            target=Target.parse(command.url, self._rules),
            events=chosen_events(command.events, EVENT_TYPES),
            description=command.description,
            at=self._clock.now(),
        )
        if await work.owners.count_endpoints(command.owner_id) >= MOST_ENDPOINTS:
            raise TooManyEndpoints(MOST_ENDPOINTS)
        secret = SigningSecret.new()
        await work.endpoints.add(endpoint, secret)
        return NewEndpoint(view=view_of(endpoint), secret=secret.text)

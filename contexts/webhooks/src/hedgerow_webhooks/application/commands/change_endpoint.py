"""Change where events are sent, and which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Command, RowScope
from hedgerow_core.domain import Versions
from hedgerow_webhooks.application.catalogue import EVENT_TYPES
from hedgerow_webhooks.application.ports import WebhooksWork
from hedgerow_webhooks.application.views import EndpointView, view_of
from hedgerow_webhooks.domain.endpoint import chosen_events
from hedgerow_webhooks.domain.target import Target, TargetRules


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEndpoint(Command[EndpointView]):
    """Change an endpoint of this owner; what is None stays."""

    owner_id: UUID
    endpoint_id: UUID
    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    is_on: bool | None = None
    expected: Versions | None = None


@final
class ChangeEndpointHandler:
    """One that was given up is switched on again in this way."""

    def __init__(self, *, rules: TargetRules) -> None:
        self._rules = rules

    async def __call__(self, command: ChangeEndpoint, work: WebhooksWork) -> EndpointView:
        """Raises EndpointNotFound, PreconditionError, UrlNotAllowed or UnknownEventType."""
        endpoint = await work.endpoints.within(RowScope(command.owner_id), command.endpoint_id)
        endpoint.demand_version(command.expected)
        if command.url is not None:
            endpoint.target = Target.parse(command.url, self._rules)
        if command.events is not None:
            endpoint.events = chosen_events(command.events, EVENT_TYPES)
        if command.description is not None:
            endpoint.description = command.description
        if command.is_on is not None:
            endpoint.switch(on=command.is_on)
        health = await work.endpoints.update(endpoint)
        return view_of(endpoint, failing_since=health.failing_since)

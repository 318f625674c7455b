"""Have nothing sent to an address any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Command, RowScope
from hedgerow_core.domain import Versions
from hedgerow_webhooks.application.ports import WebhooksWork


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEndpoint(Command[None]):
    """Delete an endpoint of this owner, with its secrets and its log."""

    owner_id: UUID
    endpoint_id: UUID
    expected: Versions | None = None


@final
class DeleteEndpointHandler:
    """What is on its way finds nothing to be sent."""

    async def __call__(self, command: DeleteEndpoint, work: WebhooksWork) -> None:
        """Raises EndpointNotFound or PreconditionError."""
        endpoint = await work.endpoints.within(RowScope(command.owner_id), command.endpoint_id)
        endpoint.demand_version(command.expected)
        await work.endpoints.delete(endpoint.id)

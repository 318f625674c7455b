"""One endpoint within reach of who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Query, RowScope
from hedgerow_webhooks.application.ports import EndpointReader
from hedgerow_webhooks.application.views import EndpointView
from hedgerow_webhooks.domain.errors import EndpointNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetEndpoint(Query[EndpointView]):
    """The endpoint with this id."""

    rows: RowScope
    endpoint_id: UUID


@final
class GetEndpointHandler:
    """One out of reach and none at all look the same."""

    def __init__(self, endpoints: EndpointReader) -> None:
        self._endpoints = endpoints

    async def __call__(self, query: GetEndpoint) -> EndpointView:
        """Raises EndpointNotFound."""
        found = await self._endpoints.find(query.rows, query.endpoint_id)
        if found is None:
            raise EndpointNotFound
        return found

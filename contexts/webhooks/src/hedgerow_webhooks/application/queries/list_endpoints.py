"""Endpoints within reach of who asks, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Filters, Page, Query, RowScope
from hedgerow_webhooks.application.ports import EndpointReader
from hedgerow_webhooks.application.views import EndpointView


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListEndpoints(Query[Page[EndpointView]]):
    """A page, the latest first."""

    rows: RowScope
    limit: int
    filters: Filters = ()
    cursor: str | None = None


@final
class ListEndpointsHandler:
    """One statement."""

    def __init__(self, endpoints: EndpointReader) -> None:
        self._endpoints = endpoints

    async def __call__(self, query: ListEndpoints) -> Page[EndpointView]:
        """Raises ValidationError for an unknown filter, or a cursor of another list."""
        return await self._endpoints.list(query.rows, filters=query.filters, cursor=query.cursor, limit=query.limit)

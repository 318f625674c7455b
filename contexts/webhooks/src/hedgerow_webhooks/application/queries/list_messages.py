"""Messages to an endpoint within reach of who asks, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Filters, Page, Query, RowScope
from hedgerow_webhooks.application.ports import EndpointReader, MessageReader
from hedgerow_webhooks.application.views import MessageView
from hedgerow_webhooks.domain.errors import EndpointNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListMessages(Query[Page[MessageView]]):
    """A page, the latest first."""

    rows: RowScope
    endpoint_id: UUID
    limit: int
    filters: Filters = ()
    cursor: str | None = None


@final
class ListMessagesHandler:
    """An empty page says that there is such an endpoint."""

    def __init__(self, endpoints: EndpointReader, messages: MessageReader) -> None:
        self._endpoints = endpoints
        self._messages = messages

    async def __call__(self, query: ListMessages) -> Page[MessageView]:
        """Raises EndpointNotFound; ValidationError for an unknown filter, or a cursor of another list."""
        if await self._endpoints.find(query.rows, query.endpoint_id) is None:
            raise EndpointNotFound
        return await self._messages.list(
            query.rows, query.endpoint_id, filters=query.filters, cursor=query.cursor, limit=query.limit
        )

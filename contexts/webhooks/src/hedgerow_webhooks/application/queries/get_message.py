"""One message within reach of who asks, with its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Query, RowScope
from hedgerow_webhooks.application.ports import MessageReader
from hedgerow_webhooks.application.views import MessageLog
from hedgerow_webhooks.domain.errors import MessageNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetMessage(Query[MessageLog]):
    """The message with this id."""

    rows: RowScope
    message_id: UUID


@final
class GetMessageHandler:
    """One out of reach and none at all look the same."""

    def __init__(self, messages: MessageReader) -> None:
        self._messages = messages

    async def __call__(self, query: GetMessage) -> MessageLog:
        """Raises MessageNotFound."""
        found = await self._messages.find(query.rows, query.message_id)
        if found is None:
            raise MessageNotFound
        return found

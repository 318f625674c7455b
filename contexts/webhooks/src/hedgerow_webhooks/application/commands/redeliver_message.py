"""Have a message sent again, whatever has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import ALL_ROWS, Command, RowScope
from hedgerow_core.domain import Clock
from hedgerow_webhooks.application.ports import WebhooksWork
from hedgerow_webhooks.application.tasks.send_message import SendMessage
from hedgerow_webhooks.domain.errors import MessageNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RedeliverMessage(Command[UUID]):
    """Send it again at once, with all its attempts before it; answers with its id."""

    rows: RowScope
    message_id: UUID


@final
class RedeliverMessageHandler:
    """What was planned for it before counts no more: each time that it begins anew is a run of its own."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RedeliverMessage, work: WebhooksWork) -> UUID:
        """Raises MessageNotFound or EndpointSwitchedOff."""
        message = await work.messages.locked(command.message_id, rows=command.rows)
        if message is None:
            raise MessageNotFound
        endpoint = await work.endpoints.within(ALL_ROWS, message.endpoint_id)
        endpoint.demand_on()
        run = await work.messages.begin_anew(message, at=self._clock.now())
        await work.tasks.enqueue(SendMessage(message_id=message.id, run=run))
        return message.id

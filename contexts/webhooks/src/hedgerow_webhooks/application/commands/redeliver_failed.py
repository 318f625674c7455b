"""Have all that failed sent again, once a receiver is mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import final
from uuid import UUID

from hedgerow_core.application import Command, RowScope
from hedgerow_core.domain import Clock
from hedgerow_webhooks.application.ports import WebhooksWork
from hedgerow_webhooks.application.tasks.send_message import SendMessage

AT_ONCE = 500
"""Messages a transaction. Who has more asks again: what was sent again has not failed any more."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RedeliverFailed(Command[int]):
    """Send again what failed and was made since then; answers with how many, at most 500."""

    rows: RowScope
    endpoint_id: UUID
    since: datetime


@final
class RedeliverFailedHandler:
    """The oldest first."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RedeliverFailed, work: WebhooksWork) -> int:
        """Raises EndpointNotFound or EndpointSwitchedOff."""
        endpoint = await work.endpoints.within(command.rows, command.endpoint_id)
        endpoint.demand_on()
        failed = await work.messages.failed_of(endpoint.id, since=command.since, limit=AT_ONCE)
        for message in failed:
            run = await work.messages.begin_anew(message, at=self._clock.now())
            await work.tasks.enqueue(SendMessage(message_id=message.id, run=run))
        return len(failed)

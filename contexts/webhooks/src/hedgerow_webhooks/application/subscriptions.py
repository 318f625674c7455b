"""What webhooks does when something happens elsewhere: it lets events out to their owners, and knows who is who.

Each event has a feed of its own, so what happened to one account may be heard in another order than it happened in.
"""

from __future__ import annotations

import json
from datetime import UTC
from uuid import UUID

from pydantic import BaseModel

from hedgerow_core.messaging import Envelope
from hedgerow_webhooks.application.catalogue import LetOut
from hedgerow_webhooks.application.ports import NewMessage, Standing, WebhooksWork
from hedgerow_webhooks.application.tasks.send_message import SendMessage


class Account(BaseModel):
    """What is read of events that say whom they are about, and no more."""

    user_id: UUID


async def let_out(event: LetOut, envelope: Envelope, work: WebhooksWork) -> None:
    """Make a message for each endpoint of the owner that wants to hear of it, and have it sent."""
    listening = await work.endpoints.listening(event.concerns(), event.event_type)
    if not listening:
        return
    body = body_of(event, envelope)
    for endpoint_id in listening:
        message_id = await work.messages.add(
            NewMessage(
                endpoint_id=endpoint_id,
                webhook_id=envelope.event_id,
                type=event.event_type,
                body=body,
                at=envelope.occurred_at,
            )
        )
        if message_id is not None:
            await work.tasks.enqueue(SendMessage(message_id=message_id, run=1))


def body_of(event: LetOut, envelope: Envelope) -> str:
    """As the standard recommends: type, timestamp and data. Written once, so every attempt sends the same bytes."""
    body = {
        "type": event.event_type,
        "timestamp": envelope.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": event.model_dump(mode="json"),
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def stop_for_deactivated_user(event: Account, envelope: Envelope, work: WebhooksWork) -> None:
    """Send nothing to the endpoints of an account that is closed."""
    await work.owners.learn(event.user_id, Standing.DEACTIVATED, version=_version_of(envelope))


async def resume_for_reactivated_user(event: Account, envelope: Envelope, work: WebhooksWork) -> None:
    """Send again, beginning with what happens from now on."""
    await work.owners.learn(event.user_id, Standing.ACTIVE, version=_version_of(envelope))


async def forget_deleted_user(event: Account, envelope: Envelope, work: WebhooksWork) -> None:
    """Keep the id, so that nobody listens under it any more, and nothing else."""
    await work.owners.learn(event.user_id, Standing.DELETED, version=_version_of(envelope))
    await work.endpoints.delete_of(event.user_id)


def _version_of(envelope: Envelope) -> int:
    """A publisher that numbers nothing sends its first word only."""
    return envelope.aggregate_version or 1

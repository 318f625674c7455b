"""What this context publishes: primitives only. Nobody imports this file; names and schemas travel."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from hedgerow_core.messaging import EventContract


class EndpointDisabledV1(EventContract):
    """Nothing is sent to an endpoint any more: nothing arrived there for days, or it answered 410."""

    event_type: ClassVar[str] = "webhooks.endpoint_disabled"

    endpoint_id: UUID
    owner_id: UUID
    reason: Literal["failing", "gone"]
    failing_since: datetime | None
    disabled_at: datetime


PUBLISHED: tuple[type[EventContract], ...] = (EndpointDisabledV1,)
"""All of them."""

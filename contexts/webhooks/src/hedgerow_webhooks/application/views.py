"""What is read of endpoints and messages: past the domain, and without any secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_core.domain import Secret
from hedgerow_webhooks.domain.endpoint import Endpoint, EndpointStatus
from hedgerow_webhooks.domain.message import MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """An endpoint as its owner sees it."""

    id: UUID
    owner_id: UUID
    url: str
    events: Sequence[str]
    description: str
    status: EndpointStatus
    failing_since: datetime | None
    """Since when nothing has arrived; None if the last message did."""
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint that has just been registered, and what its messages will be signed with."""

    view: EndpointView
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """What messages are signed with from now on, besides the one before while that is still valid."""

    secret: Secret
    previous_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One line of the delivery log."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    failure: str | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message and how far it has come."""

    id: UUID
    endpoint_id: UUID
    webhook_id: UUID
    type: str
    status: MessageStatus
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    last_status: int | None
    last_failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLog:
    """A message with its body, and every attempt that is kept, oldest first."""

    message: MessageView
    body: str
    log: Sequence[AttemptView]


def view_of(endpoint: Endpoint, *, failing_since: datetime | None = None) -> EndpointView:
    """The view of an endpoint as it was just saved."""
    return EndpointView(
        id=endpoint.id,
        owner_id=endpoint.owner_id,
        url=endpoint.target.url,
        events=tuple(sorted(endpoint.events)),
        description=endpoint.description,
        status=endpoint.status,
        failing_since=failing_since,
        created_at=endpoint.created_at,
        version=endpoint.version,
    )

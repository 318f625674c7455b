"""What the use cases need from PostgreSQL: repositories, the unit of work, readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from hedgerow_core.application import Filters, Page, RowScope, UnitOfWork
from hedgerow_webhooks.application.views import EndpointView, MessageLog, MessageView
from hedgerow_webhooks.domain.endpoint import Endpoint
from hedgerow_webhooks.domain.message import Attempt, MessageStatus
from hedgerow_webhooks.domain.signing_secret import SigningSecret


class Standing(StrEnum):
    """Whether somebody's account is open. Nothing is sent in the name of others."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"


class Owners(Protocol):
    """What is known of who may have endpoints."""

    async def learn(self, owner_id: UUID, standing: Standing, *, version: int) -> None:
        """Take over what is told as of a later version than what is known. Who is deleted stays so."""
        ...

    async def count_endpoints(self, owner_id: UUID) -> int:
        """How many they have; until the transaction ends, others who ask for the same owner wait."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How sending to an endpoint goes."""

    failing_since: datetime | None
    """None: the last message arrived, or none was sent."""


class Endpoints(Protocol):
    """Loads and saves endpoints, inside the transaction of a unit of work."""

    async def add(self, endpoint: Endpoint, secret: SigningSecret) -> None:
        """Save a new one, and what its messages are signed with."""
        ...

    async def within(self, rows: RowScope, endpoint_id: UUID) -> Endpoint:
        """The endpoint.

        Raises:
            EndpointNotFound: it is not there, or not within reach.
        """
        ...

    async def update(self, endpoint: Endpoint) -> Health:
        """Save a changed one, and say how sending to it goes: afresh, if it goes elsewhere or was switched on.

        Raises:
            ConflictError: `concurrent_change`, somebody else saved it since it was loaded.
        """
        ...

    async def delete(self, endpoint_id: UUID) -> None:
        """Forget it, its secrets and its messages."""
        ...

    async def delete_of(self, owner_id: UUID) -> None:
        """Forget all of an owner."""
        ...

    async def rotate(
        self, endpoint_id: UUID, secret: SigningSecret, *, at: datetime, previous_until: datetime
    ) -> None:
        """Sign with this one from now on; with the one before as well, until then. Older ones end now."""
        ...

    async def listening(self, owner_id: UUID, type: str) -> Sequence[UUID]:
        """The owner's endpoints that are on and name this type of event; none of who is not active."""
        ...

    async def note(self, endpoint_id: UUID, attempt: Attempt) -> Health | None:
        """Remember how it went; after several failures, have it left alone for a while. None: it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """An event on its way to an endpoint."""

    endpoint_id: UUID
    webhook_id: UUID
    """The event's: the same in every message about it, and however often it is sent."""
    type: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMessage:
    """A message, locked."""

    id: UUID
    endpoint_id: UUID
    status: MessageStatus
    run: int
    tries: int
    """How often it was sent in this run."""


class Messages(Protocol):
    """Messages and their log, inside the transaction of a unit of work."""

    async def add(self, message: NewMessage) -> UUID | None:
        """Save it, and return its id; None if this event is on its way to this endpoint already."""
        ...

    async def endpoint_of(self, message_id: UUID) -> UUID | None:
        """Where it goes; None if there is no such message."""
        ...

    async def locked(self, message_id: UUID, *, rows: RowScope) -> KnownMessage | None:
        """The message; until the transaction ends, all others who want it so wait. None: none within reach."""
        ...

    async def failed_of(self, endpoint_id: UUID, *, since: datetime, limit: int) -> Sequence[KnownMessage]:
        """Some that failed and were made since then, the oldest first, locked."""
        ...

    async def log(self, message_id: UUID, attempt: Attempt) -> None:
        """Add a line to its log."""
        ...

    async def settle(
        self, message: KnownMessage, status: MessageStatus, *, tries: int, next_attempt_at: datetime | None
    ) -> None:
        """How far it has come."""
        ...

    async def begin_anew(self, message: KnownMessage, *, at: datetime) -> int:
        """Have it sent once more, as if for the first time; returns the number of the run."""
        ...

    async def prune(self, *, before: datetime, limit: int) -> int:
        """Forget some that are older; says how many."""
        ...


class WebhooksWork(UnitOfWork, Protocol):
    """One transaction of this context."""

    @property
    def owners(self) -> Owners:
        """Who has endpoints, in this transaction."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints, in this transaction."""
        ...

    @property
    def messages(self) -> Messages:
        """The messages, in this transaction."""
        ...


class EndpointReader(Protocol):
    """Answers questions about endpoints within reach: one statement each, past the domain."""

    async def find(self, rows: RowScope, endpoint_id: UUID) -> EndpointView | None:
        """The endpoint if it is there and within reach."""
        ...

    async def list(self, rows: RowScope, *, filters: Filters, cursor: str | None, limit: int) -> Page[EndpointView]:
        """A page of those within reach, the latest first.

        Raises:
            ValidationError: an unknown filter, or a cursor that is not of this list.
        """
        ...


class MessageReader(Protocol):
    """Answers questions about messages within reach."""

    async def find(self, rows: RowScope, message_id: UUID) -> MessageLog | None:
        """The message with its log, if it is there and within reach."""
        ...

    async def list(
        self, rows: RowScope, endpoint_id: UUID, *, filters: Filters, cursor: str | None, limit: int
    ) -> Page[MessageView]:
        """A page of those to an endpoint, the latest first.

        Raises:
            ValidationError: an unknown filter, or a cursor that is not of this list.
        """
        ...

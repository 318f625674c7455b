"""An endpoint: where a customer wants to hear of events, and of which."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import final
from uuid import UUID

from hedgerow_core.domain import AggregateRoot, new_id
from hedgerow_webhooks.domain.errors import EndpointSwitchedOff, UnknownEventType
from hedgerow_webhooks.domain.events import EndpointDisabled, GivenUp
from hedgerow_webhooks.domain.target import Target

MOST_ENDPOINTS = 10
"""Of one owner: each of them is sent every event that it names."""
MAX_DESCRIPTION = 200


class EndpointStatus(StrEnum):
    """Whether messages are sent to an endpoint, and if not, why."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    """By its owner."""
    FAILING = "failing"
    """By us: nothing arrived for days."""
    GONE = "gone"
    """By us: it answered 410."""


@final
class Endpoint(AggregateRoot[UUID]):
    """The aggregate. Secrets, and how sending goes, are kept beside it: they change at another pace."""

    __slots__ = ("created_at", "description", "events", "owner_id", "status", "target")

    def __init__(
        self,
        id: UUID,
        *,
        owner_id: UUID,
        target: Target,
        events: frozenset[str],
        description: str,
        status: EndpointStatus,
        created_at: datetime,
        version: int = 0,
    ) -> None:
        super().__init__(id, version=version)
        self.owner_id = owner_id
        self.target = target
        self.events = events
        self.description = description
        self.status = status
        self.created_at = created_at

    @classmethod
    def register(
        cls, *, owner_id: UUID, target: Target, events: frozenset[str], description: str, at: datetime
    ) -> Endpoint:
        """A new one, switched on."""
        return cls(
            new_id(),
            owner_id=owner_id,
            target=target,
            events=events,
            description=description,
            status=EndpointStatus.ENABLED,
            created_at=at,
        )

    @property
    def is_on(self) -> bool:
        """Whether messages are sent to it."""
        return self.status is EndpointStatus.ENABLED

    def demand_on(self) -> None:
        """Raises EndpointSwitchedOff."""
        if not self.is_on:
            raise EndpointSwitchedOff

    def switch(self, *, on: bool) -> None:
        """What its owner wants. One that we have given up stays as it is if it is to be off anyway."""
        if on:
            self.status = EndpointStatus.ENABLED
        elif self.is_on:
            self.status = EndpointStatus.DISABLED

    def give_up(self, reason: GivenUp, *, failing_since: datetime | None, at: datetime) -> None:
        """Send nothing there any more, and say so. Of one that is off already, nothing is said."""
        if not self.is_on:
            return
        self.status = EndpointStatus(reason.value)
        self.record(
            EndpointDisabled(
                endpoint_id=self.id, owner_id=self.owner_id, reason=reason, failing_since=failing_since, at=at
            )
        )


def chosen_events(wanted: Collection[str], known: Collection[str]) -> frozenset[str]:
    """The types of events that an endpoint names.

    Raises:
        UnknownEventType: one of them is not let out.
    """
    for type in sorted(wanted):
        if type not in known:
            raise UnknownEventType(type)
    return frozenset(wanted)

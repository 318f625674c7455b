"""What happens to endpoints that others may want to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hedgerow_core.domain import DomainEvent


class GivenUp(StrEnum):
    """Why nothing is sent to an endpoint any more."""

    FAILING = "failing"
    """Nothing arrived for days."""
    GONE = "gone"
    """It answered 410."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDisabled(DomainEvent):
    """An endpoint was switched off, and not by its owner."""

    endpoint_id: UUID
    owner_id: UUID
    reason: GivenUp
    failing_since: datetime | None
    at: datetime

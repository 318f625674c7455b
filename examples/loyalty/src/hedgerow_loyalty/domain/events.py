"""What happens to points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_core.domain import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsEarned(DomainEvent):
    """A customer has more points."""

    customer_id: UUID
    invoice_id: UUID
    points: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsTakenBack(DomainEvent):
    """A customer has fewer."""

    customer_id: UUID
    invoice_id: UUID
    points: int
    at: datetime

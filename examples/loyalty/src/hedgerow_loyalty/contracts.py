"""What this context publishes: primitives only. Nobody imports this file; names and schemas travel."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from hedgerow_core.messaging import EventContract
from hedgerow_core.questions import AnswerContract, QueryContract


class PointsEarnedV1(EventContract):
    """A customer has more points."""

    event_type: ClassVar[str] = "loyalty.points_earned"

    customer_id: UUID
    invoice_id: UUID
    points: int
    earned_at: datetime


class PointsTakenBackV1(EventContract):
    """A customer has fewer points, because money was given back."""

    event_type: ClassVar[str] = "loyalty.points_taken_back"

    customer_id: UUID
    invoice_id: UUID
    points: int
    taken_back_at: datetime


class PointsV1(AnswerContract):
    """How many points somebody has."""

    points: int


class CustomerPointsV1(QueryContract):
    """The points of a customer: 0 for whom nothing was ever paid."""

    query_name: ClassVar[str] = "loyalty.customer_points"
    query_version: ClassVar[int] = 1
    answer: ClassVar[type[AnswerContract]] = PointsV1

    customer_id: UUID

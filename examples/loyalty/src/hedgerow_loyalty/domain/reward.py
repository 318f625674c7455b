"""A reward: what one invoice has earned its customer, after all that was paid and given back of it."""

from __future__ import annotations

from datetime import datetime
from typing import final
from uuid import UUID

from hedgerow_core.domain import AggregateRoot
from hedgerow_loyalty.domain.events import PointsEarned, PointsTakenBack

MINOR_UNITS_A_POINT = 100
"""One point for each full euro (or dollar, or …)."""


@final
class Reward(AggregateRoot[UUID]):
    """The aggregate. Its id is the invoice's."""

    __slots__ = ("customer_id", "given_back", "paid")

    def __init__(self, id: UUID, *, customer_id: UUID, paid: int, given_back: int, version: int) -> None:
        super().__init__(id, version=version)
        self.customer_id = customer_id
        self.paid = paid
        self.given_back = given_back

    @property
    def points(self) -> int:
        """What is earned right now."""
        return max(0, self.paid - self.given_back) // MINOR_UNITS_A_POINT

    def pay(self, amount: int, *, at: datetime) -> None:
        """Money came in, in minor units."""
        before = self.points
        self.paid += amount
        self._tell(before, at)

    def give_back(self, amount: int, *, at: datetime) -> None:
        """Money went back, in minor units. It may be heard of before the payment is."""
        before = self.points
        self.given_back += amount
        self._tell(before, at)

    def _tell(self, before: int, at: datetime) -> None:
        difference = self.points - before
        if difference:
            happened = PointsEarned if difference > 0 else PointsTakenBack
            self.record(happened(customer_id=self.customer_id, invoice_id=self.id, points=abs(difference), at=at))

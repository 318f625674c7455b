"""When an invoice that is collected automatically is charged: on its due date, and on some days after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from hedgerow_core.domain import ValueObject


@dataclass(frozen=True, slots=True)
class RetryPlan(ValueObject):
    """On which days after the due date a charge is tried, in ascending order; 0 is the due date itself."""

    days: tuple[int, ...]

    def attempt(self, nth: int, due_on: date) -> datetime | None:
        """When the attempt falls due, the first being 0, at midnight UTC. None after the last one."""
        if nth >= len(self.days):
            return None
        return datetime.combine(due_on + timedelta(days=self.days[nth]), time(), UTC)

    def passed(self, due_on: date, at: datetime) -> int:
        """How many attempts have fallen due by then."""
        return sum(datetime.combine(due_on + timedelta(days=day), time(), UTC) <= at for day in self.days)
